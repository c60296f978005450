"""What is to be published: which release, on which base, as of when."""

from __future__ import annotations

import os
import re
import time

from dev import Problem, image, labels, say
from dev.delivery import versions
from dev.delivery.registry import Repository


def repository() -> Repository:
    """Read where to publish from REPOSITORY; names on GitHub may have capitals, these may not."""
    name = os.environ.get("REPOSITORY", "").lower()
    if not re.fullmatch(r"[a-z0-9.\[\]:-]+(/[a-z0-9][a-z0-9._-]*)+", name):
        raise Problem(f"REPOSITORY: '{name}': write one, as in REPOSITORY=registry.example/me/name")
    return Repository(name)


def epoch() -> int:
    """Read SOURCE_DATE_EPOCH, which the plan has set for all architectures and tags."""
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text.isdecimal():
        raise Problem(f"SOURCE_DATE_EPOCH: '{text}': write seconds since 1970, as the plan does")
    return int(text)


def decide() -> dict[str, str]:
    """Decide what is to be published, once for all that follows.

    needed says whether anything is: false where there is no release, or today's build of it is
    there. ref is the commit, base the base image by its digest, epoch the time in seconds.
    """
    where = repository()
    release = pushed() or newest()
    if release is None:
        say("there is no tag v1.2.3 yet: nothing to publish")
        return {"needed": "false", "repository": where.name}
    version = release.removeprefix("v")
    check(release, version)
    now = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    found = {
        "needed": "true",
        "repository": where.name,
        "version": version,
        "ref": of(release, "rev-parse", f"{release}^{{commit}}"),
        "epoch": str(now),
    }
    if versions.dated(version, now) in where.tags():
        say(f"{where.at(versions.dated(version, now))} is there already: nothing to publish")
        return {**found, "needed": "false"}
    return {**found, "base": base(release)}


def pushed() -> str | None:
    """Name the git tag whose push has begun this, if one has."""
    if os.environ.get("GITHUB_REF_TYPE") == "tag":
        return os.environ["GITHUB_REF_NAME"]
    return None


def newest() -> str | None:
    """Name the git tag of the newest release."""
    tags = (labels.git("tag", "--list", "v*") or "").split()
    version = versions.newest(tag.removeprefix("v") for tag in tags)
    return f"v{version}" if version else None


def check(release: str, version: str) -> None:
    """Refuse a tag that does not fit what it tags."""
    if versions.numbers(version) is None or release != f"v{version}":
        raise Problem(f"the tag {release} is no release: write v and three numbers, as in v1.2.3")
    text = of(release, "show", f"{release}:stack/__init__.py")
    found = re.search(r'^VERSION = "(.*)"', text, re.MULTILINE)
    if not found or found[1] != version:
        raise Problem(f"the tag {release} does not fit VERSION in stack/__init__.py of that commit")
    if not versions.notes(of(release, "show", f"{release}:CHANGELOG.md"), version):
        raise Problem(f"CHANGELOG.md has nothing under a heading with {version}")


def of(release: str, *command: str) -> str:
    """Ask git about a tag."""
    answer = labels.git(*command)
    if answer is None:
        raise Problem(f"git {' '.join(command)} says nothing: is {release} a tag of this clone?")
    return answer


def base(release: str) -> str:
    """Name the base of a release by the digest that its tag means at this moment."""
    name = os.environ.get("BASE_IMAGE") or image.named(of(release, "show", f"{release}:Dockerfile"))
    if "@" in name:
        return name
    repository, _, tag = name.rpartition(":")
    if not repository or "/" in tag:
        raise Problem(f"the base image {name} has no tag")
    return f"{name}@{Repository(repository).digest(tag)}"
