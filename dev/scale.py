"""Count what several replicas lose and carry, on engines: python3 -m dev.scale [WORD...].

A word chooses parts: of a row's name, or `throughput`, or `swarm`.
"""

from __future__ import annotations

import os
import subprocess

from dev import ROOT, Problem, compose, engine, finish, host, image, packages, test, venv
from dev.packages import Need


def main(words: list[str]) -> int:
    """Run the program on the image; as root, who alone can enter and make network namespaces."""
    if os.geteuid():
        raise Problem("only root can make the networks that this needs; use sudo")
    if why := engine.problem():
        raise Problem(f"{why}; python3 -m dev.engine make scale starts one")
    host.prepare(tools=True)
    packages.ensure([compose.need(), *tools()])
    base = image.base()
    image.build(test.TAG, base)
    count = [str(venv.PYTHON), "-m", "measurements.scale", test.TAG, base.name]
    return subprocess.run([*count, *words], cwd=ROOT).returncode


def tools() -> list[Need]:
    """List the programs that load, and those that make networks."""
    programs = {"hey": "hey", "curl": "curl", "ip": "iproute2", "nsenter": "util-linux"}
    return [
        Need(program, packages.find(program) is not None, (package,), (package,))
        for program, package in programs.items()
    ]


if __name__ == "__main__":
    finish(main)
