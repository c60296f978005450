"""What a start prints: what an operator needs, and all of it if something fails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.launching import Launch, started_beside
from tests.support.stacks import ROOT, Stack
from tests.support.wait import wait_until

READY = re.compile(r"INFO ready after \d+\.\d s: (.*)$")


def screen(stack: Stack) -> list[str]:
    """Wait for the last line of a start, and return all that came until then."""
    stack.says("INFO ready after ")
    lines = stack.log().splitlines()
    end = next(at for at, line in enumerate(lines) if READY.search(line))
    return lines[: end + 1]


def test_a_start_ends_with_what_is_served_where_for_whom_and_by_how_many(launch: Launch) -> None:
    stack = launch(ALLOWED="127.0.0.1;::1;10.0.0.0/8;192.0.2.7", UWSGI_PROCESSES="3")
    lines = screen(stack)
    assert len(lines) <= 12, lines
    found = READY.search(lines[-1])
    assert found
    assert re.fullmatch(
        rf"the application in app is served on port {stack.port} \(IPv4( and IPv6)?\) "
        r"for 127\.0\.0\.1, ::1, 10\.0\.0\.0/8 and 1 more, by 3 processes",
        found[1],
    )
    assert not [line for line in lines if "!!!" in line or "kill" in line or "***" in line]
    # It is no promise: all of it is there.
    assert stack.loaded()
    assert stack.get().status_code == 200


def test_everyone_and_a_named_application_are_said_as_such(launch: Launch) -> None:
    stack = launch(app=ROOT / "tests/apps/bare", APP_MODULE="bare:application", UWSGI_PROCESSES="1")
    found = READY.search(screen(stack)[-1])
    assert found
    assert found[1].startswith("bare:application is served on port ")
    assert found[1].endswith(" for everyone, by 1 process")


def test_all_of_it_is_shown_where_that_is_asked_for(launch: Launch) -> None:
    stack = launch(LOG_LEVEL="DEBUG")
    stack.says("INFO ready after ")
    for words in ("supervisord started", "spawned: 'nginx'", "*** Starting uWSGI", "WSGI app 0"):
        assert stack.says(words)


def test_warnings_alone_are_shown_where_that_is_asked_for(launch: Launch) -> None:
    stack = launch(LOG_LEVEL="warning")
    assert stack.get().status_code == 200
    assert stack.says("warning: ALLOWED is not set")
    assert not stack.lines(" INFO ")


def test_what_was_held_back_is_shown_in_order_when_the_start_fails(
    launch: Launch, folder: Path
) -> None:
    (folder / "app.py").write_text("import no_such_package\n")
    stack = launch(ready=False, alarms=True, app=folder, PRELOAD="0")
    assert stack.wait_until_gone() == 1
    words = (
        "supervisord started",
        "spawned: 'uwsgi'",
        "*** Starting uWSGI",
        "spawned uWSGI worker",
    )
    wait_until(lambda: all(stack.lines(each) for each in words), report=stack.log)
    log = stack.log()
    places = [log.index(each) for each in words]
    assert places == sorted(places)
    # The reason is still what stands at the end.
    assert "gave up, see above" in log.splitlines()[-1]
    assert "no_such_package" in log.splitlines()[-2]


def test_what_the_application_says_is_never_held_back(launch: Launch, folder: Path) -> None:
    (folder / "app.py").write_text(
        "import os, sys\nprint('*** Starting uWSGI of mine')\n"
        "print('!!! no internal routing', file=sys.stderr)\n"
        "os.write(2, b'DAMN ! worker 1 (pid: 1) died :( trying respawn ...\\n')\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n    return [b'']\n"
    )
    stack = launch(app=folder, UWSGI_PROCESSES="1")
    for words in ("*** Starting uWSGI of mine", "!!! no internal routing", "DAMN ! worker 1"):
        assert stack.says(words)
    assert not stack.lines("is replaced")


def test_a_uwsgi_that_comes_back_is_told_of(launch: Launch) -> None:
    stack = launch(UWSGI_PROCESSES="1")
    stack.says("INFO ready after ")
    (master, _) = stack.crew("uwsgi", 1)
    assert stack.run("sh", "-c", "kill -9 $(cat run/uwsgi/uwsgi.pid)").returncode == 0
    stack.wait_until(lambda: master not in stack.processes("uwsgi"))
    assert stack.says("INFO ready again")
    assert len(stack.lines("INFO ready after ")) == 1


@pytest.mark.parametrize("value", ["loud", "0"])
def test_an_unknown_level_is_refused(stack: Stack, value: str) -> None:
    answer = started_beside(stack, LOG_LEVEL=value)
    assert answer.returncode == 78
    (line,) = [each for each in answer.stderr.splitlines() if "error: LOG_LEVEL: " in each]
    assert "debug, info, warning" in line
