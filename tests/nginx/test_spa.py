"""SPA_FALLBACK: files, one page for all other paths or for / alone, and an API."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.launching import Launch, started_beside
from tests.support.stacks import ROOT, Stack

# It answers any path, and says which it was.
ASKED = ROOT / "tests/apps/asked"
PAGES = ROOT / "tests/apps/pages"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An application with the build of a single-page one beside it."""
    tmp_path = tmp_path_factory.mktemp("spa")
    folder = tmp_path / "app"
    for source in (ASKED, PAGES):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder, ignore=ignored, dirs_exist_ok=True)
    (folder / "build/assets").mkdir(parents=True)
    (folder / "build/index.html").write_text("the page\n")
    (folder / "build/assets/main.js").write_text("the script\n")
    (folder / "build/.env").write_text("SECRET=1\n")
    (folder / "build/link.py").symlink_to("../pages.py")
    (folder / "empty").mkdir()
    tmp_path.chmod(0o755)
    return folder


def served(launch_once: Launch, app: Path, **settings: str) -> Stack:
    """Launch with the build as nginx's files."""
    defaults = {
        "APP_MODULE": "pages:application",
        "STATIC_PATH": "app/build",
        "SPA_FALLBACK": "index.html",
    }
    return launch_once(app=app, alarms=True, **{**defaults, **settings})


def belongs(stack: Stack, path: str, client: str = "127.0.0.1") -> str:
    """Say whose a path is: the application's, the page, a file, or what the status says."""
    answer = stack.get(path, client, allow_redirects=False)
    if answer.headers["Content-Type"] == "application/json":
        assert answer.json()["RAW_URI"] == path
        return "application"
    texts = {"the page\n": "page", "the script\n": "file"}
    return texts.get(answer.text, str(answer.status_code))


def test_every_path_is_a_file_or_the_page(launch_once: Launch, app: Path) -> None:
    stack = served(launch_once, app)
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


def test_the_api_stays_the_applications(launch_once: Launch, app: Path) -> None:
    stack = served(launch_once, app, SPA_API_PREFIX="/page/", ALLOWED="127.0.0.1")
    assert stack.get("/page/a").text.startswith("a ")
    assert stack.request("POST", "/page/a").status_code == 405
    assert stack.get("/page/a/none").status_code == 404
    assert stack.get("/api/x").text == "the page\n"


def test_a_prefix_itself_belongs_to_the_application(launch_once: Launch, app: Path) -> None:
    settings = {"APP_MODULE": "asked:application", "SPA_API_PREFIX": "/api/; /auth/v1"}
    stack = served(launch_once, app, **settings)
    for path in ("/api", "/api/", "/api?x=/", "/api/x/y", "/auth/v1", "/auth/v1/", "//api//x"):
        assert belongs(stack, path) == "application", path
    for path in ("/", "/apis", "/auth", "/auth/", "/auth/v2", "/API"):
        assert belongs(stack, path) == "page", path
    for path in ("/api", "/api/", "/auth/v1"):
        answer = stack.request("POST", path, data="x=1", allow_redirects=False)
        seen = answer.json()
        assert (answer.status_code, seen["REQUEST_METHOD"]) == (200, "POST")
        assert seen["PATH_INFO"] == path


def test_the_page_can_be_at_the_root_alone(launch_once: Launch, app: Path) -> None:
    settings = {"APP_MODULE": "asked:application", "SPA_API_PREFIX": "/"}
    stack = served(launch_once, app, **settings, ALLOWED="127.0.0.1")
    page = stack.get("/?x=1")
    assert (page.text, page.headers["Cache-Control"]) == ("the page\n", "no-cache")
    assert stack.request("POST", "/").status_code == 405
    expected = {
        **dict.fromkeys(("/", "//", "/static/index.html"), "page"),
        **dict.fromkeys(("/index.html", "/api/", "/users/7", "/assets/main.js"), "application"),
        **dict.fromkeys(("/static", "/build/index.html"), "application"),
        "/static/assets/main.js": "file",
        **dict.fromkeys(("/static/none.js", "/static/.env", "/static/link.py"), "404"),
    }
    assert {path: belongs(stack, path) for path in expected} == expected
    for path in expected:
        assert belongs(stack, path, client="127.0.0.2") == "403", path


def test_the_files_can_have_a_place_of_their_own(launch_once: Launch, app: Path) -> None:
    settings = {"APP_MODULE": "asked:application", "STATIC_URL": "/site/"}
    stack = served(launch_once, app, **settings, ALLOWED="127.0.0.1")
    expected = {
        **dict.fromkeys(("/", "/users/7", "/assets/main.js", "/index.html", "/.env"), "page"),
        "/site/assets/main.js": "file",
        **dict.fromkeys(("/site/none.js", "/site/.env", "/site/link.py", "/site/"), "404"),
        **dict.fromkeys(("/api", "/api/x"), "application"),
    }
    assert {path: belongs(stack, path) for path in expected} == expected
    for path in expected:
        assert belongs(stack, path, client="127.0.0.2") == "403", path
    assert stack.get("/users/7").headers["Cache-Control"] == "no-cache"


def test_nothing_else_gets_out_and_nobody_else_gets_in(launch_once: Launch, app: Path) -> None:
    stack = served(launch_once, app, SPA_API_PREFIX="/page/", ALLOWED="127.0.0.1")
    assert stack.get("/.env").status_code == 404
    assert stack.get("/link.py").text == "the page\n"
    for path in ("/", "/users/7", "/assets/main.js", "/page/", "/page/a", "/.env"):
        assert stack.get(path, client="127.0.0.2").status_code == 403, path


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"SPA_FALLBACK": "index.html", "STATIC_PATH": "app/empty"}, "is not in STATIC_PATH"),
        ({"SPA_FALLBACK": "index.html"}, "is a file in STATIC_PATH, which is not set"),
        ({"SPA_FALLBACK": "../index.html"}, "is not a file's name"),
        ({"SPA_FALLBACK": ""}, "is not a file's name"),
        ({"SPA_API_PREFIX": "api"}, "is not the path of a folder"),
        ({"SPA_API_PREFIX": "/api/;/a b/"}, "'/a b/': is not the path of a folder"),
        ({"SPA_API_PREFIX": ";"}, "names no path"),
        ({"SPA_API_PREFIX": "/;/api/"}, "/ stands for all paths"),
    ],
)
def test_a_page_that_there_is_not_is_refused(
    launch_once: Launch, app: Path, settings: dict[str, str], reason: str
) -> None:
    refused(launch_once(app=app, APP_MODULE="pages:application"), "SPA_", reason, **settings)


def refused(stack: Stack, setting: str, reason: str, **settings: str) -> None:
    """Expect that no stack starts with these settings, and what is said of it."""
    answer = started_beside(stack, **settings)
    assert answer.returncode == 78
    (line,) = [each for each in answer.stderr.splitlines() if reason in each]
    assert line.startswith(f"entrypoint: error: {setting}")


@pytest.mark.parametrize(
    ("prefix", "where"), [("/site", "STATIC_URL"), ("/api/;/index.html", "SPA_FALLBACK")]
)
def test_a_path_cannot_be_two_things(
    launch_once: Launch, app: Path, prefix: str, where: str
) -> None:
    settings = {
        "STATIC_PATH": "app/build",
        "STATIC_URL": "/site/",
        "SPA_FALLBACK": "index.html",
        "SPA_API_PREFIX": prefix,
    }
    stack = launch_once(app=app, APP_MODULE="pages:application")
    refused(stack, "SPA_API_PREFIX: ", f"is where {where} has files", **settings)
