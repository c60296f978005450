"""What holds for the files of the tests themselves."""

from __future__ import annotations

import ast

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
