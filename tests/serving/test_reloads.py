"""Many reloads at once, and those that are killed: one at a time, and never an open moment."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stack.run import files
from tests.support.launching import Launch
from tests.support.stacks import ROOT, Stack

FILE = "app/allowed.txt"
LISTS = ("127.0.0.1", "127.0.0.1\n127.0.0.3\n::1")
DENIED = "127.0.0.2"
AT_ONCE = 8


@pytest.fixture
def listed(launch: Launch, folder: Path) -> Stack:
    """A stack with its list in a file, and the smallest application there is."""
    (folder / "wsgi.py").write_text((ROOT / "tests/apps/bare/bare.py").read_text())
    write(folder, LISTS[0])
    return launch(app=folder, ALLOWED_FILE=FILE, UWSGI_PROCESSES="1")


def write(folder: Path, text: str) -> None:
    """Write the list, at no moment a part of it: somebody may be reading."""
    (folder / "unfinished").write_text(text)
    (folder / "unfinished").replace(folder / "allowed.txt")


def reload(stack: Stack) -> subprocess.CompletedProcess[str]:
    """Reload."""
    return stack.run("./entrypoint.py", "reload")


def test_many_at_once_are_one_after_another_and_each_says_what_became_of_it(
    listed: Stack, folder: Path
) -> None:
    statuses: set[int] = set()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = [pool.submit(reload, listed) for _ in range(AT_ONCE)]
        for number in range(AT_ONCE):
            write(folder, LISTS[number % 2])
            listed.signal(signal.SIGHUP)
        while not all(answer.done() for answer in answers):
            statuses.add(listed.get(client=DENIED).status_code)
    assert statuses == {403}
    for answer in answers:
        assert answer.result().returncode == 0, answer.result().stderr
        assert "entrypoint: reloaded" in answer.result().stderr or (
            "another reload, which began after" in answer.result().stderr
        )
    listed.wait_until(lambda: not list(reloads(listed)))
    assert reload(listed).returncode == 0
    assert listed.get(client="127.0.0.3").status_code == 204
    assert "Traceback" not in listed.log()


def reloads(stack: Stack) -> list[int]:
    """List the processes of a stack that reload."""
    found = []
    for pid in stack.pids():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        found += [pid] if b"reload" in words else []
    return found


def test_a_mistake_is_told_to_all_that_waited(listed: Stack, folder: Path) -> None:
    write(folder, "nobody")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = [pool.submit(reload, listed) for _ in range(AT_ONCE)]
    for answer in answers:
        assert answer.result().returncode == 78
        assert "ALLOWED_FILE: line 1, 'nobody'" in answer.result().stderr
        assert "Traceback" not in answer.result().stderr


def test_one_that_is_killed_holds_up_nobody(listed: Stack, folder: Path) -> None:
    killed = listed.run(
        "sh",
        "-c",
        "./entrypoint.py reload & until [ -e run/tmp[a-z0-9_]* ]; do :; done; kill -9 $!",
    )
    assert killed.returncode == 0
    write(folder, LISTS[1])
    assert reload(listed).returncode == 0
    assert listed.get(client="127.0.0.3").status_code == 204


def test_without_its_rules_nginx_lets_in_nobody(listed: Stack) -> None:
    workers = listed.processes("nginx")[1:]
    listed.run("sh", "-c", ": > run/permissions.conf; kill -HUP $(cat run/nginx.pid)")
    listed.wait_until(lambda: not {*workers} & {*listed.processes("nginx")})
    assert [listed.get(client=client).status_code for client in ("127.0.0.1", DENIED)] == [403, 403]


@pytest.mark.parametrize("file", ["permissions.conf", "allowed.conf"])
def test_without_the_file_nginx_keeps_its_old_rules(
    launch: Launch, launcher: str, file: str
) -> None:
    stack = launch(alarms=True, ALLOWED="127.0.0.1")
    stack.run("sh", "-c", f"rm run/{file}; kill -HUP $(cat run/nginx.pid)")
    stack.wait_until(lambda: stack.lines("[emerg]", file))
    assert [stack.get(client=client).status_code for client in ("127.0.0.1", DENIED)] == [200, 403]


def test_a_reload_while_a_program_is_away_changes_nothing(listed: Stack, folder: Path) -> None:
    before = listed.run("cat", "run/permissions.conf").stdout
    write(folder, LISTS[1])
    listed.run("supervisorctl", "stop", "uwsgi")
    answer = reload(listed)
    assert (answer.returncode, "uwsgi does not run just now" in answer.stderr) == (78, True)
    assert listed.run("cat", "run/permissions.conf").stdout == before


@pytest.mark.parametrize("launcher", ["image"], indirect=True)
def test_root_does_not_reload_what_another_user_runs(listed: Stack) -> None:
    command = ["docker", "exec", "--user=0", listed.name, "reload"]  # type: ignore[attr-defined]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (answer.returncode, "runs as uid 101" in answer.stderr) == (78, True), answer.stderr


TEXTS = ("allow 127.0.0.1;\n" * 2000 + "deny all;\n", "allow 127.0.0.2;\n" * 9000 + "deny all;\n")


def keep_writing(folder: Path, text: str) -> None:
    """Write the same text again and again."""
    for _ in range(200):
        files.write(folder, {"permissions.conf": text})


def test_two_that_write_never_leave_a_part(tmp_path: Path) -> None:
    files.write(tmp_path, {"permissions.conf": TEXTS[0]})
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=keep_writing, args=(tmp_path, text)) for text in TEXTS]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert (tmp_path / "permissions.conf").read_text() in TEXTS
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert [each.name for each in tmp_path.iterdir()] == ["permissions.conf"]
