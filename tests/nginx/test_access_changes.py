"""ALLOWED_FILE, reload, long lists, and what helps to understand a denial."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from stack.machine import kernel
from stack.nginx import access
from stack.settings import networks
from stack.settings.errors import ConfigError
from stack.settings.table import Settings
from tests.support.launching import Launch
from tests.support.stacks import ROOT, Stack

FILE = "app/allowed.txt"  # what is below app/ can be changed on the host and in the image


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """The example application, with room for a list beside it."""
    shutil.copytree(ROOT / "app", tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__"))
    tmp_path.chmod(0o755)
    return tmp_path / "app"


def statuses(stack: Stack, *clients: str) -> list[int]:
    """Ask for each client's answer."""
    return [stack.get(client=client).status_code for client in clients]


def test_a_list_in_a_file_is_read_again_by_a_reload(launch: Launch, app: Path) -> None:
    (app / "allowed.txt").write_text("# the office\n127.0.0.1 ; 127.0.0.2\n\n::1 # all of it\n")
    stack = launch(app=app, ALLOWED_FILE=FILE)
    clients = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "::1")
    assert statuses(stack, *clients) == [200, 200, 403, 200]
    (app / "allowed.txt").write_text("127.0.0.3")
    assert statuses(stack, *clients) == [200, 200, 403, 200]
    assert stack.run("./entrypoint.py", "reload").returncode == 0
    assert statuses(stack, *clients) == [403, 403, 200, 403]


def test_after_a_reload_the_new_rules_hold_on_open_connections_too(
    launch: Launch, app: Path
) -> None:
    (app / "allowed.txt").write_text("127.0.0.1;127.0.0.2")
    stack = launch(app=app, ALLOWED_FILE=FILE, SHUTDOWN_TIMEOUT="5")
    silent = socket.create_connection(("127.0.0.1", stack.port), 20, ("127.0.0.2", 0))
    with silent, stack.connection("127.0.0.2") as kept:
        assert kept.get(f"http://127.0.0.1:{stack.port}/").status_code == 200
        (app / "allowed.txt").write_text("127.0.0.1")
        assert stack.run("./entrypoint.py", "reload").returncode == 0
        with contextlib.suppress(OSError):
            silent.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert b" 200 " not in silent.makefile("rb").readline()
        assert kept.get(f"http://127.0.0.1:{stack.port}/").status_code == 403


def test_a_proxy_that_is_allowed_itself_is_warned_of(launch: Launch) -> None:
    stack = launch(ALLOWED="127.0.0.0/8", TRUSTED_PROXIES="127.0.0.1;192.0.2.1")
    assert stack.says("warning: ALLOWED holds the trusted proxy 127.0.0.1")
    assert not stack.lines("192.0.2.1")


def test_a_mistake_in_the_file_is_shown_with_its_line_and_changes_nothing(
    launch: Launch, app: Path
) -> None:
    (app / "allowed.txt").write_text("127.0.0.1")
    stack = launch(app=app, ALLOWED_FILE=FILE)
    for text, reason in {
        "127.0.0.2\n127.0.0.3/8\n": "ALLOWED_FILE: line 2, '127.0.0.3/8': has host bits set",
        "# nobody\n": "ALLOWED_FILE: has no entry",
    }.items():
        (app / "allowed.txt").write_text(text)
        answer = stack.run("./entrypoint.py", "reload")
        assert answer.returncode == os.EX_CONFIG
        assert reason in answer.stderr
        assert statuses(stack, "127.0.0.1", "127.0.0.2") == [200, 403]


def test_a_file_that_is_replaced_by_way_of_links_is_followed(launch: Launch, app: Path) -> None:
    # As Kubernetes does it: file -> ..data/file, ..data -> a folder that is swapped.
    for name, text in {"one": "127.0.0.1", "two": "127.0.0.2"}.items():
        (app / name).mkdir()
        (app / name / "allowed.txt").write_text(text)
    (app / "..data").symlink_to("one")
    (app / "allowed.txt").symlink_to("..data/allowed.txt")
    stack = launch(app=app, ALLOWED_FILE=FILE)
    assert statuses(stack, "127.0.0.1", "127.0.0.2") == [200, 403]
    (app / "..new").symlink_to("two")
    (app / "..new").rename(app / "..data")
    assert stack.run("./entrypoint.py", "reload").returncode == 0
    assert statuses(stack, "127.0.0.1", "127.0.0.2") == [403, 200]


def test_a_long_list_decides_alike(launch: Launch, app: Path) -> None:
    listed = [f"10.{high}.{low}.0/25" for high in range(40) for low in range(256)]
    (app / "allowed.txt").write_text("\n".join([*listed, *listed[:9], "127.0.0.8/30", "::1"]))
    stack = launch(app=app, ALLOWED_FILE=FILE)
    clients = {"127.0.0.7": 403, "127.0.0.8": 200, "127.0.0.11": 200, "127.0.0.12": 403, "::1": 200}
    assert statuses(stack, *clients) == list(clients.values())
    assert stack.run("./entrypoint.py", "reload").returncode == 0
    assert statuses(stack, *clients) == list(clients.values())


def test_variable_and_file_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="ALLOWED: is set, and ALLOWED_FILE too"):
        Settings.from_environ({"ALLOWED": "10.0.0.1", "ALLOWED_FILE": "/dev/null"})


@pytest.mark.parametrize("path", ["/no/such/file", "/proc", ""])
def test_a_file_that_cannot_be_read_is_named(path: str) -> None:
    with pytest.raises(ConfigError, match="ALLOWED_FILE: ") as refused:
        Settings.from_environ({"ALLOWED_FILE": path})
    assert f"{path!r}: cannot be read" in refused.value.args[0]


@pytest.mark.parametrize(
    ("client", "status", "says"),
    [
        ("127.0.0.1", 0, "ALLOWED has 127.0.0.1"),
        ("::ffff:127.0.0.1", 0, "ALLOWED has 127.0.0.1"),
        ("172.19.0.9", 1, "ALLOWED does not contain it"),
        ("2001:db8::1", 1, "ALLOWED does not contain it"),
        ("nobody", os.EX_CONFIG, "is not an address"),
    ],
)
def test_check_answers_for_one_client(stack: Stack, client: str, status: int, says: str) -> None:
    answer = stack.run("./entrypoint.py", "check", "--client", client)
    assert (answer.returncode, says in answer.stdout + answer.stderr) == (status, True)


def test_check_tells_of_rules_that_are_not_the_settings(launch: Launch) -> None:
    stack = launch(ALLOWED="127.0.0.1", TRUSTED_PROXIES="127.0.0.7")
    client = ("--client", "127.0.0.2")

    def told(*words: str) -> set[str]:
        said = stack.run("./entrypoint.py", "check", *words).stderr
        return set(re.findall(r"warning: (run/\S+) is not what these settings give", said))

    assert told() == set()
    names = {f"run/{name}.conf" for name in ("permissions", "allowed", "server", "http")}
    stack.run("sh", "-c", f"for each in {' '.join(names)}; do echo '# x' >> $each; done")
    assert told() == told(*client) == names
    assert stack.run("./entrypoint.py", "reload").returncode == 0
    assert told(*client) == set()


def test_a_denial_by_the_gateway_says_what_that_means(tmp_path: Path) -> None:
    table = tmp_path / "route"
    table.write_text("Iface Destination Gateway Flags\neth0 00000000 010011AC 0003 0 0 0\n")
    assert kernel.gateway(table) == IPv4Address("172.17.0.1")
    assert kernel.gateway(tmp_path / "missing") is None


def test_long_and_short_lists_are_asked_alike() -> None:
    for count in (1, 5000):
        allowed = networks.networks(";".join(f"10.0.{n // 250}.{n % 250}" for n in range(count)))
        files = access.rules((*allowed, *allowed))
        assert files["permissions.conf"] == access.permissions((*allowed, *allowed))
        assert files["allowed.conf"].count(" 1;\n") == count
    assert access.rules(None)["allowed.conf"] == "geo $remote_addr $listed {\n    default 1;\n}\n"
