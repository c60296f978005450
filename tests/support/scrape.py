"""A stack's metrics, as Prometheus would read them."""

from __future__ import annotations

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.support.stacks import Stack
from tests.support.wait import HANGS

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Scrape:
    """One answer."""

    def __init__(self, text: str) -> None:
        """Read it; ValueError if it is no valid one."""
        self.text = text
        self.families = list(text_string_to_metric_families(text))
        self.series: Series = {}
        for each in self.families:
            for sample in each.samples:
                key = sample.name, frozenset(sample.labels.items())
                assert key not in self.series, f"{key} is there twice"
                self.series[key] = sample.value

    def __getitem__(self, name: str) -> float:
        """Add up all series of a name; KeyError if there are none."""
        return self.value(name)

    def value(self, name: str, /, **labels: str) -> float:
        """Add up all series of a name that have certain labels; KeyError if there are none."""
        wanted = set(labels.items())
        found = [n for (each, has), n in self.series.items() if each == name and wanted <= has]
        if not found:
            raise KeyError(name)
        return sum(found)

    def kinds(self) -> dict[tuple[str, int], int]:
        """Map method and status to the number of requests."""
        found = {}
        for (name, labels), number in self.series.items():
            if name == "nginx_http_requests_total":
                values = dict(labels)
                found[values["method"], int(values["status"])] = int(number)
        return found


def scrape(stack: Stack, url: str = "") -> Scrape:
    """Ask where the health check asks, or somewhere else."""
    url = url or f"http://127.255.255.254:{stack.port}/metrics"
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(url, timeout=HANGS)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Scrape(answer.text)
