"""Which builder publishes: one that attests what it did, if there is one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from dev.delivery import build

DOCKER = """#!{python}
import sys
print({said!r})
sys.exit({status})
"""


@pytest.mark.parametrize(
    ("said", "status", "attests"),
    [
        ("Name:   builder-1\nDriver: docker-container\n", 0, True),
        ("Name:   default\nDriver: docker\n", 0, False),
        ("docker: 'buildx' is not a docker command.", 1, False),
    ],
)
def test_only_a_builder_of_buildxs_own_attests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, status: int, attests: bool
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(DOCKER.format(python=sys.executable, said=said, status=status))
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert build.attests() is attests
