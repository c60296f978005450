"""The workflows hold nothing that cannot be run here: each step is a line of the Makefile."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev import ROOT

FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.fixture(params=FILES, ids=lambda path: str(path.stem))
def file(request: pytest.FixtureRequest) -> Path:
    """One workflow."""
    path: Path = request.param
    return path


def parsed(file: Path) -> dict[Any, Any]:
    """Read a workflow; YAML takes its word `on` for true."""
    found: dict[Any, Any] = yaml.safe_load(file.read_text())
    return found


def steps(file: Path) -> list[dict[str, Any]]:
    """List the steps of all its jobs."""
    return [step for job in parsed(file)["jobs"].values() for step in job["steps"]]


def test_each_step_is_one_target_of_the_makefile(file: Path) -> None:
    runs = [step["run"] for step in steps(file) if "run" in step]
    assert runs
    for line in runs:
        assert line == ".ci/run" or line.removeprefix("make ") in TARGETS, line


def test_nothing_is_allowed_but_what_a_job_asks_for(file: Path) -> None:
    assert parsed(file)["permissions"] == {}
    for name, job in parsed(file)["jobs"].items():
        assert job["permissions"], name
        assert 0 < job["timeout-minutes"] <= 40, name
    assert parsed(file)["concurrency"]["group"]


def test_what_tests_a_pushed_image_cannot_push_one(file: Path) -> None:
    for job in parsed(file)["jobs"].values():
        if any(step.get("run") in ("make test", ".ci/run") for step in job["steps"]):
            assert "write" not in job["permissions"].values()


def test_actions_are_named_by_commit_and_leave_no_token_behind(file: Path) -> None:
    text = file.read_text()
    used = re.findall(r"uses: (.*)", text)
    assert used
    for each in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each), each
    for step in steps(file):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
    assert "secrets." not in text  # the workflow's own token is enough, in a fork too


def test_the_base_is_the_official_one_or_nothing(file: Path) -> None:
    assert parsed(file)["env"]["NO_STANDIN"] == "1"


def test_it_says_first_that_it_has_never_run(file: Path) -> None:
    comment = re.match(r"(#.*\n)+", file.read_text())
    assert comment
    words = " ".join(comment[0].replace("#", " ").split())
    assert "rehearsed step by step" in words
    assert "never run on the real service" in words


def test_a_fork_publishes_under_its_own_name(file: Path) -> None:
    names = re.findall(r"ghcr\.io/\S+(?: \S+ \}\})?", file.read_text())
    assert set(names) <= {"ghcr.io/${{ github.repository }}"}
