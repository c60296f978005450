"""UWSGI_<OPTION>: what is taken does what it says, all else is refused by name before the start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.launching import Launch
from tests.support.stacks import ROOT

REFUSED = {
    "UWSGI_HTTP": (":9090", "listener"),
    "UWSGI_HTTP_SOCKET": (":9090", "listener"),
    "UWSGI_HTTPS": (":9090,a,b", "no option"),
    "UWSGI_FASTCGI_SOCKET": (":9090", "listener"),
    "UWSGI_STATS": (":9191", "conf/uwsgi.ini"),
    "UWSGI_STATS_SERVER": (":9191", "listener"),
    "UWSGI_SHARED_SOCKET": (":9191", "listener"),
    "UWSGI_UWSGI_SOCKET": (":9191", "listener"),
    "UWSGI_SOCKET": (":9191", "conf/uwsgi.ini"),
    "UWSGI_BUFFER_SIZE": ("8", "conf/uwsgi.ini"),
    "UWSGI_EXEC_ASAP": ("touch x", "program"),
    "UWSGI_HOOK_ASAP": ("exec:touch x", "program"),
    "UWSGI_ATTACH_DAEMON": ("sleep 9", "program"),
    "UWSGI_CRON": ("-1 -1 -1 -1 -1 true", "program"),
    "UWSGI_PYTHON": ("x.py", "program"),
    "UWSGI_IMPORT": ("os", "program"),
    "UWSGI_UID": ("0", "user"),
    "UWSGI_CHROOT": ("/srv", "root"),
    "UWSGI_INI": ("/app/uwsgi.ini", "UWSGI_<OPTION>"),
    "UWSGI_MODULE": ("main:app", "APP_MODULE"),
    "UWSGI_CALLABLE": ("app", "APP_MODULE"),
    "UWSGI_WORKERS": ("3", "UWSGI_PROCESSES"),
    "UWSGI_BUFFERSIZE": ("8", "UWSGI_BUFFER_SIZE"),
    "UWSGI_NONSENSE_OF_MINE": ("8", "no option"),
    "UWSGI_HARAKIRI": ("abc", "whole number"),
    "UWSGI_MAX_REQUESTS": ("-1", "whole number"),
    "UWSGI_THUNDER_LOCK": ("maybe", "neither on nor off"),
    "UWSGI_CHEAPER_ALGO": ("wrong", "spare"),
}

# One that is looked at when the others are right.
LAST = ("UWSGI_CHEAPER", "2", "UWSGI_PROCESSES")


def check(**settings: str) -> subprocess.CompletedProcess[str]:
    """Ask what a start would do, on this machine."""
    environ = {"PATH": os.environ["PATH"], "ALLOWED": "127.0.0.1", "UWSGI_PROCESSES": "2"}
    return subprocess.run(
        [sys.executable, ROOT / "entrypoint.py", "check"],
        env={**environ, **settings}, capture_output=True, text=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def told() -> list[str]:
    """All mistakes, which are told at once."""
    answer = check(**{name: value for name, (value, _) in REFUSED.items()})
    assert answer.returncode == 78
    return [line for line in answer.stderr.splitlines() if ": error: " in line]


@pytest.mark.parametrize("name", REFUSED)
def test_an_option_that_is_not_taken_is_refused_with_its_value_and_a_remedy(
    told: list[str], name: str
) -> None:
    named([line for line in told if f"error: {name}: " in line], name, *REFUSED[name])


def named(lines: list[str], name: str, value: str, telling: str) -> None:
    """Expect one line, which names an option, its value and a remedy."""
    (line,) = lines
    assert f"error: {name}: {value!r}: " in line
    assert telling in line


def test_all_mistakes_are_told_at_once(told: list[str]) -> None:
    assert len(told) == len(REFUSED)


@pytest.mark.parametrize(
    ("name", "value", "telling"),
    [("UWSGI_HTTP", *REFUSED["UWSGI_HTTP"]), ("UWSGI_HARAKIRI", *REFUSED["UWSGI_HARAKIRI"]), LAST],
)
def test_one_mistake_is_enough(name: str, value: str, telling: str) -> None:
    answer = check(**{name: value})
    assert answer.returncode == 78
    lines = [line for line in answer.stderr.splitlines() if ": error: " in line]
    named(lines, name, value, telling)


def test_a_start_with_a_second_door_is_refused(launch: Launch) -> None:
    stack = launch(ready=False, UWSGI_HTTP="127.0.0.1:0", LOG_LEVEL="debug")
    assert stack.wait_until_gone() == 78
    assert not stack.lines("spawned")


def test_what_the_operator_takes_on_himself_is_given_to_uwsgi(launch: Launch, folder: Path) -> None:
    (folder / "app.py").write_text(
        "import os\n\n\ndef app(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [os.environ['GIVEN'].encode()]\n"
    )
    stack = launch(app=folder, UWSGI_ENV="GIVEN=mine", UNCHECKED="UWSGI_ENV")
    assert stack.get().text == "mine"


def test_few_workers_that_become_more_serve_and_are_reloaded(launch: Launch) -> None:
    stack = launch(UWSGI_PROCESSES="3", UWSGI_CHEAPER="1", UWSGI_CHEAPER_ALGO="spare")
    assert stack.get().status_code == 200
    answer = stack.run("./entrypoint.py", "reload")
    assert answer.returncode == 0, answer.stderr
    assert stack.get().status_code == 200
