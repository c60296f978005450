"""Static files are nginx's, and the headers that every answer has."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest

from stack.settings.table import Settings
from tests.support import raw
from tests.support.launching import Launch, started_beside
from tests.support.stacks import ROOT, Stack

PAGES = ROOT / "tests/apps/pages"
LIMITS = {"ALLOWED": "127.0.0.1", "CLIENT_MAX_BODY_SIZE": "1k"}

# What is no file in the folder, or none for visitors.
OUTSIDE = [
    "/static/",
    "/static/deep",
    "/static/deep/",
    "/static/missing",
    "/static/../pages.py",
    "/static/%2e%2e/pages.py",
    "/static/..%2fpages.py",
    "/static/deep/../../pages.py",
    "/static/....//pages.py",
    "/static-secrets/key",
    "/static../static-secrets/key",
    "/static/-secrets/key",
    "/static/link",
    "/static/folder/key",
    "/static/.env",
    "/static/deep/.htaccess",
    "/static/%2eenv",
    "/static/style.css/",
    "/static/style.css%00",
]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An application with files that are to be served, and some that must not be."""
    tmp_path = tmp_path_factory.mktemp("static")
    folder = tmp_path / "app"
    shutil.copytree(PAGES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    static = folder / "static"
    for path in (static / "deep", static / ".well-known", folder / "static-secrets"):
        path.mkdir(parents=True)
    (static / "style.css").write_text("body { color: black }\n" * 100)
    (static / "style.css.gz").write_bytes(gzip.compress((static / "style.css").read_bytes()))
    (static / "deep/index.html").write_text("an index\n")
    (static / ".well-known/security.txt").write_text("Contact: x\n")
    (static / ".env").write_text("SECRET=1\n")
    (folder / "static-secrets/key").write_text("secret\n")
    (static / "link").symlink_to("../static-secrets/key")
    (static / "folder").symlink_to("../static-secrets")
    tmp_path.chmod(0o755)
    return folder


def served(launch_once: Launch, app: Path, **settings: str) -> Stack:
    """Launch with the application's folder as nginx's."""
    defaults = {"APP_MODULE": "pages:application", "HEALTH_PATH": "/text/1"}
    return launch_once(app=app, alarms=True, **defaults, STATIC_PATH="app/static", **settings)


def test_the_examples_files_are_served_with_the_example(stack: Stack) -> None:
    answer = stack.get("/static/hello.txt")
    assert answer.text == "Hello, static world!\n"
    assert answer.headers["Content-Type"] == "text/plain"


def test_files_come_with_what_caches_need(launch_once: Launch, app: Path) -> None:
    stack = served(launch_once, app)
    first = stack.get("/static/style.css", headers={"Accept-Encoding": "identity"})
    assert first.headers["Cache-Control"] == "public, max-age=3600"
    again = stack.get(
        "/static/style.css",
        headers={"If-None-Match": first.headers["ETag"], "Accept-Encoding": "identity"},
    )
    assert (again.status_code, again.content) == (304, b"")
    part = stack.get(
        "/static/style.css", headers={"Range": "bytes=0-3", "Accept-Encoding": "identity"}
    )
    assert (part.status_code, part.text) == (206, "body")
    version = stack.get("/static/style.css?v=7")
    assert version.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_a_compressed_twin_is_sent_to_who_takes_it(launch_once: Launch, app: Path) -> None:
    stack = served(launch_once, app)
    answer = stack.get("/static/style.css", stream=True)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.raw.read() == (app / "static/style.css.gz").read_bytes()
    plain = stack.get("/static/style.css", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers


def test_there_is_no_way_out_of_the_folder(launch_once: Launch, app: Path) -> None:
    stack = served(launch_once, app)
    for target in OUTSIDE:
        answer = raw.send(stack, raw.get(target))
        assert raw.statuses(answer) in ([400], [404]), (target, answer)
        assert b"secret" not in answer.lower()


def test_well_known_files_are_for_visitors(launch_once: Launch, app: Path) -> None:
    assert served(launch_once, app).get("/static/.well-known/security.txt").text == "Contact: x\n"


def test_the_access_rules_hold_for_files_too(launch_once: Launch, app: Path) -> None:
    stack = served(launch_once, app, **LIMITS)
    mine = stack.get("/static/style.css")
    assert (mine.status_code, mine.headers["Cache-Control"]) == (200, "private, max-age=3600")
    for path in ("/static/style.css", "/static/missing", "/static/.env", "/static/"):
        assert stack.get(path, client="127.0.0.2").status_code == 403, path


def test_a_folder_that_nginx_cannot_name_is_not_written_down(tmp_path: Path) -> None:
    folder = tmp_path / 'app"; } server { return 200; } #'
    (folder / "example/static").mkdir(parents=True)
    settings = Settings.from_environ({"APP_DIR": str(folder)})
    assert settings.static_path is None


def test_another_place_can_be_chosen(launch_once: Launch, app: Path) -> None:
    stack = served(launch_once, app, STATIC_URL="/assets/v1/")
    assert stack.get("/assets/v1/style.css").status_code == 200
    assert stack.get("/static/style.css").status_code == 404


def test_a_changed_file_is_seen_soon(launch_once: Launch, app: Path) -> None:
    stack = served(launch_once, app)
    name = f"{stack.launcher}.txt"
    (app / "static" / name).write_text("old")
    assert stack.get(f"/static/{name}").text == "old"
    (app / "static/newer.txt").write_text("new")
    (app / "static/newer.txt").replace(app / "static" / name)
    stack.wait_until(lambda: stack.get(f"/static/{name}").text == "new")


def test_a_file_that_was_missing_is_seen_soon(launch_once: Launch, app: Path) -> None:
    stack = served(launch_once, app)
    name = f"{stack.launcher}.css"
    assert stack.get(f"/static/{name}").status_code == 404
    (app / "static" / name).write_text("a\n")
    stack.wait_until(lambda: stack.get(f"/static/{name}").text == "a\n")
    assert "Content-Encoding" not in stack.get(f"/static/{name}").headers
    (app / f"static/{name}.gz").write_bytes(gzip.compress(b"a\n"))
    stack.wait_until(lambda: "Content-Encoding" in stack.get(f"/static/{name}").headers)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STATIC_PATH", ""),
        ("STATIC_PATH", "app/none"),
        ("STATIC_PATH", "app/pages.py"),
        ("STATIC_PATH", 'app";}'),
        ("STATIC_URL", "/"),
        ("STATIC_URL", "static/"),
        ("STATIC_URL", "/a/../b/"),
        ("STATIC_URL", "/a b/"),
        ("STATIC_URL", "/{/"),
        ("RESPONSE_CACHE", "yes"),
        ("ACCESS_LOG", "JSON"),
    ],
)
def test_what_cannot_be_served_is_refused(stack: Stack, name: str, value: str) -> None:
    answer = started_beside(stack, **{name: value})
    assert answer.returncode == 78
    assert f"entrypoint: error: {name}: " in answer.stderr


def test_every_answer_has_the_headers_that_protect(launch_once: Launch, app: Path) -> None:
    stack = served(launch_once, app, **LIMITS)
    answers = [
        stack.get(path) for path in ("/page/a", "/none", "/static/style.css", "/static/none")
    ]
    answers += [stack.get(client="127.0.0.2"), stack.request("POST", data=b"x" * 2000)]
    assert [answer.status_code for answer in answers] == [200, 404, 200, 404, 403, 413]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
        assert answer.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
        assert len(answer.headers["X-Request-Id"]) == 32
        assert answer.headers["Server"] == "nginx"


def test_the_applications_own_headers_stand(launch_once: Launch, app: Path) -> None:
    answer = served(launch_once, app).get("/page/a?X-Frame-Options=DENY")
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_text_is_compressed_for_who_takes_it(launch_once: Launch, app: Path) -> None:
    stack = served(launch_once, app)
    assert stack.get("/text/5000").headers["Content-Encoding"] == "gzip"
    assert stack.get("/text/5000?type=application/json").headers["Content-Encoding"] == "gzip"
    for path, takes in [
        ("/text/5000", "identity"),
        ("/text/100", "gzip"),
        ("/text/5000?type=image/png", "gzip"),
    ]:
        assert "Content-Encoding" not in stack.get(path, headers={"Accept-Encoding": takes}).headers
