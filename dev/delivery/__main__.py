"""Publish, in steps or in one: python3 -m dev.delivery plan|push|tag|notes|release|all.

all    does plan, push, the tests of what was pushed, and tag, for this machine's architecture alone
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from dev import ROOT, Problem, finish, labels
from dev.delivery import build, plan, release
from dev.delivery.registry import Repository


def main(arguments: list[str]) -> int:
    """Do one step."""
    match arguments:
        case ["plan"]:
            tell(plan.decide())
        case ["push"]:
            architecture, digest = build.push()
            tell({architecture: digest})
        case ["tag"]:
            tell({"digest": release.tag()})
        case ["notes"]:
            print(release.notes())
        case ["release"]:
            release.announce()
        case ["all"]:
            everything()
        case _:
            raise Problem("say one of: plan, push, tag, notes, release, all")
    return 0


def tell(found: dict[str, str]) -> None:
    """Print what was found out as name=value, and hand it to the workflow's next steps."""
    lines = "".join(f"{name}={value}\n" for name, value in found.items())
    print(lines, end="")
    if file := os.environ.get("GITHUB_OUTPUT"):
        with Path(file).open("a") as output:
            output.write(lines)


def everything() -> None:
    """Publish from this machine; what fails leaves no tag behind."""
    found = plan.decide()
    tell(found)
    if found["needed"] == "false":
        return
    if labels.revision() != found["ref"]:
        raise Problem(f"check out v{found['version']} first, without changes")
    os.environ |= {"BASE_IMAGE": found["base"], "SOURCE_DATE_EPOCH": found["epoch"]}
    _, digest = build.push()
    where = Repository(found["repository"])
    environ = {**os.environ, "IMAGE": where.at(digest)}
    if subprocess.run([sys.executable, "-m", "dev.test"], cwd=ROOT, env=environ).returncode:
        raise Problem(f"{where.at(digest)} has failed its tests, and gets no tag")
    os.environ["DIGESTS"] = digest
    tell({"digest": release.tag()})


if __name__ == "__main__":
    finish(main)
