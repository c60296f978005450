"""What `make` prepares: the engine, where a program plays one that is wrong, and .venv."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.stacks import ROOT

# What `docker` says where this user may not use it, and where the disk is full.
DENIED = "Got permission denied while trying to connect to the Docker daemon socket at unix:///x"
FULL = "failed to register layer: write /usr: no space left on device"

DOCKER = """#!{python}
import pathlib, sys
pathlib.Path({calls!r}).open("a").write(sys.argv[1] + "\\n")
if sys.argv[1] in {works!r}:
    print("20.10")
    sys.exit(0)
sys.exit({said!r})
"""


@pytest.mark.parametrize(
    ("works", "said", "words", "calls"),
    [
        ([], DENIED, "error: this user may not use the Docker engine; use sudo", ["version"]),
        ([], "Cannot connect to the daemon", "error: Cannot connect to the daemon", ["version"]),
        (["version"], FULL, FULL, ["version", "image", "pull"]),
    ],
)
def test_what_is_wrong_is_said_and_no_stand_in_is_built(
    tmp_path: Path, works: list[str], said: str, words: str, calls: list[str]
) -> None:
    docker, called = tmp_path / "docker", tmp_path / "calls"
    docker.write_text(
        DOCKER.format(python=sys.executable, calls=str(called), works=works, said=said)
    )
    docker.chmod(0o755)
    answer = subprocess.run(
        [sys.executable, "-m", "dev.image"],
        cwd=ROOT,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "BASE_IMAGE": "registry.example/nginx"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.returncode == 1
    assert words in answer.stderr
    assert called.read_text().splitlines() == calls


def test_a_venv_is_not_made_again_by_the_python_in_it() -> None:
    # Which says python3.11 for what the shell may call python3.
    stamped = [
        subprocess.run(
            [python, "-c", "from dev import venv; print(venv.product())"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for python in (sys.executable, f"{sys.base_prefix}/bin/python3")
    ]
    assert stamped[0] == stamped[1]
