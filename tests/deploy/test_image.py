"""What only an image has."""

from __future__ import annotations

import json
import re
import secrets
import signal
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from dev import bom, labels, size
from stack import VERSION
from tests.support.image import HARDENED, ImageStack, docker, once
from tests.support.stacks import ROOT
from tests.support.wait import wait_until

ASK = """
import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=10).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


@pytest.fixture
def container(image: str) -> Iterator[ImageStack]:
    """A stack that runs as hardened as it can."""
    stack = ImageStack({}, image, HARDENED)
    stack.start()
    try:
        stack.wait_until_ready()
        yield stack
    finally:
        stack.close()


def test_serves_hardened_as_the_readme_recommends(container: ImageStack) -> None:
    assert container.get().text == "Hello, World!"


def test_pid_1_is_supervisord(container: ImageStack) -> None:
    assert "supervisord" in container.run("cat", "/proc/1/cmdline").stdout


def test_nothing_runs_as_root(container: ImageStack) -> None:
    pids = container.pids()
    assert len(pids) >= 5
    # Real, effective and saved.
    assert {uid for pid in pids for uid in psutil.Process(pid).uids()} == {101}


def test_goes_healthy_although_loopback_is_not_allowed(image: str) -> None:
    stack = ImageStack({"ALLOWED": "192.0.2.1"}, image, ("--health-interval=1s",))
    stack.start()
    try:
        stack.wait_until(lambda: stack.state()["Health"]["Status"] == "healthy")
    finally:
        stack.close()


def test_holds_no_compiler_no_cache_no_test_and_no_history(image: str) -> None:
    script = """
import pathlib, shutil
print([tool for tool in ("cc", "gcc", "c++", "g++", "make", "git") if shutil.which(tool)])
print([str(path) for folder in ("/root", "/tmp", "/var/cache/apk", "/var/lib/apt/lists",
       "/var/cache/apt") for path in pathlib.Path(folder).rglob("*.*") if path.is_file()
       and not path.name.startswith(".")])
print(sorted(path.name for path in pathlib.Path("/srv").iterdir()))
"""
    answer = once("--user=0", image, "python3", "-c", script).stdout.splitlines()
    tree = [
        "__pycache__", "app", "conf", "entrypoint.py", "revision", "run", "stack",
        "supervisord.conf",
    ]  # fmt: skip
    assert answer == ["[]", "[]", str(tree)]


def test_adds_less_to_its_base_and_to_python_than_is_allowed(image: str) -> None:
    assert 8_000_000 < size.ours(size.parts(image)) <= size.LIMIT


def test_nothing_makes_another_user_and_few_places_can_be_written_by_all(image: str) -> None:
    script = """
find / -xdev -type f -perm /6000
find / -xdev ! -type l -perm -2
"""
    answer = once("--user=0", "--entrypoint=sh", image, "-c", script)
    assert sorted(answer.stdout.split()) == ["/srv/run", "/tmp"]  # noqa: S108


def test_the_bill_of_materials_is_what_requirements_txt_pins_and_pip(image: str) -> None:
    pinned = re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text(), re.M)
    tool = Path(sys.executable).with_name("cyclonedx-py")
    bill = {each["name"].lower(): each["version"] for each in bom.made(image, tool)["components"]}
    assert bill.pop("pip")
    assert bill == dict(pinned)


# Byte code is compared with its source by content: bit 0 of its flags; bit 1, if at each import.
# What uWSGI holds of the time when it was built is always the same.
BUILT = """
import pathlib, re
for folder in ("/opt/venv/lib", "/srv/stack", "/srv/app"):
    files = pathlib.Path(folder).rglob("*.pyc")
    print({int.from_bytes(file.read_bytes()[4:8], "little") for file in files})
uwsgi = pathlib.Path("/opt/venv/bin/uwsgi").read_bytes()
print(re.findall(rb"\\d\\d [A-Z][a-z]+ \\d{4} [\\d:]{8}", uwsgi))
"""


def test_what_is_built_holds_no_time_of_its_build(image: str) -> None:
    lines = once(image, "python3", "-c", BUILT).stdout.splitlines()
    assert lines == ["{1}", "{3}", "{3}", "[b'01 January 1980 00:00:00']"]


def test_says_what_it_is(image: str) -> None:
    config = json.loads(docker("inspect", "--format={{json .Config}}", image).stdout)
    assert config["User"] == "101:101"
    assert config["StopSignal"] == "SIGTERM"
    assert set(config["ExposedPorts"]) == {"80/tcp", "443/tcp"}
    assert config["Healthcheck"]["Test"][0] == "CMD"
    label = {name.removeprefix(labels.PREFIX): each for name, each in config["Labels"].items()}
    assert (label["title"], label["licenses"]) == ("nginx-python3", "MIT")
    assert label.get("version", VERSION) == VERSION  # a bare `docker build` does not say it
    lines = once(image, "version").stdout.splitlines()
    said = dict(line.split(" ", 1) for line in lines)
    assert said["nginx-python3"] == VERSION
    assert said["revision"] == label.get("revision", "unknown")


@pytest.fixture
def neighbours(image: str) -> Iterator[dict[str, str]]:
    """A network and, on it or on the default bridge, idle containers: their names and addresses."""
    mark = uuid.uuid4().hex[:8]
    network = f"mynetwork-{mark}"
    # As in README, but where another network can hardly be.
    net = f"172.29.{secrets.randbelow(256)}"
    addresses = {f"{net}.5": network, f"{net}.9": network, "": "bridge", " ": "bridge"}
    names: dict[str, str] = {}
    docker("network", "create", f"--subnet={net}.0/24", network)
    try:
        for number, (address, where) in enumerate(addresses.items()):
            name = f"client-{number}-{mark}"
            fixed = [f"--ip={address}"] if where == network else []
            idle = ["python3", "-c", "import signal; signal.pause()"]
            docker(
                "run",
                "--detach",
                "--init",
                f"--name={name}",
                f"--network={where}",
                *fixed,
                image,
                *idle,
            )
            template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
            names[name] = docker("inspect", f"--format={template}", name).stdout.strip()
        yield {"network": network, "net": net, **names}
    finally:
        docker("rm", "--force", f"ng-{mark}", *names, check=False)
        docker("network", "rm", network)


@pytest.mark.xdist_group("172.29.0.0/16")  # one network at a time, lest they overlap
@pytest.mark.parametrize("ranged", [False, True], ids=["hosts", "ranges"])
def test_containers_that_are_listed_get_in_and_all_others_do_not(
    image: str, neighbours: dict[str, str], ranged: bool
) -> None:
    network, net = neighbours.pop("network"), neighbours.pop("net")
    server = f"ng-{network.removeprefix('mynetwork-')}"
    listed, unlisted, bridged, other = neighbours
    if ranged:
        allowed = f"{net}.0/24;{neighbours[bridged]};"
        expected = {listed: "200", unlisted: "200", bridged: "200", other: "403"}
    else:
        allowed = f"{net}.2;{net}.5;"
        expected = {listed: "200", unlisted: "403", bridged: "403", other: "403"}
    docker(
        "run", "--name", server, "-d", "-p", "127.0.0.1::80", f"--network={network}",
        "-e", f"ALLOWED={allowed}", image,
    )  # fmt: skip
    docker("network", "connect", "bridge", server)
    wait_until(
        lambda: docker("exec", server, "./entrypoint.py", "healthy", check=False).returncode == 0,
        report=lambda: docker("logs", server).stderr,
    )
    template = (
        "{{range $name, $one := .NetworkSettings.Networks}}{{$name}} {{$one.IPAddress}}\n{{end}}"
    )
    where = dict(
        line.split()
        for line in docker("inspect", f"--format={template}", server).stdout.split("\n")
        if line
    )
    answers = {
        client: docker(
            "exec", client, "python3", "-c", ASK,
            f"http://{where[network if client in (listed, unlisted) else 'bridge']}/",
        ).stdout.strip()
        for client in neighbours
    }  # fmt: skip
    assert answers == expected
    rules = docker("exec", server, "cat", "/srv/run/permissions.conf").stdout
    assert rules == "".join(f"allow {one};\n" for one in allowed.split(";") if one) + "deny all;\n"


@pytest.mark.parametrize(
    "options",
    [
        ("--user=12345:0",),
        ("--user=12345:12345",),
        ("--user=12345:12345", *HARDENED),
        ("--user=12345:0", "--read-only", "--tmpfs=/srv/run"),
        ("--init",),
        ("--tty", "--interactive"),
        ("--log-driver=none",),
        ("--ulimit=nofile=256:256",),
        ("--tmpfs=/srv/run:size=1m", "--read-only"),
    ],
    ids=" ".join,
)
def test_serves_in_any_circumstances_and_stops_with_0(image: str, options: tuple[str, ...]) -> None:
    stack = ImageStack({"ALLOWED": "127.0.0.1"}, image, options)
    stack.start()
    try:
        stack.wait_until_ready()
        assert [stack.get(client=f"127.0.0.{host}").status_code for host in (1, 2)] == [200, 403]
        assert stack.run("supervisorctl", "status").stdout.count("STARTING") <= 2
        docker("stop", stack.name)
        assert stack.exit_status() == 0
        stack.start_again()
    finally:
        stack.close()


def test_root_works_and_is_warned_of(image: str) -> None:
    stack = ImageStack({}, image, ("--user=0",))
    stack.start()
    try:
        stack.wait_until_ready()
        assert stack.get().status_code == 200
        assert stack.says("warning: running as root")
        assert not stack.lines("CRIT")
    finally:
        stack.close()


@pytest.mark.parametrize("user", ["101", "0"])
def test_stdout_is_the_access_log_and_nothing_else(image: str, user: str) -> None:
    stack = ImageStack({"ACCESS_LOG": "json"}, image, (f"--user={user}",))
    stack.start()
    try:
        stack.wait_until_ready()
        for _ in range(3):
            stack.get("/request")
        stack.run("supervisorctl", "restart", "uwsgi")
        stack.signal(signal.SIGTERM)
        assert stack.wait_until_gone() == 0
        lines = docker("logs", stack.name).stdout.splitlines()
        assert [json.loads(line)["uri"] for line in lines] == ["/request"] * 3
    finally:
        stack.close()


def test_without_ipv6_it_serves_ipv4(image: str) -> None:
    stack = ImageStack({}, image)
    # A network of its own, in which IPv6 can be turned off.
    stack.options = ("--sysctl=net.ipv6.conf.all.disable_ipv6=1",)
    stack.settings["LISTEN_PORT"] = "80"
    stack.start()
    try:
        stack.wait_until_ready()
    finally:
        stack.close()


def test_a_run_folder_that_is_full_costs_uploads_and_nothing_else(image: str) -> None:
    settings = {"CLIENT_MAX_BODY_SIZE": "20m"}
    stack = ImageStack(settings, image, ("--tmpfs=/srv/run:size=1m", "--read-only"))
    stack.start()
    try:
        stack.wait_until_ready()
        assert stack.request("POST", data=b"x" * 10_000_000).status_code >= 500
        assert stack.get().status_code == 200
        stack.wait_until(lambda: stack.lines("No space left on device"))
    finally:
        stack.close()


def test_a_worker_that_takes_too_much_memory_is_the_one_that_goes(image: str) -> None:
    app = f"--volume={ROOT / 'tests/apps/faults'}:/srv/app:ro"
    options = ("--memory=96m", "--memory-swap=96m", app)
    settings = {"APP_MODULE": "faults:application", "UWSGI_PROCESSES": "2"}
    stack = ImageStack(settings, image, options)
    stack.start()
    try:
        stack.wait_until_ready()
        assert stack.get("/eat/200").status_code == 503
        stack.wait_until(lambda: stack.get().status_code == 200)
        stack.wait_until(lambda: stack.lines("out of memory", "96 MiB", "UWSGI_PROCESSES"))
        assert stack.alive()
    finally:
        stack.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--ulimit=nofile=40:40",), ("open files: 40 are allowed", "--ulimit nofile=")),
        (("--read-only", "--tmpfs=/srv/run:size=64k"), ("/srv/run", "64 KiB", "--tmpfs")),
    ],
    ids=["open files", "room"],
)
def test_what_there_is_too_little_of_is_named(
    image: str, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    stack = ImageStack({}, image, options)
    stack.start()
    try:
        assert stack.wait_until_gone(60) == 78, stack.log()
        assert stack.lines("entrypoint: error: ", *words), stack.log()
    finally:
        stack.close()


def test_an_application_that_does_not_fit_into_memory_ends_with_1_and_that_reason(
    image: str, folder: Path
) -> None:
    (folder / "app.py").write_text("data = b'x' * (96 << 20)\n\ndef app(*_): ...\n")
    options = ("--memory=96m", "--memory-swap=96m", f"--volume={folder}:/srv/app:ro")
    stack = ImageStack({"UWSGI_PROCESSES": "1"}, image, options)
    stack.start()
    try:
        assert stack.wait_until_gone(60) == 1, stack.log()
        assert stack.lines("entrypoint: error: ", "gave up", "out of memory", "96 MiB"), stack.log()
    finally:
        stack.close()
