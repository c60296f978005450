"""The entrypoint's commands, without a running stack: check, refusals, any other command."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dev import tree
from tests.support.stacks import reserve

Answer = subprocess.CompletedProcess[str]
Entrypoint = Callable[..., Answer]

CONFIG = os.EX_CONFIG


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree to run in."""
    tree.lay(tmp_path / "a tree")
    return tmp_path / "a tree"


@pytest.fixture(params=["host", "image"])
def entrypoint(request: pytest.FixtureRequest) -> Entrypoint:
    """The entrypoint with arguments and an environment, as a user would call it."""
    if request.param == "host":
        root: Path = request.getfixturevalue("root")
        prefix = [sys.executable, str(root / "entrypoint.py")]
    else:
        prefix = []

    def call(*arguments: str, **environ: str) -> Answer:
        command = [*prefix, *arguments]
        if not prefix or os.geteuid() == 0:  # else the port is 80, which somebody here may have
            with reserve() as reserved:
                environ = {"LISTEN_PORT": str(reserved.getsockname()[1]), **environ}
        if not prefix:
            env = [f"--env={name}={value}" for name, value in environ.items()]
            image = str(request.config.getoption("--image"))
            command = ["docker", "run", "--rm", "--network=host", *env, image, *arguments]
        return subprocess.run(
            command,
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return call


def test_check_prints_settings_with_their_sources_and_the_files(entrypoint: Entrypoint) -> None:
    answer = entrypoint("check", ALLOWED="10.0.0.7;2001:db8::/32", LISTEN_PORT="8099")
    assert answer.returncode == 0, answer.stderr
    assert "ALLOWED = 10.0.0.7;2001:db8::/32  (environment)" in answer.stdout
    assert "LISTEN_PORT = 8099  (environment)" in answer.stdout
    assert "UWSGI_THREADS = 1  (default)" in answer.stdout
    assert "allow 10.0.0.7;\nallow 2001:db8::/32;\ndeny all;\n" in answer.stdout


def test_check_starts_nothing_and_leaves_nothing(root: Path) -> None:
    subprocess.run([sys.executable, "entrypoint.py", "check"], cwd=root, check=True, timeout=60)
    assert [path.name for path in (root / "run").rglob("*")] == ["tmp"]


@pytest.mark.parametrize("command", [["check"], []], ids=["check", "start"])
def test_a_port_that_another_program_has_is_named(root: Path, command: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answer = subprocess.run(
            [sys.executable, "entrypoint.py", *command],
            cwd=root,
            env={**os.environ, "LISTEN_PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert answer.returncode == CONFIG
    assert f"LISTEN_PORT: '{port}': cannot be used (Address already in use)" in answer.stderr


@pytest.mark.parametrize("command", [["check"], []], ids=["check", "start"])
def test_mistakes_end_with_78_before_anything_starts(
    entrypoint: Entrypoint, command: list[str]
) -> None:
    answer = entrypoint(*command, ALLOWED="1.2.3.4/33;10.0.0.1/8", LISTEN_PORT="no")
    assert answer.returncode == CONFIG
    assert answer.stdout == ""
    assert answer.stderr.splitlines()[1:] == [
        "entrypoint: error: ALLOWED: entry 2, '10.0.0.1/8': has host bits set; "
        "write 10.0.0.0/8 for the range or 10.0.0.1 for the host",
        "entrypoint: error: LISTEN_PORT: 'no': is not a whole number from 1 to 65535; "
        "write digits only, or unset it for the default",
    ]
    assert answer.stderr.startswith("entrypoint: error: ALLOWED: entry 1, '1.2.3.4/33': ")


def test_an_open_door_and_a_misspelt_name_are_said_loudly(entrypoint: Entrypoint) -> None:
    answer = entrypoint("check", LISTEN_PORTS="80", REAL_IP_HEADER="X-Real-IP")
    assert answer.returncode == 0, answer.stderr
    assert "warning: ALLOWED is not set: everyone may connect" in answer.stderr
    assert "warning: LISTEN_PORTS is not a setting; did you mean LISTEN_PORT?" in answer.stderr
    assert "warning: REAL_IP_HEADER has no effect without TRUSTED_PROXIES" in answer.stderr


def test_a_misspelt_lock_does_not_open_the_door(entrypoint: Entrypoint) -> None:
    answer = entrypoint("check", ALOWED="10.9.9.9")
    assert answer.returncode == 78
    assert "error: ALOWED: '10.9.9.9': is not a setting, and ALLOWED is not set" in answer.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("check", "--nonsense"),
        ("check", "--client"),
        ("check", "now"),
        ("reload", "now"),
        ("healthy", "-v"),
        ("alive", "--client", "::1"),
        ("version", "x"),
        ("app",),
    ],
    ids=" ".join,
)
def test_words_that_a_command_does_not_know_are_refused_with_its_usage(
    entrypoint: Entrypoint, words: tuple[str, ...]
) -> None:
    answer = entrypoint(*words)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("usage: ")


def test_help_names_every_command(entrypoint: Entrypoint) -> None:
    answer = entrypoint("--help")
    assert answer.returncode == 0
    for command in ("check", "reload", "healthy", "alive", "version", "app"):
        assert f" {command} " in answer.stdout
        assert entrypoint(command, "--help").returncode == 0


def test_version_names_what_is_in_here(entrypoint: Entrypoint) -> None:
    lines = entrypoint("version").stdout.splitlines()
    names = ["nginx-python3", "revision", "nginx", "Python", "uWSGI", "supervisor", "Flask", "base"]
    assert [line.split()[0] for line in lines] == names


def test_any_other_command_runs_untouched(entrypoint: Entrypoint) -> None:
    answer = entrypoint("echo", "x", ALLOWED="nonsense", LISTEN_PORT="nonsense")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "x\n", "")


def test_a_missing_command_is_127(entrypoint: Entrypoint) -> None:
    answer = entrypoint("no-such-command")
    assert answer.returncode == 127
    assert "no-such-command" in answer.stderr


def test_any_other_command_runs_where_it_was_called(root: Path, tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, str(root / "entrypoint.py"), "pwd"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.stdout == f"{tmp_path}\n"


def test_a_broken_nginx_configuration_is_shown_with_file_and_line(root: Path) -> None:
    conf = root / "conf/nginx.conf"
    conf.write_text(conf.read_text().replace("server_tokens off;", "server_tokens offf;"))
    number = conf.read_text().splitlines().index("    server_tokens offf;") + 1
    answer = subprocess.run(
        [sys.executable, "entrypoint.py"], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert answer.returncode == CONFIG
    assert f"in conf/nginx.conf:{number}" in answer.stderr


def test_a_missing_nginx_is_named(root: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, '.'); from stack.nginx import program; program.version({})"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env={"PATH": "/none"},
        capture_output=True,
        text=True,
    )
    assert "nginx: is not installed; install the package nginx" in answer.stderr


def test_a_run_folder_that_cannot_be_made_is_named(root: Path) -> None:
    (root / "run").write_text("in the way")
    answer = subprocess.run(
        [sys.executable, "entrypoint.py"], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert answer.returncode == CONFIG
    assert f"{root / 'run'}: cannot be written" in answer.stderr


LONG = ("x" * 300, "x/" * 2500)
PATHS = ("APP_DIR", "STATIC_PATH", "SPA_FALLBACK", "APP_MODULE", "ALLOWED_FILE")


@pytest.mark.parametrize("name", PATHS)
def test_a_name_that_is_too_long_is_a_mistake_like_any_other(
    entrypoint: Entrypoint, name: str
) -> None:
    for text in LONG:
        answer = entrypoint("check", **{"STATIC_PATH": "app/example/static", name: text})
        assert answer.returncode == CONFIG, answer.stderr
        assert name in answer.stderr
        assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/stdin", "/proc", "/dev/fd/0", "."])
def test_only_regular_files_are_read(entrypoint: Entrypoint, path: str) -> None:
    answer = entrypoint("check", ALLOWED_FILE=path)
    assert answer.returncode == CONFIG, answer.stderr
    assert f"ALLOWED_FILE: {path!r}: cannot be read (" in answer.stderr
    answer = entrypoint("check", ENV_FROM_FILES="SECRET", SECRET_FILE=path)
    assert answer.returncode == CONFIG, answer.stderr
    assert f"{path!r}: cannot be read (" in answer.stderr


def test_code_among_the_static_files_is_warned_of(entrypoint: Entrypoint) -> None:
    answer = entrypoint("check", STATIC_PATH="app", APP_MODULE="example.bootstrap:application")
    assert "warning: STATIC_PATH: app holds example/" in answer.stderr
    answer = entrypoint("check", STATIC_PATH="app/example/static")
    assert "STATIC_PATH" not in answer.stderr
