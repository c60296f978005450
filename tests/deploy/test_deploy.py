"""deploy/: what the files promise that no run would show."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from stack.settings.networks import lines
from stack.settings.table import names
from tests.support.stacks import ROOT

DEPLOY = ROOT / "deploy"
# A swarm has no option for them: an engine sets no-new-privileges for all, and `deploy` the rest.
ENGINES = {"compose.yaml": 4, "swarm.yaml": 3}


def services(file: str) -> dict[str, Any]:
    """Read the services of a file."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / file).read_text())["services"]
    return found


def seconds(text: str) -> int:
    """Read a duration."""
    return int(text.removesuffix("s"))


@pytest.mark.parametrize("file", ENGINES)
def test_every_service_is_hardened(file: str) -> None:
    for service in services(file).values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "privileged" not in service
        limits = service.get("deploy", {}).get("resources", {}).get("limits", service)
        assert ENGINES[file] == sum(
            name in limits for name in ("mem_limit", "memory", "cpus", "pids", "pids_limit")
        ) + ("security_opt" in service)


@pytest.mark.parametrize("file", ENGINES)
def test_a_stop_is_given_the_time_that_it_needs(file: str) -> None:
    app, balancer = services(file)["app"], services(file)["lb"]
    assert seconds(app["stop_grace_period"]) > int(app["environment"]["SHUTDOWN_TIMEOUT"])
    drain = re.findall(r"worker_shutdown_timeout (\d+)s", (DEPLOY / "lb/nginx.conf").read_text())
    assert seconds(balancer["stop_grace_period"]) > int(drain[0])


@pytest.mark.parametrize("file", ENGINES)
def test_only_settings_that_there_are_are_set(file: str) -> None:
    # SECRET_KEY is the application's own.
    assert {*services(file)["app"]["environment"]} <= {*names(), "SECRET_KEY"}


def test_a_swarm_updates_one_by_one_and_goes_back() -> None:
    deploy = services("swarm.yaml")["app"]["deploy"]
    update = deploy["update_config"]
    assert (update["order"], update["parallelism"]) == ("start-first", 1)
    assert update["failure_action"] == "rollback"
    assert {*deploy["resources"]} == {"limits", "reservations"}


def test_the_list_of_the_compose_file_can_be_read_and_holds_no_proxy() -> None:
    (network,) = lines((DEPLOY / "allowed/list").read_text())
    gateway = re.findall(r"gateway: (.*)\.1\n", (DEPLOY / "compose.yaml").read_text())
    assert gateway == ["${NETWORK:-" + str(network.network_address).removesuffix(".1") + "}"]


def test_no_header_of_a_client_reaches_a_replica_that_believes_it() -> None:
    configuration = (DEPLOY / "lb/nginx.conf").read_text()
    for name in ("For", "Host", "Port", "Proto"):
        assert f"proxy_set_header X-Forwarded-{name} " in configuration
    assert "proxy_set_header X-Real-IP " in configuration
    assert "non_idempotent;" not in configuration
