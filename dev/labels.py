"""What an image says about itself: the labels of OCI's image-spec, annotations.md."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import UTC, datetime

from dev import ROOT
from stack import VERSION

PREFIX = "org.opencontainers.image."


def of(base: str, digest: str | None) -> dict[str, str]:
    """Give the labels of an image that stands on this base, without those that are not known."""
    known = {
        "version": VERSION,
        "revision": revision(),
        "source": source(),
        "created": created(),
        "base.name": base.partition("@")[0],
        "base.digest": digest,
    }
    return {f"{PREFIX}{name}": value for name, value in known.items() if value}


def revision() -> str | None:
    """Name the commit, and say if files differ from it; None outside of a clone."""
    commit = git("rev-parse", "HEAD")
    return f"{commit}-modified" if commit and git("status", "--porcelain") else commit


def source() -> str | None:
    """Give the address of the project: GitHub's own word in its workflows, else the clone's."""
    if "GITHUB_REPOSITORY" in os.environ:
        return f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}"
    url = re.sub(r"^git@([^:/]+):", r"https://\1/", git("remote", "get-url", "origin") or "")
    # No folder of this machine, and no password.
    return url.removesuffix(".git") if re.match(r"https?://[^@]+$", url) else None


def created() -> str | None:
    """Give the time (RFC 3339) that SOURCE_DATE_EPOCH names, else the commit's, in UTC.

    Not the clock's: two builds of one commit on one base are to be the same.
    """
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct")
    return datetime.fromtimestamp(int(seconds), UTC).isoformat() if seconds else None


def git(*arguments: str) -> str | None:
    """Ask git about this clone; None if there is no git, no clone, or nothing to say."""
    try:
        answer = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None
