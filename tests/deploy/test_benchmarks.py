"""The benchmarks' reading of the load generators' reports, and their own report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import HERE, chart, load, plan, report
from benchmarks import __main__ as main
from benchmarks.results import Results, Run, Sample, Spread
from dev import Problem
from tests.support.stacks import ROOT

REPORTS = ROOT / "tests/reports"


def recorded(name: str) -> str:
    """Give what a generator once printed."""
    return (REPORTS / f"{name}.txt").read_text()


def test_reads_what_wrk_prints() -> None:
    assert load.read_wrk(recorded("wrk")) == {
        "answers": 4327,
        "requests_per_second": 4234.48,
        "seconds": 1.02,
        "not_200": 0,
        "lost": 0,
    }


def test_reads_statuses_and_lost_connections() -> None:
    values = load.read_wrk(recorded("wrk-statuses"))
    assert (values["status_200"], values["status_502"]) == (12515, 9428)
    assert values["not_200"] == values["status_502"]
    assert values["lost"] == 90
    assert values["longest"] == pytest.approx(10.001)


def test_reads_latencies_at_a_constant_rate() -> None:
    values = load.read_wrk(recorded("wrk-paced"))
    assert (values["p50_ms"], values["p99_ms"], values["p99.9_ms"]) == (0.721, 18.774, 22.601)


@pytest.mark.parametrize(
    ("text", "seconds"), [("10.00us", 1e-5), ("1.50ms", 0.0015), ("4.01s", 4.01), ("1.10m", 66)]
)
def test_reads_wrks_units(text: str, seconds: float) -> None:
    assert load.in_seconds(text) == pytest.approx(seconds)


def test_reads_what_httperf_prints() -> None:
    values = load.read_httperf(recorded("httperf"))
    assert (values["connections"], values["replies"]) == (4000, 4000)
    assert (values["status_2xx"], values["status_5xx"]) == (3982, 18)
    assert (values["rate"], values["lost"], values["not_sent"]) == (1992.5, 0, 0)


def test_reads_what_hey_prints() -> None:
    values = load.read_hey(recorded("hey"))
    assert values["requests_per_second"] == 4087.3244
    assert values["p99_ms"] == pytest.approx(313.3)
    assert (values["status_200"], values["status_502"]) == (6449, 2585)


def test_a_measure_that_hangs_is_ended_with_all_that_it_started() -> None:
    with pytest.raises(Problem, match="took longer than 1 s"), main.bounded(1):
        subprocess.run([sys.executable, "-c", "import signal; signal.pause()"])


def test_says_when_a_report_is_none() -> None:
    with pytest.raises(Problem, match="has no"):
        load.read_wrk("unable to connect to 127.0.0.1:18080 Connection refused\n")


def run(**throughput: list[float]) -> Run:
    """Make a run of these requests per second, repetition by repetition."""
    samples = [
        Sample("throughput", name.replace("_", "-"), number, values(rate))
        for name, rates in throughput.items()
        for number, rate in enumerate(rates)
    ]
    titles = {sample.contender: f"<{sample.contender}>" for sample in samples}
    return Run("2026-01-01 00:00 UTC", {"CPUs": "2"}, titles, 60.0, ["nothing"], samples)


def values(rate: float) -> load.Values:
    """Make what wrk reports of one second at this rate."""
    return {"requests_per_second": rate, "answers": rate, "not_200": 0, "lost": 0}


RESULTS = Results([
    run(host=[8000, 9000], ancestor=[4000, 5000]),
    run(host=[1000], ancestor=[1000], nginx_granian=[2000]),
])  # fmt: skip


def test_a_ratio_is_one_of_the_same_repetition_of_the_same_run() -> None:
    found = RESULTS.ratio("throughput", "host", "ancestor", "requests_per_second")
    assert found == Spread(1.8, 1.0, 2.0, 3)
    assert RESULTS.ratio("throughput", "host", "granian", "requests_per_second") is None


def test_results_are_kept_and_read_again(tmp_path: Path) -> None:
    RESULTS.write(tmp_path / "results.json")
    assert Results.read(tmp_path / "results.json").runs == RESULTS.runs


@pytest.mark.parametrize("results", [RESULTS, Results([run()]), Results([])])
def test_every_sample_has_a_line_of_its_own(results: Results, tmp_path: Path) -> None:
    results.write(tmp_path / "results.json")
    kept = (tmp_path / "results.json").read_text()
    samples = [sample for run in json.loads(kept)["runs"] for sample in run["samples"]]
    assert samples == [
        json.loads(line.removesuffix(",")) for line in kept.splitlines() if '"contender"' in line
    ]
    assert len(samples) == sum(len(run.samples) for run in results.runs)


def test_what_is_published_is_as_it_would_be_written(tmp_path: Path) -> None:
    published = Results.read(HERE / "results.json")
    published.write(tmp_path / "results.json")
    assert (tmp_path / "results.json").read_text() == (HERE / "results.json").read_text()
    assert report.text(published) in (HERE / "README.md").read_text()
    assert chart.svg(published) == (HERE / "throughput.svg").read_text()


def test_the_report_holds_what_was_asked_against_what_was_found() -> None:
    text = report.text(RESULTS)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    assert [
        "64 clients, requests/s, against the ancestor", "≥ 1.3 ×", "1.80 × (1.00..2.00) ✓", "–"
    ] in rows  # fmt: skip
    assert ["… against nginx + granian", "≥ 1.2 ×", "0.50 × ✗", "–"] in rows
    assert "Left out: nothing." in text


def test_the_report_of_one_row_has_no_empty_tables() -> None:
    for table in report.text(RESULTS).split("## ")[1:]:
        assert len(table.strip().splitlines()) > 2


def test_the_report_replaces_the_one_before_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"above\n{report.BEGIN}old\n{report.END}below\n")
    report.put(page, "new\n")
    report.put(page, "newer\n")
    assert page.read_text() == f"above\n{report.BEGIN}\nnewer\n\n{report.END}below\n"


def test_the_chart_is_an_image_that_needs_nothing_else() -> None:
    drawn = chart.svg(RESULTS)
    root = ElementTree.fromstring(drawn)  # noqa: S314 - made right here
    bars = root.findall("{http://www.w3.org/2000/svg}rect")
    assert [bar.get("class") for bar in bars] == ["ours", "bar", "bar"]
    assert "prefers-color-scheme: dark" in drawn
    assert "href" not in drawn
    assert "url(" not in drawn


def test_every_other_repetition_is_in_reverse() -> None:
    found = list(plan.visits([row for row in plan.ROWS if row.name == "throughput"], 2))
    names = [visit.contender for visit in found if visit.repetition == 0]
    assert [visit.contender for visit in found if visit.repetition == 1] == names[::-1]
    assert "host" in names
