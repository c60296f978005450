"""app/prestart: the application's own first step."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.support.launching import Launch
from tests.support.stacks import ROOT, Stack


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An application that any user may read."""
    tmp_path.chmod(0o755)
    shutil.copytree(ROOT / "tests/apps/greeting", tmp_path / "app")
    return tmp_path / "app"


def prestart(app: Path, text: str, mode: int = 0o755) -> None:
    """Give the application a prestart."""
    (app / "prestart").write_text(text)
    (app / "prestart").chmod(mode)


def failed(stack: Stack, status: int) -> str:
    """Expect an end before anything was started, and return what was said last of it.

    Of all that we say, that is: Docker does not keep our stream and the program's in order.
    """
    assert stack.wait_until_gone() == status, stack.log()
    assert not stack.lines("spawned")
    return stack.says("entrypoint: error: ")[-1]


def test_it_runs_before_anything_listens(launch: Launch, app: Path) -> None:
    prestart(
        app,
        "#!/usr/bin/env python3\n"
        "import os, socket, signal\n"
        "with socket.socket() as s:\n"
        "    port = int(os.environ['LISTEN_PORT'])\n"
        "    print('listening:', s.connect_ex(('127.0.0.1', port)) == 0)\n"
        "print('blocked:', len(signal.pthread_sigmask(signal.SIG_BLOCK, [])))\n"
        "import flask\n"
        "print('here:', os.path.exists('wsgi.py'))\n",
    )
    stack = launch(app=app)
    assert stack.get().text == "Hello, World!"
    words = ["listening: False", "blocked: 0", "here: True"]
    assert all(len(stack.lines(each)) == 1 for each in words)
    stack.says("INFO ready after ")
    before = stack.log().partition("INFO ready after ")[0]
    assert all(each in before for each in words)


COLLECT = "#!/bin/sh -e\nmkdir $TMPDIR/static\necho collected > $TMPDIR/static/a.txt\n"


def test_it_may_make_the_folder_of_static_files(launch: Launch, app: Path) -> None:
    prestart(app, COLLECT)
    stack = launch(app=app, STATIC_PATH="run/tmp/static")
    assert stack.get("/static/a.txt").text == "collected\n"
    assert stack.run("./entrypoint.py", "reload").returncode == 0


def test_what_it_has_not_made_is_refused(launch: Launch, app: Path) -> None:
    prestart(app, "#!/bin/sh\n")
    stack = launch(ready=False, app=app, STATIC_PATH="run/tmp/static")
    assert "STATIC_PATH: 'run/tmp/static': is not a folder" in failed(stack, os.EX_CONFIG)


def test_check_says_what_it_would_have_to_make(launch: Launch, app: Path) -> None:
    prestart(app, "#!/bin/sh -e\nmkdir $TMPDIR/static\ntouch $TMPDIR/static/index.html\n")
    stack = launch(app=app, STATIC_PATH="run/tmp/static", SPA_FALLBACK="index.html")
    assert not stack.lines("STATIC_PATH")
    stack.run("rm", "-r", "run/tmp/static")
    answer = stack.run("./entrypoint.py", "check")
    assert answer.returncode == 0
    assert "warning: STATIC_PATH: 'run/tmp/static': is not a folder" in answer.stderr
    assert stack.run("./entrypoint.py", "reload").returncode == os.EX_CONFIG


def test_neither_check_nor_reload_run_it(launch: Launch, app: Path) -> None:
    prestart(app, "#!/bin/sh\necho it ran\n")
    stack = launch(app=app)
    for command in ("check", "reload"):
        answer = stack.run("./entrypoint.py", command)
        assert answer.returncode == 0
        assert "it ran" not in answer.stdout + answer.stderr
    assert len(stack.says("it ran")) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#!/bin/sh\necho no database; exit 3\n", "prestart: left with status 3; nothing was"),
        ("#!/bin/sh\nkill -SEGV $$\n", "was killed by 'SIGSEGV'"),
        ("echo no first line\n", "cannot be run (Exec format error); its first line"),
        ("#!/no/such/program\n", "cannot be run (No such file or directory); its first line"),
        ("#!/bin/sh\r\necho\r\n", "cannot be run (No such file or directory); its first line"),
    ],
)
def test_its_failure_stops_the_start(launch: Launch, app: Path, text: str, words: str) -> None:
    prestart(app, text)
    assert words in failed(launch(ready=False, app=app, LOG_LEVEL="debug"), 1)


def test_it_may_not_take_for_ever(launch: Launch, app: Path) -> None:
    prestart(app, "#!/bin/sh\nsleep 600 &\nsleep 600\n")
    stack = launch(ready=False, app=app, PRESTART_TIMEOUT="1", LOG_LEVEL="debug")
    assert "still ran after 1 s; PRESTART_TIMEOUT gives it more" in failed(stack, 1)


def test_one_that_cannot_be_executed_is_refused(launch: Launch, app: Path) -> None:
    prestart(app, "#!/bin/sh\n", mode=0o644)
    stack = launch(ready=False, app=app, LOG_LEVEL="debug")
    if stack.launcher == "host" and os.geteuid() == 0:
        assert "is not executable" in failed(stack, os.EX_CONFIG)
    else:
        assert "is not executable by uid" in failed(stack, os.EX_CONFIG)


def test_the_ancestors_name_is_noticed(launch: Launch, app: Path) -> None:
    (app / "prestart.sh").write_text("echo\n")
    assert launch(app=app).lines("warning: app/prestart.sh is not read; call it prestart")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_stop_does_not_wait_for_it(launch: Launch, app: Path, number: signal.Signals) -> None:
    prestart(
        app, "#!/bin/sh\ntrap 'echo told to stop; exit 9' TERM\necho begun\nsleep 600 & wait\n"
    )
    stack = launch(ready=False, app=app, LOG_LEVEL="debug")
    stack.wait_until(lambda: stack.lines("begun"))
    stack.signal(number)
    assert stack.wait_until_gone() == 0
    assert stack.says("told to stop")
    assert not stack.lines("spawned")


def test_a_stop_kills_what_does_not_listen(launch: Launch, app: Path) -> None:
    prestart(app, "#!/bin/sh\ntrap '' TERM\necho begun\nsleep 600\n")
    stack = launch(ready=False, app=app, SHUTDOWN_TIMEOUT="4")
    stack.wait_until(lambda: stack.lines("begun"))
    stack.signal(signal.SIGTERM)
    assert stack.wait_until_gone() == 0
