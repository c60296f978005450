"""What was measured: samples, kept run by run, and what follows from them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.load import Values


@dataclass(frozen=True)
class Sample:
    """One measurement of one contender."""

    row: str
    contender: str
    repetition: int
    values: Values


@dataclass
class Run:
    """One run: when and where, what was measured, and what was left out and why."""

    started: str
    environment: dict[str, str]
    titles: dict[str, str]
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)


@dataclass(frozen=True)
class Spread:
    """A median and what it is the median of."""

    middle: float
    least: float
    most: float
    count: int

    @classmethod
    def of(cls, numbers: list[float]) -> Spread | None:
        """Summarize numbers, if there are any."""
        if not numbers:
            return None
        return cls(median(numbers), min(numbers), max(numbers), len(numbers))


class Results:
    """Runs, and questions to all of them together."""

    def __init__(self, runs: list[Run]) -> None:
        """Take the runs in the order of time."""
        self.runs = runs

    def samples(self, row: str, contender: str) -> dict[tuple[int, int], Values]:
        """Map run and repetition to what was measured then."""
        return {
            (number, sample.repetition): sample.values
            for number, run in enumerate(self.runs)
            for sample in run.samples
            if (sample.row, sample.contender) == (row, contender)
        }

    def spread(self, row: str, contender: str, key: str) -> Spread | None:
        """Summarize one number of a contender."""
        found = self.samples(row, contender).values()
        return Spread.of([values[key] for values in found if key in values])

    def derived(self, row: str, contender: str, number: Callable[[Values], float]) -> Spread | None:
        """Summarize what follows from several numbers of a contender."""
        return Spread.of([number(values) for values in self.samples(row, contender).values()])

    def ratio(self, row: str, one: str, other: str, key: str) -> Spread | None:
        """Summarize the ratios of two contenders, each of one repetition of one run."""
        ours, theirs = self.samples(row, one), self.samples(row, other)
        return Spread.of([
            ours[at][key] / theirs[at][key]
            for at in ours
            if at in theirs and ours[at].get(key) is not None and theirs[at].get(key)
        ])  # fmt: skip

    def title(self, contender: str) -> str:
        """Name a contender as people do."""
        return next((run.titles[contender] for run in self.runs if contender in run.titles), "")

    def write(self, path: Path) -> None:
        """Keep all of it as JSON, a sample a line, so that a difference can be read."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{{"runs": [\n{",".join(map(lines, self.runs))}]}}\n')

    @classmethod
    def read(cls, path: Path) -> Results:
        """Read what was kept."""
        runs = [
            Run(**each | {"samples": [Sample(**sample) for sample in each["samples"]]})
            for each in json.loads(path.read_text())["runs"]
        ]
        return cls(runs)


def lines(run: Run) -> str:
    """Write a run: a fact a line, and a sample a line."""
    facts = asdict(run)
    samples = ",\n".join(json.dumps(sample) for sample in facts.pop("samples"))
    text = json.dumps(facts, indent=1, ensure_ascii=False).removesuffix("\n}")
    return f'{text},\n "samples": [\n{samples}\n]}}\n'
