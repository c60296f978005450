"""The chart: requests per second of each contender, as SVG for light and dark."""

from __future__ import annotations

from html import escape

from benchmarks.plan import MAIN, PEERS
from benchmarks.results import Results, Spread

WIDTH, LEFT, RIGHT, ROW, TOP = 760, 230, 90, 26, 46
STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #1f2328; }
    .small { font-size: 11px; fill: #59636e; }
    .bar { fill: #9aa4af; } .ours { fill: #1f7a4d; }
    .spread { stroke: #1f2328; stroke-width: 1.5; }
    @media (prefers-color-scheme: dark) {
        text { fill: #e6edf3; } .small { fill: #9198a1; }
        .bar { fill: #59636e; } .ours { fill: #3fb27f; }
        .spread { stroke: #e6edf3; }
    }
"""


def svg(results: Results) -> str:
    """Draw a bar for each contender, the largest first, with the least and the most."""
    found = {
        name: served
        for name in (*MAIN, *PEERS)
        if (served := results.spread("throughput", name, "requests_per_second"))
    }
    names = sorted(found, key=lambda name: -found[name].middle)
    scale = (WIDTH - LEFT - RIGHT) / max((each.most for each in found.values()), default=1)
    bars = [
        bar(results.title(name), found[name], place, scale, name in ("host", "image"))
        for place, name in enumerate(names)
    ]
    height = TOP + ROW * len(names) + 10
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title">\n'
        f'<title id="title">Requests per second from 64 keep-alive clients</title>\n'
        f"<style>{STYLE}</style>\n"
        f'<text x="10" y="18">Requests per second, 64 keep-alive clients, one Flask page</text>\n'
        f'<text class="small" x="10" y="35">median; the line is from the least to the most; '
        f"more is better</text>\n{''.join(bars)}</svg>\n"
    )


def bar(title: str, served: Spread, place: int, scale: float, ours: bool) -> str:
    """Draw one."""
    y = TOP + ROW * place
    middle = y + 9
    least, most = LEFT + served.least * scale, LEFT + served.most * scale
    return (
        f'<text x="{LEFT - 10}" y="{y + 14}" text-anchor="end">{escape(title)}</text>\n'
        f'<rect class="{"ours" if ours else "bar"}" x="{LEFT}" y="{y}" '
        f'width="{served.middle * scale:.1f}" height="18" rx="2"/>\n'
        f'<line class="spread" x1="{least:.1f}" y1="{middle}" x2="{most:.1f}" y2="{middle}"/>\n'
        f'<text x="{most + 8:.1f}" y="{y + 14}">{served.middle:,.0f}</text>\n'
    )
