"""Search for a list that is read or enforced wrongly: python -m measurements.fuzz --help.

Three searches. Lines of the access log as nginx could write them, in pieces, have to come out as
JSON in UTF-8. hypothesis makes texts, most of them no lists, for the properties that the
tests hold too; it prints the shortest text that breaks one. Meanwhile nginx, with a list of up to
thousands of entries, decides about thousands of clients, and is held against ipaddress.
"""

from __future__ import annotations

import argparse
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path

from tests.support.decisions import PEER, Case, case, mismatches
from tests.support.json_lines import broken
from tests.support.launching import Plan, begin, prepared
from tests.support.stacks import ROOT, Stack

APP = ROOT / "tests/apps/bare"
PROPERTIES = "tests/settings/test_properties.py"
EACH = 50_000  # decisions on each list, at least
LINES = 100_000  # of the access log, in each round
SHOWN = 10  # mismatches


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m measurements.fuzz")
    parser.add_argument("seconds", nargs="?", type=float, default=60.0)
    parser.add_argument("--image", help="the image to ask; without one, this host")
    parser.add_argument("--decisions", type=int, help="go on until so many, whatever time it takes")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9))
    return parser.parse_args()


def properties(seed: int) -> subprocess.Popen[str]:
    """Begin to hold the properties against random texts."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not nginx"]
    command += ["--hypothesis-profile=fuzz", f"--hypothesis-seed={seed}", PROPERTIES]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def decisions(asked: Case, image: str | None) -> list[str]:
    """Have a stack decide about the clients of a case; describe what it decided wrongly."""
    with serving(asked, image) as stack:
        return list(islice(mismatches(stack.port, asked), SHOWN))


@contextmanager
def serving(asked: Case, image: str | None) -> Iterator[Stack]:
    """Run a stack with a list, on this host or from an image."""
    settings = {
        "APP_MODULE": "bare:application",
        "TRUSTED_PROXIES": PEER,
        "ALLOWED": asked.allowed,
    }
    with tempfile.TemporaryDirectory() as folder:
        launcher = "image" if image else "host"
        stack = begin(prepared(launcher, Plan(settings, APP), Path(folder), image or ""))
        try:
            yield stack
        finally:
            stack.close()


def main() -> int:
    """Search on until the time is over; 1 if something was found."""
    asked_for = options()
    end = time.monotonic() + asked_for.seconds
    made = 0
    # Each round has a seed of its own, which makes it the first one when it is given.
    for rounds, seed in enumerate(count(asked_for.seed), start=1):
        asked = case(seed, EACH)
        with properties(seed) as texts:
            found = decisions(asked, asked_for.image)
            found += islice(broken(seed, LINES), SHOWN)
            said, _ = texts.communicate()
        found += [said] if texts.returncode else []
        if found:
            where = f" --image {asked_for.image}" if asked_for.image else ""
            print("\n".join([*found, f"again: python3 -m dev.measure fuzz --seed {seed}{where}"]))
            return 1
        made += len(asked.clients)
        print(
            f"seed {seed}: nothing found; {made} decisions on {rounds} lists, "
            f"last {asked.shape!r}; {rounds * LINES} lines of JSON",
            flush=True,
        )
        if made >= asked_for.decisions if asked_for.decisions else time.monotonic() > end:
            break
    return 0


if __name__ == "__main__":
    sys.exit(main())
