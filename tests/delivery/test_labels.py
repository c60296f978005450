"""What an image says about the clone that it was built from."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dev import labels


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with one commit, in the place of this one, and outside of any workflow."""
    monkeypatch.setattr(labels, "ROOT", tmp_path)
    for name in ("GITHUB_REPOSITORY", "GITHUB_SERVER_URL", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(name, raising=False)
    run(tmp_path, "init", "--quiet")
    (tmp_path / "file").write_text("1")
    run(tmp_path, "add", ".")
    who = ("-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false")
    run(tmp_path, *who, "commit", "--quiet", "--message=One", "--date=2026-01-02T03:04:05Z")
    return tmp_path


def run(folder: Path, *words: str) -> str:
    """Run git."""
    command = ["git", *words]
    answer = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return answer.stdout.strip()


def test_the_revision_is_the_commit_and_says_if_files_differ(clone: Path) -> None:
    commit = run(clone, "rev-parse", "HEAD")
    assert labels.revision() == commit
    (clone / "file").write_text("2")
    assert labels.revision() == f"{commit}-modified"


@pytest.mark.parametrize(
    ("remote", "source"),
    [
        ("https://forge.example/me/web.git", "https://forge.example/me/web"),
        ("git@forge.example:me/web.git", "https://forge.example/me/web"),
        ("https://me:secret@forge.example/me/web.git", None),
        ("/home/me/web", None),
    ],
)
def test_the_source_is_an_address_for_everyone_and_holds_no_secret(
    clone: Path, remote: str, source: str | None
) -> None:
    assert labels.source() is None
    run(clone, "remote", "add", "origin", remote)
    assert labels.source() == source


def test_a_workflow_knows_the_source_better(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(clone, "remote", "add", "origin", "https://forge.example/me/web")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://other.example")
    monkeypatch.setenv("GITHUB_REPOSITORY", "Someone/web")
    assert labels.source() == "https://other.example/Someone/web"


def test_the_time_is_the_commits_or_what_the_builder_says(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = int(run(clone, "log", "-1", "--format=%ct"))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(at))
    named = labels.created()
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert labels.created() == named
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert labels.created() == "1970-01-01T00:00:00+00:00"


def test_outside_of_a_clone_nothing_is_made_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels, "ROOT", tmp_path)
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert (labels.revision(), labels.source(), labels.created()) == (None, None, None)
    assert labels.of("nginx:1.30@sha256:ab", None).keys() == {
        f"{labels.PREFIX}version",
        f"{labels.PREFIX}base.name",
    }
