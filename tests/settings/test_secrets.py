"""Settings and variables that come from files, and who gets to see them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from stack.settings.errors import ConfigError
from stack.settings.table import Settings, table
from tests.support.launching import Launch, started_beside
from tests.support.stacks import ROOT, Stack

SESSIONS = ROOT / "tests/apps/sessions"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """The application with sessions, and its secret in a file."""
    tmp_path.chmod(0o755)
    shutil.copytree(SESSIONS, tmp_path / "app")
    (tmp_path / "app/secret").write_text("not to be seen\n")
    return tmp_path / "app"


GIVEN = {"ENV_FROM_FILES": "SECRET_KEY", "SECRET_KEY_FILE": "app/secret"}


def test_every_setting_can_come_from_a_file(tmp_path: Path) -> None:
    values = {"LISTEN_PORT": "81", "APP_MODULE": "a:b", "APPS": "/=a:b", "ALLOWED": "::1"}
    for name, text in values.items():
        (tmp_path / name).write_text(f"{text}\n")
        found = Settings.from_environ({f"{name}_FILE": f"{tmp_path}/{name}"})
        assert found.sources[name] == f"file {tmp_path}/{name}"
        given = Settings.from_environ({name: text})
        for attribute in table():
            assert getattr(found, attribute) == getattr(given, attribute)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_only_the_last_line_end_is_left_out(tmp_path: Path, end: str) -> None:
    (tmp_path / "port").write_bytes(b"81" + end.encode())
    environ = {"LISTEN_PORT_FILE": f"{tmp_path}/port"}
    assert Settings.from_environ(environ).listen_port == 81
    (tmp_path / "port").write_bytes(b"81\n" + (end or "\n").encode())
    with pytest.raises(ConfigError, match=r"LISTEN_PORT_FILE: '81\\n'"):
        Settings.from_environ(environ)


def test_a_setting_and_its_file_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="LISTEN_PORT: is set, and LISTEN_PORT_FILE too"):
        Settings.from_environ({"LISTEN_PORT": "81", "LISTEN_PORT_FILE": f"{tmp_path}/x"})


def test_settings_of_uwsgis_come_from_files_too(launch: Launch, app: Path) -> None:
    (app / "number").write_text("3\n")
    stack = launch(app=app, UWSGI_PROCESSES_FILE="app/number", **GIVEN)
    stack.crew("uwsgi", 3)
    assert stack.run("./entrypoint.py", "reload").returncode == 0


def environment(pid: int) -> str:
    """Read a process's environment as it was started."""
    return Path(f"/proc/{pid}/environ").read_text(errors="replace")


def test_a_variable_from_a_file_is_seen_by_the_application_alone(launch: Launch, app: Path) -> None:
    stack = launch(app=app, TOKEN="plain", **GIVEN)  # noqa: S106
    assert stack.get("/secret").json() == {"key": "not to be seen", "token": "plain"}
    for pid in stack.pids():
        assert "not to be seen" not in environment(pid)
    assert "not to be seen" not in stack.log()
    with stack.connection("127.0.0.1") as browser:
        url = f"http://127.0.0.1:{stack.port}/"
        assert [browser.get(url).text for _ in range(3)] == ["1", "2", "3"]


def test_nginx_does_not_see_the_applications_environment(launch: Launch, app: Path) -> None:
    stack = launch(app=app, SECRET_KEY="plain text", TZ="UTC", NGINX_WORKER_PROCESSES="2")  # noqa: S106
    assert stack.get("/secret").json()["key"] == "plain text"
    processes = stack.crew("nginx", 2)
    for pid in processes:
        seen = environment(pid)
        assert "SECRET_KEY" not in seen
        assert "plain text" not in seen
    # nginx writes its title there, so that the rest may be cut.
    entries = [entry for entry in environment(processes[0]).split("\0") if "=" in entry]
    assert {entry.partition("=")[0] for entry in entries} <= {"PATH", "TZ"}


def test_a_changed_secret_comes_with_a_reload(launch: Launch, app: Path) -> None:
    stack = launch(app=app, **GIVEN)
    (app / "secret").write_text("another")
    assert stack.run("./entrypoint.py", "reload").returncode == 0
    assert stack.get("/secret").json()["key"] == "another"


def test_prestart_sees_what_the_application_sees(launch: Launch, app: Path) -> None:
    (app / "prestart").write_text("#!/bin/sh\necho key=$SECRET_KEY\n")
    (app / "prestart").chmod(0o755)
    assert launch(app=app, **GIVEN).lines("key=not to be seen")


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"ENV_FROM_FILES": "A,B"}, ["'A': A_FILE is not set", "'B': B_FILE is not set"]),
        ({"ENV_FROM_FILES": "A", "A_FILE": "entrypoint.py", "A": "x"}, ["is set, and A_FILE too"]),
        ({"ENV_FROM_FILES": "A", "A_FILE": "no/such"}, ["cannot be read (No such file"]),
        ({"ENV_FROM_FILES": "A B"}, ["ENV_FROM_FILES: 'A B': is not the name of a variable"]),
        ({"ENV_FROM_FILES": "ALLOWED"}, ["is a setting of ours"]),
        ({"ENV_FROM_FILES": "A", "A_FILE": "run/tmp/nul"}, ["holds a NUL"]),
    ],
)
def test_mistakes_are_refused_before_anything_starts(
    stack: Stack, environ: dict[str, str], words: list[str]
) -> None:
    stack.run("sh", "-c", r"printf 'a\000b' > run/tmp/nul")
    answer = started_beside(stack, **environ)
    assert answer.returncode == os.EX_CONFIG
    errors = [line for line in answer.stderr.splitlines() if "entrypoint: error: " in line]
    for each in words:
        (line,) = [line for line in errors if each in line]
        assert line.startswith("entrypoint: error: ENV_FROM_FILES")
