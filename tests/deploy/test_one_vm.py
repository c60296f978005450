"""deploy/one-vm, brought up once: login, upload and job, all of it killed, a backup."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.image import docker
from tests.support.one_vm import Browser, OneVM, standin
from tests.support.wait import HANGS, wait_until


@pytest.fixture
def site(image: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[OneVM]:
    """All of it; where the image is not on the official base, with stand-ins of the others too."""
    others = f"nginx-python3-test:others-{uuid.uuid4().hex[:8]}"
    official = str(request.config.getoption("--base")).startswith("nginx:")
    if not official:
        (tmp_path / "others").mkdir()
        standin(tmp_path / "others", others)
    site = OneVM(tmp_path, image, None if official else others)
    try:
        site.run("up", "--detach", "--build")
        site.wait_until_healthy()
        yield site
    finally:
        site.close()
        docker("rmi", others, check=False)


def test_a_document_is_uploaded_counted_and_outlives_a_restart_and_a_mistake(
    site: OneVM, tmp_path: Path
) -> None:
    site.execute("app", "app", "flask", "add-user", "ann", "--password", "correct horse")
    for secret in (site.folder / "secrets").iterdir():
        assert secret.read_text().strip() not in docker("inspect", *site.containers()).stdout
    browser = Browser(site, tmp_path)
    assert "Log in" in browser.page()
    wrong = browser.send("/login", data={"name": "ann", "password": "wrong"})
    assert wrong.status_code == 401
    browser.send("/login", data={"name": "ann", "password": "correct horse"})
    assert "Log ann out" in browser.page()

    browser.send("/", files={"file": ("three.txt", b"one two three")})
    wait_until(lambda: browser.sees("3 words"), report=lambda: site.run("logs", "app"))
    (path,) = re.findall(r'"(/documents/[^"]+)"', browser.page())
    assert browser.page(path) == "one two three"
    assert "Log in" in Browser(site, tmp_path).page(path)

    # Nobody works while this one is queued, and then everything ends at once.
    site.execute("app", "supervisorctl", "stop", "worker")
    browser.send("/", files={"file": ("four.txt", b"one two three four")})
    docker("kill", *site.containers())
    docker("start", *docker("ps", "--all", "--quiet", *named(site)).stdout.split())
    wait_until(
        lambda: browser.sees("4 words"), timeout=2 * HANGS, report=lambda: site.run("logs", "app")
    )

    dump = site.execute("db", "pg_dump", "--username=shop", "--clean", "--if-exists", "shop")
    site.execute("db", "psql", "--username=shop", "--command=DROP TABLE documents")
    restore = ("psql", "--username=shop", "--single-transaction", "--set=ON_ERROR_STOP=1")
    site.run("exec", "-T", "db", *restore, text=dump)
    assert browser.page(path) == "one two three"


def named(site: OneVM) -> tuple[str, str]:
    """Select the containers, running or not."""
    return "--filter", f"label=com.docker.compose.project={site.project}"
