"""What this machine lacks, and the distribution's packages that have it."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from dev import ROOT, Problem, say
from dev.signals import held

# Where distributions put nginx and dockerd, and where an ordinary user's PATH does not look.
SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")

# sudo clears the environment, and a package manager may need these to reach its mirror.
PROXIES = ("http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True)
class Need:
    """One thing that must be here, and what has it; no packages if it cannot be installed."""

    what: str
    here: bool
    apt: tuple[str, ...] = ()
    apk: tuple[str, ...] = ()


def search_path() -> str:
    """Extend PATH by the folders of system programs."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *SBIN])


def find(program: str) -> str | None:
    """Find a program as the product will."""
    return shutil.which(program, path=search_path())


def header(name: str) -> bool:
    """Tell whether the C compiler finds this header."""
    folder = Path("/usr/include")
    return (folder / name).exists() or any(folder.glob(f"*-linux-*/{name}"))


def to_serve() -> list[Need]:
    """List what serving needs besides .venv."""
    return [Need("nginx", find("nginx") is not None, ("nginx",), ("nginx",))]


def to_test() -> list[Need]:
    """List the proxies that stand before the stack in tests."""
    return [Need(each, find(each) is not None, (each,), (each,)) for each in ("caddy", "haproxy")]


def to_build() -> list[Need]:
    """List what making .venv needs, which builds uWSGI from source."""
    return [
        Need("a C compiler", find(os.environ.get("CC", "cc")) is not None, ("gcc",), ("gcc",)),
        Need("stdio.h", header("stdio.h"), ("libc6-dev",), ("musl-dev",)),
        Need("crypt.h", header("crypt.h"), ("libcrypt-dev",), ("musl-dev",)),
        Need("linux/limits.h", header("linux/limits.h"), ("linux-libc-dev",), ("linux-headers",)),
        of_python("Python.h", Path(sysconfig.get_path("include"), "Python.h").exists(), "-dev"),
        of_python("ensurepip", importlib.util.find_spec("ensurepip") is not None, "-venv"),
    ]


def of_python(what: str, here: bool, suffix: str) -> Need:
    """Name a part of the running Python, which has packages only if the distribution made it."""
    what = f"{what} of {sys.executable}"
    if sys.base_prefix != "/usr":
        return Need(what, here)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    # Alpine's python3 has ensurepip, and no package of its own for it.
    return Need(what, here, (f"{version}{suffix}",), ("python3", "python3-dev"))


def ensure(needs: list[Need]) -> None:
    """Install what is not here, saying so first; where that cannot be, say what would help."""
    missing = [need for need in needs if not need.here]
    if not missing:
        return
    what = ", ".join(need.what for need in missing)
    manager, names = packages(missing)
    by_hand = f"missing: {what}; as root, run: {manager} {' '.join(names)}"
    if os.geteuid() and not find("sudo"):
        raise Problem(f"{by_hand} (this user is not root and there is no sudo)")
    say(f"installing {' '.join(names)} for: {what}; no service is started, now or at boot")
    with held():
        status = subprocess.run([*as_root(), *names], cwd=ROOT).returncode
    if status:
        raise Problem(f"installing failed with status {status}; {by_hand}")


def packages(missing: list[Need]) -> tuple[str, list[str]]:
    """Name the command that installs here, and the packages it must be given."""
    what = ", ".join(need.what for need in missing)
    if find("apt-get"):
        manager, lists = "apt-get install --no-install-recommends", [n.apt for n in missing]
    elif find("apk"):
        manager, lists = "apk add", [n.apk for n in missing]
    else:
        raise Problem(f"missing: {what}; install it (there is no apt-get and no apk to do so)")
    if not all(lists):
        raise Problem(f"missing: {what}; not all of it is in the distribution's packages")
    return manager, sorted({name for names in lists for name in names})


def as_root() -> list[str]:
    """Build the command that runs dev.install as root."""
    install = [sys.executable, "-B", "-m", "dev.install"]
    if os.geteuid() == 0:
        return install
    kept = [f"{name}={os.environ[name]}" for name in PROXIES if name in os.environ]
    command = ["sudo", "env", *kept, *install]
    say(f"as root: {shlex.join(command)}")
    return command
