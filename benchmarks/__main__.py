"""Run the benchmarks: python -m benchmarks [--image NAME] [--only ROW,...] [--runs N] ...

Load goes to 127.0.0.1 only. wrk, httperf and hey run on the same CPUs as what they load.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import HERE, chart, machine, report
from benchmarks.contenders import Contender, contenders, free_port, missing
from benchmarks.measures import Session
from benchmarks.plan import ROWS, Row, Visit, visits
from benchmarks.results import Results, Run, Sample
from benchmarks.stacks import Stack, serving
from dev import ROOT, Problem, finish, say
from dev.packages import search_path

# Seconds that one run may take, and of these one measure.
BUDGET, LONGEST = 600, 60
# Where what was measured so far is kept: an interrupted run is not lost.
SO_FAR = ROOT / "run/benchmarks/so-far.json"


def arguments(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--image", help="an image of this stack to measure too")
    parser.add_argument("--base", help="what that image stands on, for the report")
    parser.add_argument("--only", help="rows, separated by commas; the report is not kept")
    parser.add_argument("--contenders", help="the same for contenders")
    parser.add_argument(
        "--runs", type=int, default=1,
        help="runs to take the medians of; 0 writes the report anew from what is there",
    )  # fmt: skip
    parser.add_argument("--repeats", type=int, default=2, help="repetitions within a run")
    parser.add_argument("--seconds", type=float, default=3, help="length of one measurement")
    parser.add_argument("--scale", type=float, default=1, help="part of httperf's connections")
    parser.add_argument("--output", type=Path, help="folder for the report")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Run, and write the report after each run."""
    options = arguments(words)
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, leave)
    os.environ["PATH"] = search_path()
    partial = options.only or options.contenders
    output = options.output or (ROOT / "run/benchmarks" if partial else HERE)
    results = Results([]) if options.runs else Results.read(output / "results.json")
    for _ in range(options.runs):
        one(results, options)
        publish(results, output)
    if not options.runs:
        publish(results, output)
    print(report.text(results))
    say(f"the report is in {output / 'README.md'}, the numbers in {output / 'results.json'}")
    return 0


def publish(results: Results, output: Path) -> None:
    """Write the numbers, the report and the chart."""
    results.write(output / "results.json")
    report.put(output / "README.md", report.text(results))
    (output / "throughput.svg").write_text(chart.svg(results))


def leave(number: int, _: object) -> None:
    """Leave through every finally."""
    raise SystemExit(128 + number)


def one(results: Results, options: argparse.Namespace) -> None:
    """Make one run, and add it to the results as it grows."""
    who = contenders(options.image)
    rows = chosen(options.only)
    began = time.monotonic()
    run = Run(time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), machine.facts(options.base), {})
    results.runs.append(run)
    session = Session(options.seconds, Results([run]), options.scale)
    planned = list(visits(rows, options.repeats))
    if options.contenders:
        planned = [each for each in planned if each.contender in options.contenders.split(",")]
    for done, visit in enumerate(planned):
        results.write(SO_FAR)
        if time.monotonic() - began > BUDGET - LONGEST:
            run.notes.append(f"{len(planned) - done} of {len(planned)} visits, for lack of time")
            break
        if visit.contender not in who:
            continue
        say(f"{done + 1}/{len(planned)} {visit.contender}: {', '.join(r.name for r in visit.rows)}")
        attempt(visit, who[visit.contender], session, run)
    run.seconds = time.monotonic() - began


def chosen(only: str | None) -> list[Row]:
    """Pick rows by their names."""
    if not only:
        return list(ROWS)
    names = only.split(",")
    if unknown := set(names) - {row.name for row in ROWS}:
        known = ", ".join(dict.fromkeys(row.name for row in ROWS))
        raise Problem(f"no row is called {' or '.join(sorted(unknown))}; there are: {known}")
    return [row for row in ROWS if row.name in names]


def attempt(visit: Visit, contender: Contender, session: Session, run: Run) -> None:
    """Start a contender, take its measures and stop it; note why where that cannot be."""
    if why := missing(contender):
        note(run, f"{contender.title}: {why}")
        return
    run.titles[contender.name] = contender.title
    # Short, because unix sockets' paths are; open, because workers may run as somebody else.
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as base:
        folder = Path(base) / contender.name
        folder.mkdir()
        for each in (Path(base), folder):
            each.chmod(0o755)
        try:
            with serving(contender.name, contender.make(folder, free_port())) as stack:
                for row in visit.rows:
                    take(row, visit, stack, session, run)
        except (Problem, AssertionError) as problem:  # of the tests' stacks
            note(run, f"{contender.title}: {problem}")


def take(row: Row, visit: Visit, stack: Stack, session: Session, run: Run) -> None:
    """Take one measure; one that fails leaves the others in place."""
    try:
        with bounded(LONGEST):
            values = row.measure(stack, session)
    except Problem as problem:
        note(run, f"{row.name} of {run.titles[visit.contender]}: {problem}")
        return
    if values:
        run.samples.append(Sample(row.name, visit.contender, visit.repetition, values))


@contextmanager
def bounded(seconds: int) -> Iterator[None]:
    """End what takes longer with a Problem; a load generator that runs dies of it."""

    def expire(number: int, _: object) -> None:
        raise Problem(f"took longer than {seconds} s")

    signal.signal(signal.SIGALRM, expire)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def note(run: Run, text: str) -> None:
    """Remember once what is missing."""
    if text not in run.notes:
        say(f"left out: {text}")
        run.notes.append(text)


if __name__ == "__main__":
    finish(main)
