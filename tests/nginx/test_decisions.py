"""nginx decides about every client as ipaddress does; `make fuzz` asks further."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.support.decisions import PEER, SHAPES, Judge, case, mismatches
from tests.support.launching import Launch
from tests.support.stacks import ROOT

SEED = 20261122
EACH = 3000  # decisions on each list
SETTINGS = {"APP_MODULE": "bare:application", "TRUSTED_PROXIES": PEER}


@pytest.mark.parametrize("shape", SHAPES)
def test_decides_as_ipaddress_does(launch: Launch, shape: str) -> None:
    asked = case(SEED, EACH, shape)
    stack = launch(app=ROOT / "tests/apps/bare", ALLOWED=asked.allowed, **SETTINGS)
    assert list(islice(mismatches(stack.port, asked), 10)) == []


@pytest.mark.parametrize("shape", SHAPES)
def test_the_judge_decides_by_the_definition(shape: str) -> None:
    asked = case(SEED, 1000, shape)
    judge = Judge(asked.entries)
    decisions = [judge.allows(client) for client in asked.clients]
    some = slice(None, None, 1 + len(asked.entries) // 100)
    assert decisions[some] == [judge.plainly(client) for client in asked.clients[some]]
    assert 0.1 < sum(decisions) / len(decisions) < 0.9


def test_the_lists_hold_every_prefix_length() -> None:
    lists = [case(SEED, 0, shape).entries for shape in SHAPES]
    networks = [network for entries in lists for network in Judge(entries).networks]
    assert {each.prefixlen for each in networks if each.version == 4} == set(range(33))
    assert {each.prefixlen for each in networks if each.version == 6} == set(range(129))
