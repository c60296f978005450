"""Two minutes of load with faults under a real Prometheus, and a picture of them.

The picture is drawn here, from the dashboard's own expressions and Prometheus' answers: Grafana
itself cannot be had everywhere. It shows what Grafana's panels would, not how they look.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

from tests.support import prometheus
from tests.support.background import background
from tests.support.prometheus import Prometheus
from tests.support.stacks import ROOT, Stack

SECONDS = 130
STEP = 2
PICTURE = ROOT / "docs/dashboard.svg"

# When what goes wrong, in seconds from the start.
FAULTS = ((30, "hang"), (70, "worker"), (76, "worker"), (85, "nginx"), (100, "reload"))

COLUMNS, WIDTH, HEIGHT, GAP, TOP = 3, 320, 150, 12, 56
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#7f7f7f", "#17becf")
STYLE = """
    text { font: 11px system-ui, sans-serif; fill: #1f2328; }
    .title { font-size: 13px; font-weight: 600; } .small { font-size: 10px; fill: #59636e; }
    .panel { fill: none; stroke: #9aa4af; } .line { fill: none; stroke-width: 1.4; }
    .fault { stroke: #9aa4af; stroke-dasharray: 2 3; }
    @media (prefers-color-scheme: dark) {
        text { fill: #e6edf3; } .small { fill: #9198a1; } .panel { stroke: #59636e; }
    }
"""

Line = tuple[str, list[tuple[float, float]]]


def main(running: Any, disturb: Callable[[Stack, str], None]) -> None:
    """Cause the faults, ask for each of the dashboard's expressions, and draw the answers."""
    with tempfile.TemporaryDirectory() as folder, running() as stack:
        address = f"127.255.255.254:{stack.port}"
        with prometheus.running(Path(folder), address) as asked:
            began = time.time()
            load(stack, disturb)
            fired = asked.ask("query", query="max_over_time(ALERTS[3m])")
            names = sorted(
                {f"{x['metric']['alertname']} ({x['metric']['alertstate']})" for x in fired}
            )
            found = {
                title: lines(asked, expressions, began)
                for title, expressions in prometheus.panels().items()
            }
    print("dashboard: alerts:", ", ".join(names))
    print("dashboard: panels without data:", [title for title, each in found.items() if not each])
    PICTURE.write_text(svg(found, began))


def load(stack: Stack, disturb: Callable[[Stack, str], None]) -> None:
    """Ask 60 times a second for what takes some time, while one thing after another goes wrong."""
    url = f"http://127.0.0.1:{stack.port}/wait/0.02"
    command = ["hey", "-z", f"{SECONDS}s", "-c", "12", "-q", "5", url]
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as hey:
        for second, fault in FAULTS:
            time.sleep(max(0.0, began + second - time.monotonic()))
            if fault == "hang":
                background(stack, "/wait/12.0", 4)
            else:
                disturb(stack, fault)
        hey.wait(SECONDS * 2)


def lines(asked: Prometheus, expressions: list[tuple[str, str]], began: float) -> list[Line]:
    """Ask for the values of a panel's expressions, with their legends filled in."""
    found = []
    for expression, legend in expressions:
        span = {"start": began, "end": began + SECONDS, "step": STEP}
        for each in asked.ask("query_range", query=expression, **span):
            name = legend
            for label, value in each["metric"].items():
                name = name.replace(f"{{{{{label}}}}}", value)
            points = [(float(at) - began, float(value)) for at, value in each["values"]]
            if any(value == value for _, value in points):  # a quantile of nothing is NaN
                found.append((name, points))
    return found


def svg(found: dict[str, list[Line]], began: float) -> str:
    """Draw all panels."""
    rows = -(-len(found) // COLUMNS)
    width = COLUMNS * (WIDTH + GAP) + GAP
    height = TOP + rows * (HEIGHT + GAP)
    panels = "".join(
        panel(title, each, GAP + at % COLUMNS * (WIDTH + GAP), TOP + at // COLUMNS * (HEIGHT + GAP))
        for at, (title, each) in enumerate(found.items())
    )
    told = ", ".join(f"{fault} at {second} s" for second, fault in FAULTS)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-labelledby="title">\n'
        f'<title id="title">The dashboard\'s panels, drawn from real data</title>\n'
        f"<style>{STYLE}</style>\n"
        f'<text class="title" x="{GAP}" y="20">The dashboard\'s panels: real data of {SECONDS} s, '
        f"from a real Prometheus, drawn by measurements/dashboard.py, not by Grafana</text>\n"
        f'<text class="small" x="{GAP}" y="38">{escape(told)}; two workers, 60 requests/s</text>\n'
        f"{panels}</svg>\n"
    )


def panel(title: str, found: list[Line], x: int, y: int) -> str:
    """Draw one panel: a line for each series, its name below."""
    most = max((value for _, points in found for _, value in points if value == value), default=0)
    top, bottom, left, right = y + 26, y + HEIGHT - 30, x + 56, x + WIDTH - 8
    wide, high = (right - left) / SECONDS, (bottom - top) / (most or 1)
    parts = [
        f'<rect class="panel" x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="3"/>\n',
        f'<text class="title" x="{x + 8}" y="{y + 17}">{escape(title)}</text>\n',
        f'<text class="small" x="{left - 4}" y="{top + 4}" text-anchor="end">{most:.3g}</text>\n',
        f'<text class="small" x="{left - 4}" y="{bottom}" text-anchor="end">0</text>\n',
    ]
    for second, _ in FAULTS:
        at = left + second * wide
        parts.append(
            f'<line class="fault" x1="{at:.1f}" y1="{top}" x2="{at:.1f}" y2="{bottom}"/>\n'
        )
    shown = [each for each in found if any(value for _, value in each[1])] or found[:1]
    place = float(x + 8)
    for number, (name, points) in enumerate(shown):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(
            f"{left + at * wide:.1f},{bottom - value * high:.1f}"
            for at, value in points
            if value == value
        )
        parts.append(f'<polyline class="line" stroke="{colour}" points="{path}"/>\n')
        if name and place + 5.6 * len(name) < x + WIDTH:
            parts.append(
                f'<text class="small" x="{place}" y="{y + HEIGHT - 10}" style="fill: {colour}">'
                f"{escape(name)}</text>\n"
            )
            place += 14 + 5.6 * len(name)
    return "".join(parts)
