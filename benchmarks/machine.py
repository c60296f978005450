"""Where it was measured: the machine, and the versions of all that took part."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from dev import ROOT

PACKAGES = ("flask", "uwsgi", "supervisor", "gunicorn", "granian")


def facts(base: str | None) -> dict[str, str]:
    """Describe machine and versions."""
    return {
        "CPUs": f"{len(os.sched_getaffinity(0))} × {processor()}",
        "load average before": f"{os.getloadavg()[0]:.2f}",
        "Linux": platform.release(),
        "Python": platform.python_version(),
        "nginx": output("nginx", "-v").removeprefix("nginx version: nginx/"),
        **{name: version(name) for name in PACKAGES},
        "wrk": word(output("wrk", "-v"), r"wrk (\S+)"),
        "httperf": word(output("httperf", "--version"), r"httperf-(\S+)"),
        "commit": output("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD") or "unknown",
        "image": f"on {base}" if base else "none",
    }


def processor() -> str:
    """Name the CPU, as the kernel does."""
    text = Path("/proc/cpuinfo").read_text()
    return word(text, r"(?m)^model name\s*: (.+)$") or platform.machine()


def output(*command: str) -> str:
    """Give what a program says of itself."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return (answer.stdout + answer.stderr).strip()


def word(text: str, pattern: str) -> str:
    """Find one group of a pattern."""
    match = re.search(pattern, text)
    return match[1] if match else ""
