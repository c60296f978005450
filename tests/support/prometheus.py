"""A real Prometheus, for as long as a test needs it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.support.skips import leave_out
from tests.support.stacks import ROOT, reserve
from tests.support.wait import HANGS, wait_until

MONITORING = ROOT / "deploy/monitoring"


def program(name: str) -> str:
    """Find prometheus or promtool; a test without is left out."""
    return shutil.which(name) or leave_out(f"there is no {name} (Debian's package prometheus)")


class Prometheus:
    """One that runs."""

    def __init__(self, port: int) -> None:
        """Remember where it listens."""
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        """Ask its API; AssertionError with what it says if it refuses."""
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=HANGS)
        found = answer.json()
        assert found["status"] == "success", found
        return list(found["data"]["result"])

    def ready(self) -> bool:
        """Say whether it has scraped its targets."""
        try:
            return any(each["value"][1] == "1" for each in self.ask("query", query="up"))
        except requests.RequestException:  # nobody listens yet, or what comes is no JSON yet
            return False


@contextmanager
def running(folder: Path, target: str, interval: str = "1s") -> Iterator[Prometheus]:
    """Run one in a folder, with our rules, that scrapes one address until the end."""
    command = program("prometheus")
    config = {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": [str(MONITORING / "alerts.yml")],
        "scrape_configs": [
            {"job_name": "nginx-python3", "static_configs": [{"targets": [target]}]}
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    with reserve() as reserved:
        port = reserved.getsockname()[1]
        options = [
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([command, *options], stdout=log, stderr=log)
        try:
            found = Prometheus(port)
            wait_until(
                found.ready,
                alive=lambda: process.poll() is None,
                report=lambda: (folder / "log").read_text(),
            )
            yield found
        finally:
            process.terminate()
            process.wait(HANGS)


def panels() -> dict[str, list[tuple[str, str]]]:
    """Map each panel of the dashboard to its expressions, with their legends, as Grafana asks."""
    found = json.loads((MONITORING / "dashboard.json").read_text())
    return {
        panel["title"]: [
            (asked(target["expr"]), target["legendFormat"]) for target in panel["targets"]
        ]
        for panel in found["panels"]
    }


def asked(expression: str) -> str:
    """Fill in Grafana's variables."""
    return expression.replace("$instance", ".*").replace("$__rate_interval", "10s")
