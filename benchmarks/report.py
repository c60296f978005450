"""The report: tables in Markdown, from what was measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks import tls
from benchmarks.claims import CLAIMS
from benchmarks.load import Values
from benchmarks.plan import MAIN, OURS, PEERS, ROWS
from benchmarks.results import Results
from benchmarks.text import cell, table

BEGIN, END = "<!-- made by python -m benchmarks: -->\n", "<!-- until here -->\n"
LAUNCHERS = ("host", "image")
SIZES = {"1 B": 1, "1 kB": 1_000, "10 kB": 10_000, "100 kB": 100_000, "1 MB": 1_000_000}


def claims(results: Results) -> str:
    """Write what was to be shown, and whether it is."""
    rows = []
    for claim in CLAIMS:
        cells = []
        for launcher in LAUNCHERS:
            found = claim.find(results, launcher)
            verdict = ""
            if found and claim.meets:
                verdict = " ✓" if claim.meets(found.middle) else " ✗"
            cells.append((claim.write(found) if found else "–") + verdict)
        if any(cell != "–" for cell in cells):
            rows.append([claim.what, claim.asked, *cells])
    return table(["what", "asked", "host", "image"], rows)


def compared(results: Results) -> str:
    """Write what each contender reached."""
    rows = []
    for name in (*MAIN, *PEERS):
        if served := results.spread("throughput", name, "requests_per_second"):
            rows.append([
                results.title(name), cell(served), statuses(results, "throughput", name),
                cell(results.derived("crowd-512", name, good)),
                statuses(results, "crowd-512", name),
                cell(results.derived("crowd-2000", name, good)),
                statuses(results, "crowd-2000", name),
                cell(results.spread("throughput", name, "cpu_us")),
                cell(results.spread("memory", name, "pss")),
            ])  # fmt: skip
    head = ["", "64 clients, /s", "not 200", "512 clients, 200s/s", "not 200",
            "2,000 clients, 200s/s", "not 200", "CPU, µs a request", "PSS, MB"]  # fmt: skip
    return table(head, rows)


def good(values: Values) -> float:
    """Compute the answers with 200 per second: refusals are quick, and must not count."""
    return values["status_200"] / values["seconds"] if "status_200" in values else 0.0


def statuses(results: Results, row: str, name: str) -> str:
    """Write which share of all answers was what, but for 200; lost: no answer came."""
    samples = list(results.samples(row, name).values())
    total = sum(values["answers"] + values["lost"] for values in samples)
    counts: dict[str, float] = {}
    for values in samples:
        for key, count in values.items():
            if key.startswith("status_") and key != "status_200":
                counts[key[7:]] = counts.get(key[7:], 0) + count
        counts["lost"] = counts.get("lost", 0) + values["lost"]
        if not any(key.startswith("status_") for key in values):
            counts["other"] = counts.get("other", 0) + values["not_200"]
    shares = {what: 100 * count / total for what, count in counts.items() if count}
    return ", ".join(f"{what} {share:.3g} %" for what, share in sorted(shares.items())) or "0"


def others(results: Results) -> str:
    """Write the contenders that only one row is about."""
    asked = [
        (row.name, name)
        for row in ROWS
        if row.name in ("bound", "cached", "static", "allowed", "workers", "crowd-2000")
        for name in row.contenders
        if name not in (*MAIN, *PEERS)
    ]
    rows = [
        [row, results.title(name), cell(found), statuses(results, row, name)]
        for row, name in asked
        if (found := results.spread(row, name, "requests_per_second"))
    ]
    for name in OURS:
        for title, size in SIZES.items():
            if found := results.spread("sizes", name, f"bytes_{size}"):
                rows.append(["sizes", f"{results.title(name)}, {title}", cell(found), ""])
    return table(["row", "", "requests/s", "not 200"], rows)


def latencies(results: Results) -> str:
    """Write latencies at constant rates."""
    rows = []
    for row, what in (
        ("tail-same", "70 % of the ancestor's"), ("tail-own", "70 % of its own"),
        ("tail-hey", "70 % of the ancestor's, by hey"),
    ):  # fmt: skip
        for name in (*MAIN, *PEERS):
            if results.samples(row, name):
                keys = ("requests_per_second", "p50_ms", "p90_ms", "p99_ms", "p99.9_ms")
                cells = [cell(results.spread(row, name, key)) for key in keys]
                rows.append([what, results.title(name), *cells])
    head = ["rate", "", "answers/s", "p50, ms", "p90, ms", "p99, ms", "p99.9, ms"]
    return table(head, rows)


def storm(results: Results) -> str:
    """Write what httperf counted."""
    rows = []
    keys = ("connections", "rate", "status_2xx", "status_4xx", "status_5xx", "lost", "not_sent")
    for name in MAIN:
        if results.samples("httperf", name):
            cells = [cell(results.spread("httperf", name, key)) for key in keys]
            rows.append([results.title(name), *cells])
    head = ["", "connections", "connections/s", "2xx", "4xx", "5xx", "lost", "not sent by httperf"]
    return table(head, rows)


def starts(results: Results) -> str:
    """Write how long starts took."""
    rows = []
    for name in (*MAIN, *PEERS):
        if found := results.spread("start", name, "first_answer"):
            prepared = results.spread("start", name, "prepared")
            engine = results.spread("start", name, "engine")
            rows.append([results.title(name), cell(found), cell(engine), cell(prepared)])
    head = ["", "to first 200, s", "of which the engine's, s", "of which before supervisord, s"]
    return table(head, rows)


def environment(results: Results) -> str:
    """Write where all this was measured."""
    lines = []
    for number, run in enumerate(results.runs, start=1):
        facts = ", ".join(f"{name} {value}" for name, value in run.environment.items())
        lines.append(f"- Run {number}, {run.started}, {run.seconds:.0f} s: {facts}.\n")
        lines += [f"  - Left out: {note}.\n" for note in run.notes]
    return "".join(lines)


SECTIONS: tuple[tuple[str, Callable[[Results], str]], ...] = (
    ("What was to be shown", claims),
    ("Side by side", compared),
    ("The ancestor's own httperf command", storm),
    ("Latency at a constant rate", latencies),
    ("Bounds, caches, lists, workers, sizes", others),
    ("TLS", tls.report),
    ("Start", starts),
    ("Where and when", environment),
)


def text(results: Results) -> str:
    """Write the whole report."""
    parts = [f"## {title}\n\n{body}" for title, write in SECTIONS if (body := write(results))]
    return "\n".join(parts)


def put(path: Path, report: str) -> None:
    """Put the report into the page, in the place of the one before."""
    page = path.read_text() if path.exists() else BEGIN + END
    before, _, rest = page.partition(BEGIN)
    path.write_text(f"{before}{BEGIN}\n{report}\n{END}{rest.partition(END)[2]}")
