"""The image: which base it stands on, and its build: python3 -m dev.image [TAG]."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass

from dev import ROOT, Problem, engine, finish, labels, say, standin

TAG = "nginx-python3"


@dataclass(frozen=True)
class Base:
    """A base image and one line about it."""

    name: str
    line: str


def official() -> str:
    """Name the base that the Dockerfile asks for, or that BASE_IMAGE puts in its place."""
    if chosen := os.environ.get("BASE_IMAGE"):
        return chosen
    return named((ROOT / "Dockerfile").read_text())


def named(dockerfile: str) -> str:
    """Name the base that a Dockerfile asks for."""
    found = re.search(r"^ARG BASE=(\S+)", dockerfile, re.MULTILINE)
    if not found:
        raise Problem("the Dockerfile has no line ARG BASE=...")
    return found[1].strip("\"'")


def unobtainable(name: str) -> str | None:
    """Pull this image if it is not here, and say why it cannot be; None if it is here now."""
    if standin.present(name):
        return None
    say(f"pulling {name}")
    command = ["docker", "pull", "--quiet", name]
    try:
        pull = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return "it takes longer than 300 s"
    if pull.returncode == 0:
        return None
    return (pull.stderr.strip().splitlines() or ["docker pull failed"])[-1]


def base() -> Base:
    """Choose the base: the one that was asked for, else the stand-in."""
    if why := engine.problem():
        raise Problem(why)
    name = official()
    if not (why := unobtainable(name)):
        return Base(name, f"{name}{' (from BASE_IMAGE)' if 'BASE_IMAGE' in os.environ else ''}")
    if os.environ.get("BASE_IMAGE"):
        raise Problem(f"the image {name}, which BASE_IMAGE names, cannot be pulled: {why}")
    if os.environ.get("NO_STANDIN") == "1":
        raise Problem(f"NO_STANDIN=1, and the base image {name} cannot be pulled: {why}")
    line = f"the stand-in, Debian {standin.SUITE}, because {name} cannot be pulled: {why}"
    return Base(standin.ensure(), line)


def build(tag: str, base: Base) -> None:
    """Build the image on this base."""
    say(f"building {tag} on {base.line}")
    command = ["docker", "build", "--tag", tag, *options(base), "."]
    if subprocess.run(command, cwd=ROOT).returncode:
        raise Problem(f"the image {tag} was not built")


def options(base: Base) -> list[str]:
    """Say what a build is to know: its base, its commit, and all that stands in labels."""
    known = labels.of(base.name, digest(base.name))
    revision = known.get(f"{labels.PREFIX}revision", "unknown")
    given = [f"--build-arg=BASE={base.name}", f"--build-arg=REVISION={revision}"]
    return given + [f"--label={name}={value}" for name, value in known.items()]


def digest(name: str) -> str | None:
    """Give the digest under which a registry knows an image; None for one that was made here."""
    if "@" in name:
        return name.partition("@")[2]
    command = ["docker", "image", "inspect", "--format={{json .RepoDigests}}", name]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    known = json.loads(answer.stdout) or []
    return known[0].partition("@")[2] if known else None


def label(name: str, of: str) -> str:
    """Read a label of an image that is here; "" if it has no such one."""
    template = f'--format={{{{index .Config.Labels "{of}"}}}}'
    command = ["docker", "image", "inspect", template, name]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def main(arguments: list[str]) -> int:
    """Build the image under the tag given."""
    build(arguments[0] if arguments else TAG, base())
    return 0


if __name__ == "__main__":
    finish(main)
