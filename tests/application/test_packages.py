"""Packages: what an application asks for, what is installed, and well-known applications."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.application import requirements
from tests.support.image import ImageStack, docker, once
from tests.support.launching import Launch
from tests.support.stacks import ROOT

PYPI = ROOT / "tests/apps/pypi"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An application that any user may read."""
    tmp_path.chmod(0o755)
    shutil.copytree(ROOT / "tests/apps/onefile", tmp_path / "app")
    return tmp_path / "app"


WANTED = """\
# a comment
--index-url https://pypi.example
flask >= 3 --hash=sha256:0000
Werkzeug==0.1 ; python_version > "3"
no-such-package[extra]>=2 \\
    --hash=sha256:0000
missing-elsewhere; python_version < "3"
-r other.txt
./a/path
package @ https://host.example/package.whl
click<1,>=0.5
"""


def test_what_is_missing_or_too_old_is_one_warning(launch: Launch, app: Path) -> None:
    (app / "requirements.txt").write_text(WANTED)
    stack = launch(app=app)
    (warning,) = stack.says("requirements.txt asks for more than is installed: ")
    listed = warning.partition("installed: ")[2].partition("; build")[0]
    names = [each.split("=")[0].split("<")[0].split(" ")[0] for each in listed.split("), ")]
    assert names == ["Werkzeug", "no-such-package", "package", "click"]
    assert "no-such-package (missing)" in warning
    assert stack.get().status_code == 200


def test_what_is_there_needs_no_words(launch: Launch, app: Path) -> None:
    (app / "requirements.txt").write_text("flask\nflask>=3,<4\nMarkupSafe~=3.0\n")
    assert not launch(app=app).lines("requirements.txt")


def test_what_cannot_be_read_is_pips_business(tmp_path: Path) -> None:
    assert requirements.warning(tmp_path) is None
    (tmp_path / "requirements.txt").write_bytes(b"\xff\xfe")
    assert requirements.warning(tmp_path) is None


@pytest.fixture(scope="module")
def built(request: pytest.FixtureRequest) -> Iterator[str]:
    """An image built on ours as a person would write it first, with applications from PyPI."""
    name = f"nginx-python3-test:{uuid.uuid4().hex[:12]}"
    base = str(request.config.getoption("--image"))
    docker("build", f"--tag={name}", f"--build-arg=IMAGE={base}", str(PYPI))
    yield name
    docker("rmi", name, check=False)


KNOWN = {
    "dashboard:app.server": ("/_dash-layout", "Hello, Dash!"),
    "administration:app": ("/admin/hello/", "Hello, Flask-Admin!"),
}


def test_well_known_applications_run_unchanged(image: str, built: str) -> None:
    for module, (path, words) in KNOWN.items():
        settings = {"APP_MODULE": module, "HEALTH_PATH": path.partition("?")[0]}
        stack = ImageStack(settings, built, ("--read-only", "--tmpfs=/srv/run", "--user=12345"))
        stack.start()
        try:
            stack.wait_until_ready()
            answer = stack.get(path)
            assert (answer.status_code, words in answer.text) == (200, True), answer.text
        finally:
            stack.close()


def test_what_is_installed_so_changes_nothing_of_ours(image: str, built: str) -> None:
    code = "import sys, importlib.metadata as m; print(m.version('flask'), sys.prefix)"
    ours = once(built, "/opt/venv/bin/python3", "-c", code).stdout
    assert ours == once(image, "/opt/venv/bin/python3", "-c", code).stdout
    owners = "import os; print([os.access(f'/opt/{n}', os.W_OK) for n in ('venv', 'venv-app')])"
    assert once(built, "python3", "-c", owners).stdout == "[False, True]\n"


def test_pip_leaves_no_byte_code_of_its_own_in_an_image(image: str, built: str) -> None:
    code = "import pathlib, pip; print([*pathlib.Path(pip.__file__).parent.rglob('*.pyc')])"
    assert once(built, "python3", "-B", "-c", code).stdout == "[]\n"
