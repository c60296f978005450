"""Hold nginx against ipaddress, from a random seed: python -m measurements.fuzz --help."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path

from tests.support.decisions import PEER, Case, case, mismatches
from tests.support.host import HostStack
from tests.support.image import ImageStack
from tests.support.stacks import ROOT, Stack

APP = ROOT / "tests/apps/bare"
EACH = 50_000  # decisions on each list, at least
SHOWN = 10  # mismatches


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m measurements.fuzz")
    parser.add_argument("seconds", nargs="?", type=float, default=60.0)
    parser.add_argument("image", nargs="?", help="the image to ask; without one, this host")
    parser.add_argument("--decisions", type=int, help="go on until so many, whatever time it takes")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9))
    return parser.parse_args(arguments)


@contextmanager
def serving(asked: Case, image: str | None) -> Iterator[Stack]:
    """Run a stack with a list, on this host or from an image."""
    settings = {
        "APP_MODULE": "bare:application",
        "TRUSTED_PROXIES": PEER,
        "ALLOWED": asked.allowed,
    }
    with tempfile.TemporaryDirectory() as folder:
        stack: Stack
        if image:
            stack = ImageStack(settings, image, (f"--volume={APP}:/srv/app:ro",))
        else:
            stack = host = HostStack(settings, Path(folder))
            host.use(APP, None)
        try:
            stack.start()
            stack.wait_until_ready()
            yield stack
        finally:
            stack.close()


def main() -> int:
    """Try one list after another; 1 if a decision was wrong."""
    asked_for = options()
    where = asked_for.image or "this host"
    print(f"{where}: --seed {asked_for.seed}", flush=True)
    end = time.monotonic() + asked_for.seconds
    decisions = 0
    # Each list has a seed of its own, which makes it the first one when it is given.
    for lists, seed in enumerate(count(asked_for.seed), start=1):
        asked = case(seed, EACH)
        with serving(asked, asked_for.image) as stack:
            found = list(islice(mismatches(stack.port, asked), SHOWN))
        if found:
            print("\n".join(found))
            return 1
        decisions += len(asked.clients)
        print(f"{decisions} decisions on {lists} lists, last {asked.shape!r}", flush=True)
        if decisions >= asked_for.decisions if asked_for.decisions else time.monotonic() > end:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
