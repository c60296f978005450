"""deploy/systemd: what systemd itself says of the units, without running them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.skips import leave_out
from tests.support.stacks import ROOT

UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))

# Of 10; what an interpreter with a network and a user of its own can come down to.
MOST_EXPOSED = 2.0


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    """Ask systemd-analyze."""
    if not shutil.which("systemd-analyze"):
        leave_out("there is no systemd-analyze here")
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_finds_no_mistake(unit: Path, tmp_path: Path) -> None:
    # The programs that it names need not be on this machine.
    text = re.sub(r"^(Exec\w+=-?)\S+", r"\1/bin/true", unit.read_text(), flags=re.MULTILINE)
    (tmp_path / unit.name).write_text(re.sub(r"^Requires=.*\n", "", text, flags=re.MULTILINE))
    answer = analyze("verify", str(tmp_path / unit.name))
    assert (answer.returncode, answer.stderr) == (0, "")


def test_the_unit_for_a_host_is_confined() -> None:
    unit = str(ROOT / "deploy/systemd/nginx-python3-host.service")
    report = analyze("security", "--offline=yes", "--no-pager", unit).stdout
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", report)
    assert found, report
    assert float(found[1]) <= MOST_EXPOSED
