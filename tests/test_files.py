"""What holds for the files of the tests themselves."""

from __future__ import annotations

import ast
import os

import pytest

from tests.support.stacks import ROOT


def test_no_test_file_imports_another() -> None:
    found = []
    for path in (ROOT / "tests").rglob("*.py"):
        if "apps" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [getattr(node, "module", None) or "", *(each.name for each in node.names)]
                parts = [part for name in names for part in name.split(".")]
                found += [f"{path}: {part}" for part in parts if part.startswith("test_")]
    assert found == []


@pytest.mark.xdist_group("a group")
def test_tests_of_a_group_are_known_as_such(request: pytest.FixtureRequest) -> None:
    # Else what they share is made by each process that runs some of them, if it can be.
    if "PYTEST_XDIST_WORKER" in os.environ:
        assert request.node.nodeid.endswith("@a group")
