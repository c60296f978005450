"""Make ready for a program that measures or searches, and become it.

python3 -m dev.measure WHAT [ARGUMENT...]; WHAT is acme, attack, bench, faults, fuzz, metrics,
preload or scale, and --help says what each takes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from dev import ROOT, Problem, engine, finish, image, packages, say, venv
from dev.packages import Need

TAG = "nginx-python3:measured"

# Packages that are not called as the program that they have.
PACKAGES = {"ip": "iproute2", "nsenter": "util-linux", "h2load": "nghttp2-client"}


@dataclass(frozen=True)
class Program:
    """A module, the programs that it runs, and what it is told of the image."""

    module: str
    runs: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    groups: tuple[str, ...] = ("dev",)
    networks: bool = False  # makes some, for engines of its own


PROGRAMS = {
    # Into the same .venv: so all that are compared serve with the same Python, Flask and Werkzeug.
    "bench": Program(
        "benchmarks",
        ("wrk", "httperf", "hey", "h2load", "openssl"),
        ("--image", "--base"),
        ("dev", "bench"),
    ),
    "faults": Program("measurements.faults", ("hey", "redis-server"), ("--image",)),
    "acme": Program("measurements.acme", ("pebble", "certbot", "curl", "openssl"), ("--image",)),
    "fuzz": Program("measurements.fuzz"),
    "attack": Program("measurements.attack"),
    "metrics": Program("measurements.metrics", ("wrk", "hey", "prometheus")),
    "preload": Program("measurements.preload", ("hey", "curl"), ("--image",)),
    "scale": Program(
        "measurements.scale",
        ("hey", "curl", "ip", "nsenter"),
        ("--image", "--base-image"),
        networks=True,
    ),
}


def main(arguments: list[str]) -> int:
    """Install what is missing, build the image if there is an engine, and become the program."""
    name, *words = arguments or [""]
    if name not in PROGRAMS:
        raise Problem(f"say one of: {', '.join(PROGRAMS)}")
    program = PROGRAMS[name]
    if program.networks:
        check_networks(name)
    venv.prepare(*program.groups)
    needs = [engine.compose_need()] if program.networks else []
    for each in program.runs:
        package = (PACKAGES.get(each, each),)
        needs.append(Need(each, packages.find(each) is not None, package, package))
    packages.ensure(needs)
    options = of_image(program.told) if program.told else []
    os.chdir(ROOT)
    os.execv(venv.PYTHON, [str(venv.PYTHON), "-m", program.module, *options, *words])


def check_networks(name: str) -> None:
    """Refuse early what only root can, and only with an engine."""
    if os.geteuid():
        raise Problem("only root can make the networks that this needs; use sudo")
    if why := engine.problem():
        raise Problem(f"{why}; python3 -m dev.engine make {name} starts one")


def of_image(told: tuple[str, ...]) -> list[str]:
    """Build the image and say what the program is to know of it; nothing without an engine."""
    if why := engine.problem():
        say(f"the image is left out: {why}")
        return []
    base = image.base()
    image.build(TAG, base)
    found = {"--image": TAG, "--base": base.line, "--base-image": base.name}
    return [f"{option}={found[option]}" for option in told]


if __name__ == "__main__":
    finish(main)
