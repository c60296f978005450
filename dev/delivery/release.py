"""Tags for what was tested, and what is said about a release."""

from __future__ import annotations

import os
import subprocess

from dev import ROOT, Problem, labels, say
from dev.delivery import plan, versions
from dev.delivery.registry import Repository
from stack import VERSION


def tag() -> str:
    """Join what DIGESTS lists, an image for each architecture, and tag it; give its digest.

    The tag with the day comes last: where it is, all others have been moved, and nothing is left
    to do. Problem if the registry has it, or if a rebuild would change a minor of nginx, Python
    or the base's system.
    """
    where = plan.repository()
    digests = os.environ.get("DIGESTS", "").split()
    if not digests:
        raise Problem("DIGESTS: list the digests that were pushed and tested")
    published, day = where.tags(), versions.dated(VERSION, plan.epoch())
    if day in published:
        raise Problem(f"{where.at(day)} is there already, and never moves")
    digest = where.join(digests, labels.of(*of_base(where, digests[0])))
    if VERSION in published:
        check_rebuild(where, where.digest(VERSION), digest)
    for name in (*versions.moving(VERSION, published), day):
        where.tag(digest, name)
        say(f"{where.at(name)} is {digest}")
    return digest


def of_base(where: Repository, digest: str) -> tuple[str, str]:
    """Read an image's labels about its base: its name and digest."""
    entry = where.entries(digest)[0]
    found = where.config(entry["digest"])["config"]["Labels"]
    return found[f"{labels.PREFIX}base.name"], found[f"{labels.PREFIX}base.digest"]


def check_rebuild(where: Repository, before: str, after: str) -> None:
    """Refuse to give users of a version another minor of what they build on."""
    changed = versions.changed_minors(*(said(where.at(each)) for each in (before, after)))
    if changed:
        lines = "; ".join(changed)
        raise Problem(f"this needs a new minor version of ours, and is not a rebuild: {lines}")


def said(name: str) -> str:
    """Ask an image what is in it."""
    command = ["docker", "run", "--rm", name, "version"]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def notes() -> str:
    """Give what CHANGELOG.md says about this version."""
    found = versions.notes((ROOT / "CHANGELOG.md").read_text(), VERSION)
    if not found:
        raise Problem(f"CHANGELOG.md has nothing under a heading with {VERSION}")
    return found


def announce() -> None:
    """Make a release of the tag on GitHub, unless there is one, with the notes and the digest."""
    name = f"v{VERSION}"
    if subprocess.run(["gh", "release", "view", name], capture_output=True).returncode == 0:
        say(f"the release {name} is there already")
        return
    pull = f"    docker pull {plan.repository().at(os.environ['DIGEST'])}\n"
    command = ["gh", "release", "create", name, "--verify-tag", f"--title={VERSION}"]
    text = f"{pull}\n{notes()}\n"
    if subprocess.run([*command, "--notes-file=-"], input=text, text=True).returncode:
        raise Problem(f"the release {name} was not made")
