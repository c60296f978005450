"""Alert rules and dashboard: held against a real Prometheus, and that against a real stack."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import yaml

from dev import engine
from tests.support.launching import Launch
from tests.support.prometheus import MONITORING, panels, program, running
from tests.support.scrape import scrape
from tests.support.skips import leave_out
from tests.support.stacks import ROOT

NAME = re.compile(r"\b(?:nginx|uwsgi|container|supervisor|process)_[a-z_0-9]+\b")
SUFFIX = re.compile(r"_(?:bucket|sum|count)$")


def promtool(*arguments: str, text: str | None = None) -> None:
    """Run promtool, and fail with what it says."""
    answer = subprocess.run(
        [program("promtool"), *arguments],
        cwd=MONITORING,
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert answer.returncode == 0, answer.stdout


def expressions() -> list[str]:
    """List all expressions of the alerts and the dashboard."""
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
    return [rule["expr"] for rule in rules] + [
        expression for each in panels().values() for expression, _ in each
    ]


def test_each_alert_fires_at_what_it_is_for_and_none_under_a_healthy_load() -> None:
    tests = yaml.safe_load((MONITORING / "alerts.test.yml").read_text())["tests"]
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
    names = {rule["alert"] for rule in rules}
    cases = [case for test in tests for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == names
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == names
    promtool("test", "rules", "alerts.test.yml")


def test_promtool_takes_the_files() -> None:
    promtool("check", "rules", "alerts.yml")
    promtool("check", "config", "prometheus.yml")


def test_rules_and_dashboard_know_only_what_there_is() -> None:
    page = (ROOT / "docs/metrics.md").read_text().partition("| metric |")[2]
    documented = set(NAME.findall(page))
    for expression in expressions():
        words = re.sub(r'"[^"]*"', "", expression)
        for name in NAME.findall(words):
            assert SUFFIX.sub("", name) in documented, expression
    assert all((ROOT / each).exists() for each in re.findall(r"docs/[a-z-]+\.md", rules_text()))


def rules_text() -> str:
    """Read the rules."""
    return (MONITORING / "alerts.yml").read_text()


def test_prometheus_takes_a_scrape_and_has_an_answer_to_each_expression(
    launch: Launch, tmp_path: Path
) -> None:
    stack = launch(ALLOWED="127.0.0.1")
    for path in ("/", "/static/hello.txt", "/none"):
        stack.get(path)
    stack.wait_until(lambda: sum(scrape(stack).kinds().values()) >= 3)
    promtool("check", "metrics", text=scrape(stack).text)
    with running(tmp_path, f"127.255.255.254:{stack.port}") as prometheus:
        scrapes = 'count_over_time(up{job="nginx-python3"}[1m])'
        stack.wait_until(lambda: int(prometheus.ask("query", query=scrapes)[0]["value"][1]) >= 3)
        silent = {
            expression
            for each in panels().values()
            for expression, _ in each
            if not prometheus.ask("query", query=expression)
        }
        # Without a limit of memory there is none to show.
        assert all("container_" in expression for expression in silent), silent
        assert prometheus.ask("query", query='ALERTS{alertstate="firing"}') == []


def test_compose_adds_it_to_the_replicas() -> None:
    compose = engine.compose() or leave_out("there is no docker compose")
    command = [*compose, "-f", "compose.yaml", "-f", "monitoring/compose.yaml", "config"]
    answer = subprocess.run(command, cwd=ROOT / "deploy", capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    found = yaml.safe_load(answer.stdout)["services"]
    address = found["prometheus"]["networks"]["default"]["ipv4_address"]
    assert found["app"]["environment"]["METRICS_ALLOWED"] == address
    assert found["app"]["environment"]["ALLOWED_FILE"]
    for name in ("prometheus", "grafana"):
        for volume in found[name]["volumes"]:
            source = str(volume).partition(":")[0] if isinstance(volume, str) else volume["source"]
            assert source == "prometheus" or Path(source).exists()


def test_the_dashboard_has_no_plug_ins() -> None:
    found = json.loads((MONITORING / "dashboard.json").read_text())
    assert {panel["type"] for panel in found["panels"]} <= {"timeseries", "stat"}
