"""SPA_FALLBACK: files at the root, one page for all other paths, and an API."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.launching import Launch
from tests.support.stacks import ROOT, Stack

PAGES = ROOT / "tests/apps/pages"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An application with the build of a single-page one beside it."""
    folder = tmp_path / "app"
    shutil.copytree(PAGES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "build/assets").mkdir(parents=True)
    (folder / "build/index.html").write_text("the page\n")
    (folder / "build/assets/main.js").write_text("the script\n")
    (folder / "build/.env").write_text("SECRET=1\n")
    (folder / "build/link.py").symlink_to("../pages.py")
    tmp_path.chmod(0o755)
    return folder


def served(launch: Launch, app: Path, **settings: str) -> Stack:
    """Launch with the build as nginx's files."""
    defaults = {"APP_MODULE": "pages:application", "STATIC_PATH": "app/build"}
    return launch(app=app, alarms=True, **defaults, SPA_FALLBACK="index.html", **settings)


def test_every_path_is_a_file_or_the_page(launch: Launch, app: Path) -> None:
    stack = served(launch, app)
    for path in ("/", "/index.html", "/users/7", "/users/7/", "/assets", "/assets/", "/none.js"):
        answer = stack.get(path)
        assert (answer.status_code, answer.text) == (200, "the page\n"), path
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    script = stack.get("/assets/main.js")
    assert (script.text, script.headers["Cache-Control"]) == (
        "the script\n",
        "public, max-age=3600",
    )


def test_the_api_stays_the_applications(launch: Launch, app: Path) -> None:
    stack = served(launch, app, SPA_API_PREFIX="/page/")
    assert stack.get("/page/a").text.startswith("a ")
    assert stack.request("POST", "/page/a").status_code == 405
    assert stack.get("/page/a/none").status_code == 404
    assert stack.get("/api/x").text == "the page\n"


def test_nothing_else_gets_out_and_nobody_else_gets_in(launch: Launch, app: Path) -> None:
    stack = served(launch, app, ALLOWED="127.0.0.1")
    assert stack.get("/.env").status_code == 404
    assert stack.get("/link.py").text == "the page\n"
    for path in ("/", "/users/7", "/assets/main.js", "/api/", "/.env"):
        assert stack.get(path, client="127.0.0.2").status_code == 403, path


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"SPA_FALLBACK": "index.html", "STATIC_PATH": "app/build"}, "is not in STATIC_PATH"),
        ({"SPA_FALLBACK": "index.html"}, "is a file in STATIC_PATH, which is not set"),
        ({"SPA_FALLBACK": "../index.html"}, "is not a file's name"),
        ({"SPA_FALLBACK": ""}, "is not a file's name"),
        ({"SPA_API_PREFIX": "api"}, "is not the path of a folder"),
    ],
)
def test_a_page_that_there_is_not_is_refused(
    launch: Launch, app: Path, settings: dict[str, str], reason: str
) -> None:
    (app / "build/index.html").unlink()
    stack = launch(app=app, ready=False, APP_MODULE="pages:application", **settings)
    assert stack.wait_until_gone() == 78
    assert stack.lines("entrypoint: error: SPA_", reason)
