"""docs/from-tiangolo.md: what was laid out for those images runs, and is told what changed."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.application import predecessors
from stack.settings import table
from tests.support.image import ImageStack, docker
from tests.support.stacks import ROOT

THEIRS = ROOT / "tests/apps/tiangolo"
PAGE = ROOT / "docs/from-tiangolo.md"


@pytest.fixture(scope="module")
def theirs(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image that their Dockerfile makes of it, on top of ours."""
    name = f"nginx-python3-theirs-{uuid.uuid4().hex[:12]}"
    dockerfile = tmp_path_factory.mktemp("theirs") / "Dockerfile"
    text = (THEIRS / "Dockerfile").read_text()
    dockerfile.write_text(text.replace("FROM nginx-python3\n", f"FROM {image}\n"))
    docker("build", "--tag", name, "--file", str(dockerfile), str(THEIRS))
    yield name
    docker("image", "rm", "--no-prune", name)


def test_it_runs_and_its_variables_mean_what_they_meant(theirs: str) -> None:
    # Their port is the image's own; on this machine's network each stack needs one to itself.
    stack = ImageStack({}, theirs)
    stack.start()
    try:
        stack.wait_until_ready()
        assert stack.get().text == "prestarted\n"
        assert stack.get("/assets/file.txt").text == "a file\n"
        assert stack.get("/assets-secrets").status_code == 404
        assert stack.says("serving main:app")
        assert stack.says("warning: app/uwsgi.ini is not read; APP_MODULE names the application")
    finally:
        stack.close()


def test_their_port_is_taken_over(theirs: str) -> None:
    said = docker("run", "--rm", "--env=NGINX_MAX_UPLOAD=5m", theirs, "check")
    assert "LISTEN_PORT = 8080  (environment)" in said.stdout
    assert "warning: NGINX_MAX_UPLOAD is not a setting; write CLIENT_MAX_BODY_SIZE" in said.stderr


def test_what_has_no_effect_is_named(tmp_path: Path) -> None:
    (tmp_path / "prestart.sh").touch()
    found = list(predecessors.left({"STATIC_INDEX": "1", "HOME": "/"}, tmp_path))
    assert [line.split(";")[0].rpartition("/")[2] for line in found] == [
        "STATIC_INDEX is not a setting",
        "prestart.sh is not read",
    ]


def test_the_page_has_what_the_warnings_have_and_names_settings_that_exist() -> None:
    text = PAGE.read_text()
    for name in (*predecessors.VARIABLES, *predecessors.FILES):
        assert name in text, name
    left, right = (
        re.findall(r"^\| `(\w+)[^|]*\| `?([A-Z_]+)\b", text, re.MULTILINE),
        table.names(),
    )
    assert all(ours in right for _, ours in left if ours.isupper() and "_" in ours), left
