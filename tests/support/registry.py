"""A registry on loopback, and the steps of a workflow, run as the service would run them."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from dev import tree
from tests.support.stacks import ROOT
from tests.support.wait import wait_until

CONFIGURATION = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: "{folder}/data"}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Run one that keeps its data in a folder, and give its host and port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    (folder / "registry.yml").write_text(CONFIGURATION.format(folder=folder, port=port))
    with (folder / "registry.log").open("wb") as log:
        command = ["docker-registry", "serve", str(folder / "registry.yml")]
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(
            lambda: listening(port),
            alive=lambda: server.poll() is None,
            report=lambda: (folder / "registry.log").read_text(),
        )
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def listening(port: int) -> bool:
    """Say whether somebody takes connections."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def clone(folder: Path, tag: str) -> Path:
    """Commit the tree as it is now into a repository of its own, with a tag."""
    target = folder / "clone"
    for name in tree.files():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes((ROOT / name).read_bytes())
        (target / name).chmod((ROOT / name).stat().st_mode)
    git(target, "init", "--quiet")
    commit(target)
    git(target, "tag", tag)
    return target


def commit(folder: Path) -> None:
    """Commit all that is in a folder."""
    git(folder, "add", "--all")
    who = ("-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false")
    git(folder, *who, "commit", "--quiet", "--message=All")


def git(folder: Path, *words: str) -> str:
    """Run git in a folder."""
    command = ["git", *words]
    return subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()


def outside() -> dict[str, str]:
    """Copy the environment without what a workflow or a make that runs these tests has set."""
    ours = ("IMAGE", "BASE_IMAGE", "REPOSITORY", "DIGESTS", "SOURCE_DATE_EPOCH", "MAKEFLAGS")
    kept = {k: v for k, v in os.environ.items() if k not in ours and not k.startswith("GITHUB_")}
    # A builder in a container of its own would not reach this machine's loopback.
    kept["BUILDX_BUILDER"] = "default"
    return {**kept, "PYTHON": sys.executable, "PYTHONDONTWRITEBYTECODE": "1"}


class Workflow:
    """A workflow whose `run:` lines are run in a clone, with what the steps before have found."""

    def __init__(self, file: str, folder: Path, **environ: str) -> None:
        """Read it; environ is what the service itself would set."""
        self.parsed: dict[Any, Any] = yaml.safe_load((ROOT / file).read_text())
        self.folder = folder
        self.output = folder.parent / "output"
        self.environ = {**outside(), **environ}
        self.known: dict[str, str] = {}

    def step(self, job: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the one `run:` line of a job."""
        found = self.environment(job)
        self.output.write_text("")
        answer = subprocess.run(
            self.line(job)["run"].split(),
            cwd=self.folder,
            env={**self.environ, **found, **environ, "GITHUB_OUTPUT": str(self.output)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        for line in self.output.read_text().splitlines():
            name, _, value = line.partition("=")
            self.known[f"needs.{job}.outputs.{name}"] = value
        return answer

    def line(self, job: str) -> dict[str, Any]:
        """Find the step of a job that runs something."""
        (found,) = (step for step in self.parsed["jobs"][job]["steps"] if "run" in step)
        return dict(found)

    def environment(self, job: str, **matrix: str) -> dict[str, str]:
        """Evaluate what a job's step is given; what is not known is empty, as on the service."""
        known = {**self.known, "github.token": "none"}

        def value(match: re.Match[str]) -> str:
            name = match[1]
            for key, each in matrix.items():
                name = name.replace(f"[matrix.{key}]", f".{each}")
            return known.get(name, "")

        given = self.line(job).get("env", {})
        return {
            name: re.sub(r"\$\{\{ (.*?) \}\}", value, text).strip() for name, text in given.items()
        }
