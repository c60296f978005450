"""Install packages as root, and let none of them start a service: python3 -m dev.install NAME..."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dev import Problem, finish, say
from dev.signals import held

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = Path("/run/nginx-python3-install.lock")

# Debian asks this program before a package starts its service; 101 forbids it.
POLICY = Path("/usr/sbin/policy-rc.d")
FORBIDDEN = 101
FORBID = f"#!/bin/sh\n# Here while nginx-python3's make installs packages.\nexit {FORBIDDEN}\n"


def main(names: list[str]) -> int:
    """Install these packages; two of us never at once."""
    with LOCK.open("w") as lock, held():
        fcntl.flock(lock, fcntl.LOCK_EX)
        if shutil.which("apt-get"):
            apt(names)
        else:
            # Alpine's packages neither start nor enable anything.
            run("apk", "add", "--no-cache", *names)
    return 0


def apt(names: list[str]) -> None:
    """Install from Debian or one of its children."""
    before = enabled()
    with services_forbidden(names):
        # One broken source of many need not matter: the installation is the judge.
        run("apt-get", "-qq", "update", check=False)
        run("apt-get", "-qq", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=300",
            "install", "--yes", "--no-install-recommends", *names)  # fmt: skip
    disable(enabled() - before)


def run(*command: str, check: bool = True) -> None:
    """Run a package manager that can ask nothing."""
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
    subprocess.run(command, stdin=subprocess.DEVNULL, env=os.environ | quiet, check=check)


@contextmanager
def services_forbidden(names: list[str]) -> Iterator[None]:
    """Put up Debian's sign that no service may start, unless the machine has one of its own."""
    if POLICY.exists() and POLICY.read_text() != FORBID:
        respect_policy(names)
        yield
        return
    try:
        POLICY.write_text(FORBID)
        POLICY.chmod(0o755)
        yield
    finally:
        POLICY.unlink()


def respect_policy(names: list[str]) -> None:
    """Rely on the machine's own policy, or refuse if it would let services start."""
    for name in names:
        if subprocess.run([POLICY, name, "start"], capture_output=True).returncode != FORBIDDEN:
            raise Problem(
                f"{POLICY} exists and lets {name} start its service; make it exit {FORBIDDEN}, "
                "move it away, or install the packages by hand"
            )


def enabled() -> set[str]:
    """Name the units that systemd starts at boot."""
    return {link.name for link in Path("/etc/systemd/system").glob("*.wants/*")}


def disable(units: set[str]) -> None:
    """Keep what we brought from starting at the next boot."""
    command = ["systemctl", "disable", *sorted(units)]
    if not units or not shutil.which("systemctl"):
        return
    if subprocess.run(command, capture_output=True).returncode == 0:
        say(f"disabled at boot: {' '.join(sorted(units))}")
    else:
        say(f"warning: as root, run: {' '.join(command)}")


if __name__ == "__main__":
    finish(main)
