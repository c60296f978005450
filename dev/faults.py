"""Count what each fault costs, on the host and on the image: python3 -m dev.faults."""

from __future__ import annotations

import subprocess

from dev import ROOT, engine, finish, host, image, packages, say, test, venv
from dev.packages import Need


def main(_: list[str]) -> int:
    """Run the program on both, as far as there is an engine."""
    host.prepare(tools=True)
    packages.ensure([Need("hey", packages.find("hey") is not None, ("hey",), ("hey",))])
    count = [str(venv.PYTHON), "-m", "measurements.faults"]
    subprocess.run(count, cwd=ROOT, check=True)
    if why := engine.problem():
        say(f"the image is left out: {why}")
        return 0
    image.build(test.TAG, image.base())
    return subprocess.run([*count, test.TAG], cwd=ROOT).returncode


if __name__ == "__main__":
    finish(main)
