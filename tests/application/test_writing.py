"""What the application writes: the folder instance/, and a volume for it."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

import pytest

from stack.application import writing
from tests.support.image import ImageStack, docker
from tests.support.launching import Launch, begin
from tests.support.stacks import ROOT

NOTES = ROOT / "tests/apps/instance"


def test_an_application_without_it_needs_no_words(launch: Launch, folder: Path) -> None:
    shutil.copy(NOTES / "app.py", folder)
    stack = launch(app=folder, HEALTH_PATH="/health")
    assert not stack.lines("cannot be written")


def test_one_that_cannot_is_named(image: str, folder: Path) -> None:
    shutil.copy(NOTES / "app.py", folder)
    (folder / "instance").mkdir()
    stack = begin(
        ImageStack({"HEALTH_PATH": "/health"}, image, (f"--volume={folder}:/srv/app:ro",))
    )
    try:
        (line,) = stack.lines("warning: /srv/app/instance: cannot be written by uid 101")
        assert "mount a volume that this user owns" in line
        assert stack.request("POST", data={"text": "a note"}).status_code == 500
    finally:
        stack.close()


def test_one_is_named_on_a_host_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert writing.unwritable(tmp_path) is None
    (tmp_path / "instance").mkdir()
    assert writing.unwritable(tmp_path) is None
    # root, whom tests run as in a container, may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "cannot be written" in str(writing.unwritable(tmp_path))


def test_a_named_volume_keeps_what_the_image_has_there(image: str) -> None:
    name = f"nginx-python3-test-{uuid.uuid4().hex[:12]}"
    docker("build", "--quiet", f"--tag={name}", f"--build-arg=IMAGE={image}", str(NOTES))
    options = (f"--volume={name}:/srv/app/instance", "--read-only", "--tmpfs=/srv/run")
    try:
        for expected in ([], ["a note"]):
            stack = begin(ImageStack({"HEALTH_PATH": "/health"}, name, options))
            try:
                assert stack.get().json() == expected
                assert stack.request("POST", data={"text": "a note"}).status_code == 201
            finally:
                stack.close()
    finally:
        docker("volume", "rm", name)
        docker("rmi", "--no-prune", name)
