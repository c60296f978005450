"""The documented prestart, `flask db upgrade`, with Flask-Migrate from PyPI, on both launchers."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.machine import scripts
from tests.support.host import HostStack
from tests.support.image import ImageStack, docker
from tests.support.stacks import ROOT, Stack

APP = ROOT / "tests/apps/migrated"


class WithEnvironments(HostStack):
    """A stack on this machine whose application has an environment of its own: .venv-app."""

    def __init__(self, folder: Path) -> None:
        """Make both environments: ours, with what this test's own has, and the application's."""
        super().__init__({}, folder)
        self.ours = folder / "venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.ours], check=True)
        (packages,) = Path(sys.prefix).glob("lib/python3.*/site-packages")
        (site,) = self.ours.glob("lib/python3.*/site-packages")
        for each in packages.iterdir():
            (site / each.name).symlink_to(each)
        (self.ours / "bin/uwsgi").symlink_to(f"{sys.prefix}/bin/uwsgi")
        scripts.remake(self.ours, self.ours)
        theirs = folder / "venv-app"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", theirs], check=True)
        (theirs / site.relative_to(self.ours) / "base.pth").write_text(f"{site}\n")
        scripts.remake(self.ours, theirs)
        pip = [sys.executable, "-m", "pip", "--python", str(theirs), "install", "--quiet"]
        subprocess.run([*pip, "--requirement", APP / "requirements.txt"], check=True)
        self.python = self.ours / "bin/python3"
        self.use(APP, None)


@pytest.fixture
def migrated(launcher: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    """The application, with its packages, started."""
    if launcher == "host":
        yield WithEnvironments(tmp_path)
        return
    name = f"nginx-python3-test:{uuid.uuid4().hex[:12]}"
    base = str(request.config.getoption("--image"))
    docker("build", f"--tag={name}", f"--build-arg=IMAGE={base}", str(APP))
    yield ImageStack({}, name)
    docker("rmi", "--no-prune", name)


def test_the_documented_prestart_migrates_and_commands_find_the_database(migrated: Stack) -> None:
    migrated.start()
    try:
        migrated.wait_until_ready()
        assert migrated.get().text == "0"
        answer = migrated.run("./entrypoint.py", "app", "flask", "add")
        assert answer.returncode == 0, answer.stderr
        assert migrated.get().text == "1"
        answer = migrated.run("./entrypoint.py", "app", "flask", "db", "current")
        assert "1 (head)" in answer.stdout, answer.stderr
    finally:
        migrated.close()
