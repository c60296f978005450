"""Look for a client that is taken for another: python -m measurements.attack --help.

Each round starts a stack with a list, a way to name clients and something to serve, all chosen by
its seed. Random requests are compared with a model of who is who (tests/support/model.py), odd ones
of a denied client must reach nothing, and hypothesis changes the list and reloads meanwhile.
"""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis.stateful import run_state_machine_as_test

from tests.support import model
from tests.support.changing import FILE, machine, write
from tests.support.decisions import SHAPES, Client, Judge, case
from tests.support.launching import Plan, begin, prepared
from tests.support.stacks import ALARMS, Stack

EACH = 5000  # requests in a round
ODD = 200
SHOWN = 10  # mistakes
DENIED = "127.0.0.6"

# Without phases that replay: to make a sequence shorter, a stack would have to do it all again.
SEQUENCES = settings(
    database=None,
    deadline=None,
    max_examples=2,
    stateful_step_count=20,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m measurements.attack")
    parser.add_argument("minutes", nargs="?", type=float, help="how long; else --requests decides")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--image", help="the image to attack; without one, this host")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9))
    return parser.parse_args()


def attack(seed: int, image: str | None) -> Iterator[str]:
    """Do one round, and describe what was found."""
    random = Random(seed)  # noqa: S311 - to be repeated, not to be secret
    naming = random.choice([*model.NAMINGS])
    page = random.choice([*model.PAGES])
    shape = random.choice([*SHAPES])
    made = case(seed, 500, shape)
    entries = [*made.entries, *random.sample(model.PEERS[:-1], 3)]
    print(f"seed {seed}: {naming or 'no proxy'}, {page}, {len(entries)} entries: {shape}")
    chosen = {**model.BASE, **model.NAMINGS[naming], **model.PAGES[page], "ALLOWED_FILE": FILE}
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        folder = shutil.copytree(model.APP, Path(place) / "app")
        write(folder, "\n".join(entries))
        plan = Plan(chosen, folder)
        launcher = "image" if image else "host"
        stack = begin(prepared(launcher, plan, Path(place) / "stack", image or ""))
        try:
            names = [each.header for each in made.clients]
            asked = islice(model.requests(random, naming, names), EACH)
            yield from model.mistakes(stack, entries, list(asked))
            # Without its PROXY line each of them would be no request.
            if naming != "proxy_protocol" and not Judge(entries).allows(Client(DENIED, "")):
                yield from model.odd(stack, random, ODD, DENIED)
            yield from changes(stack, folder, naming, seed)
            if found := ALARMS.search(stack.log()):
                yield f"the log has an alarm: {found[0]}"
        finally:
            stack.close()


def changes(stack: Stack, folder: Path, naming: str | None, seed: int) -> Iterator[str]:
    """Have hypothesis change the list while it is asked."""
    try:
        run_state_machine_as_test(seeded(seed)(machine(stack, folder, naming)), settings=SEQUENCES)
    except AssertionError as error:
        yield "\n".join([str(error), *getattr(error, "__notes__", ())])


def main() -> int:
    """Go on until there were enough requests, or the time is over; 1 if something was found."""
    asked_for = options()
    end = time.monotonic() + 60 * (asked_for.minutes or 0)
    for rounds, seed in enumerate(count(asked_for.seed), start=1):
        if found := list(islice(attack(seed, asked_for.image), SHOWN)):
            where = f" --image {asked_for.image}" if asked_for.image else ""
            again = f"again: python3 -m dev.measure attack --requests 1 --seed {seed}{where}"
            print("\n".join([*found, again]))
            return 1
        made = rounds * EACH
        print(f"  nothing found; {made} requests in {rounds} rounds", flush=True)
        if time.monotonic() > end if asked_for.minutes else made >= asked_for.requests:
            break
    return 0


if __name__ == "__main__":
    sys.exit(main())
