"""Compare this stack with others, under load: python3 -m dev.bench [ARGUMENTS OF benchmarks]."""

from __future__ import annotations

import os

from dev import ROOT, engine, finish, host, image, packages, say, venv
from dev.packages import Need

TAG = "nginx-python3:bench"
GENERATORS = ("wrk", "httperf", "hey")


def main(arguments: list[str]) -> int:
    """Make ready, build the image if there is an engine, and become the program."""
    host.prepare()
    # Into the same .venv: so all serve with the same Python, Flask and Werkzeug.
    venv.ensure_group("bench")
    packages.ensure(
        [Need(name, bool(packages.find(name)), (name,), (name,)) for name in GENERATORS]
    )
    options = image_options()
    os.chdir(ROOT)
    os.execv(venv.PYTHON, [str(venv.PYTHON), "-m", "benchmarks", *options, *arguments])


def image_options() -> list[str]:
    """Name the image to measure, made now; none where there is no engine."""
    if why := engine.problem():
        say(f"the image is left out: {why}")
        return []
    base = image.base()
    image.build(TAG, base)
    return ["--image", TAG, "--base", base.line]


if __name__ == "__main__":
    finish(main)
