"""What the application can write, or PYTHONPATH names, is no part of our own processes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.image import docker, once
from tests.support.launching import Launch
from tests.support.skips import leave_out
from tests.support.stacks import ROOT, Stack

# Modules that our processes import, or that Python itself does.
OURS = ("crossplane", "ipaddress", "supervisor", "stack", "entrypoint")
CUSTOM = ("sitecustomize", "usercustomize")

# Tells of a process that is not the application's, and gives way to the module that was meant. On a
# host the operator's own Python reads entrypoint.py, which then starts again isolated.
PLANTED = """\
import importlib, os, sys

words = open("/proc/self/cmdline", "rb").read().split(b"\\0")
its_own = "custom" in __name__ and words[1].endswith(b"entrypoint.py")
if not its_own and not words[0].lower().endswith((b"uwsgi", b"worker 1")):
    os.write(2, b"planted: " + __name__.encode() + b" " + b" ".join(words) + b"\\n")
sys.path[:] = [each for each in sys.path if not each.endswith("app") and "/home/" not in each]
sys.modules.pop(__name__, None)
try:
    sys.modules[__name__] = importlib.import_module(__name__)
except ImportError:
    sys.modules[__name__] = type(sys)(__name__)
"""


def plant(folder: Path) -> None:
    """Put modules into the application's folder, and into a home with packages of its user."""
    (folder / "wsgi.py").write_text((ROOT / "tests/apps/bare/bare.py").read_text())
    for name in (*OURS, *CUSTOM):
        (folder / f"{name}.py").write_text(PLANTED)
    for minor in range(11, 16):
        site = folder / f"home/.local/lib/python3.{minor}/site-packages"
        site.mkdir(parents=True)
        for name in (*OURS, *CUSTOM):
            (site / f"{name}.py").write_text(PLANTED)


@pytest.mark.parametrize("dev", ["0", "1"], ids=["served", "DEV"])
def test_no_module_takes_the_place_of_one_of_ours(launch: Launch, folder: Path, dev: str) -> None:
    plant(folder)
    home = {"HOME": "app/home"}
    settings = {"PYTHONPATH": "app", "PYTHONSAFEPATH": "1", "UWSGI_PROCESSES": "1", "DEV": dev}
    stack = launch(app=folder, APP_MODULE="wsgi:application", **home, **settings)
    said = ""
    for command in ("check", "reload", "status", "healthy", "alive", "version"):
        by_name = stack.launcher == "image"
        answer = stack.run(*([command] if by_name else ["./entrypoint.py", command]))
        assert answer.returncode == 0, answer.stderr
        said += answer.stderr
    if stack.launcher == "image":  # on a host it is pip's
        said += stack.run("supervisorctl", "status").stderr
    if dev == "1":
        (folder / "wsgi.py").write_text((folder / "wsgi.py").read_text() + "\n")
        stack.says("app/wsgi.py has changed")
    assert "planted" not in said + stack.log(), said + stack.log()


# Programs that root may call, or that those call; each leaves a note if it is root who runs it.
PROGRAMS = (
    *("alive", "app", "cat", "check", "env", "healthy", "id", "ls", "nginx", "pip", "python"),
    *("python3", "reload", "sh", "status", "supervisorctl", "uwsgi", "version"),
)
TRAPS = f"""
cd /opt/venv-app
for each in {" ".join(PROGRAMS)}; do
    rm -f bin/$each
    printf '#!/bin/sh\\n[ $(/usr/bin/id -u) = 0 ] && echo '$each' >> /srv/run/evil\\n' > bin/$each
    chmod 755 bin/$each
done
trap='import os; os.geteuid() or open("/srv/run/evil", "a").write("site\\n")'
for site in lib/python3.*/site-packages; do
    echo "$trap" > $site/evil.pth
    echo "$trap" > $site/sitecustomize.py
    echo "$trap" > $site/crossplane.py
done
echo set
"""

ROOTS = (
    ("healthy",),
    ("alive",),
    ("version",),
    ("check",),
    ("check", "--client", "127.0.0.1"),
    ("reload",),
    ("status",),
    ("supervisorctl", "status"),
    ("ls",),
    ("nginx", "-v"),
    ("python3", "-c", ""),
    ("python", "-c", ""),
    ("./entrypoint.py", "check"),
    ("./entrypoint.py", "healthy"),
    ("./entrypoint.py", "reload"),
)


@pytest.fixture
def trapped(launch: Launch, folder: Path) -> Stack:
    """A stack whose application has put programs and modules wherever it may write."""
    plant(folder)
    stack = launch(app=folder, APP_MODULE="wsgi:application", PYTHONPATH="app", HOME="app/home")
    assert stack.run("sh", "-c", TRAPS).stdout == "set\n"
    return stack


def as_root(stack: Stack, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the container as root."""
    return docker("exec", "--user=0", stack.name, *command, check=False)  # type: ignore[attr-defined]


@pytest.mark.parametrize("launcher", ["image"], indirect=True)
def test_root_runs_nothing_that_the_application_could_have_written(trapped: Stack) -> None:
    for command in ROOTS:
        answer = as_root(trapped, *command)
        assert "planted" not in answer.stderr, command
        # It is another user's stack: what these would do with it is for that user to do.
        refused = "reload" in command or "check" in command
        assert answer.returncode == (78 if refused else 0), (command, answer.stderr)
    assert as_root(trapped, "cat", "/srv/run/evil").stdout == ""


@pytest.mark.parametrize("launcher", ["image"], indirect=True)
def test_root_reloads_nothing_although_a_file_says_that_it_is_roots(trapped: Stack) -> None:
    docker("exec", "--detach", "--user=0", trapped.name, "sleep", "60")  # type: ignore[attr-defined]
    find = "grep -lx sleep /proc/[0-9]*/comm | cut -d/ -f3 | grep ."
    trapped.wait_until(lambda: trapped.run("sh", "-c", find).returncode == 0)
    trapped.run("sh", "-c", f"{find} > run/supervisord.pid")
    answer = as_root(trapped, "reload")
    assert (answer.returncode, "runs as uid 101" in answer.stderr) == (78, True), answer.stderr


def test_root_tests_nothing_in_a_folder_of_another_users(image: str, folder: Path) -> None:
    if os.geteuid():
        leave_out("only root can give a folder to another user")
    run = folder.parent / "run"
    run.mkdir()
    os.chown(run, 101, 101)
    volume = f"--volume={run}:/srv/run"
    answer = once("--user=0", volume, image, "check", check=False)
    assert (answer.returncode, answer.stdout) == (78, "")
    assert "/srv/run belongs to uid 101" in answer.stderr
    assert once(volume, image, "check").returncode == 0
