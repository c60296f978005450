"""docs/from-tiangolo.md: what was laid out for those images runs, and is told what changed."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.application import predecessors
from stack.settings import table
from tests.support.image import ImageStack, docker, once
from tests.support.launching import Launch, begin
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
    docker("image", "rm", "--no-prune", name, check=False)


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


# Their examples and the applications of their own tests, rewritten, with what the page says to set.


def test_a_main_with_static_files(launch: Launch) -> None:
    stack = launch(app=THEIRS / "simple", STATIC_PATH="app/static")
    assert stack.get().text == "from main"
    assert stack.get("/static/test.txt").text == "from nginx\n"
    stack.wait_until(lambda: stack.lines("serving main:app"))


def test_a_page_at_the_root_and_uploads(launch: Launch) -> None:
    stack = launch(
        app=THEIRS / "index",
        STATIC_PATH="app/static",
        SPA_FALLBACK="index.html",
        SPA_API_PREFIX="/",
        CLIENT_MAX_BODY_SIZE="0",
    )
    texts = {path: stack.get(path).text for path in ("/", "/static/main.js", "/hello", "/a/b")}
    assert texts == {
        "/": "the page\n",
        "/static/main.js": "the script\n",
        "/hello": "from main",
        "/a/b": "the path a/b",
    }
    answer = stack.request("POST", "/upload", files={"file": b"x" * 3_000_000})
    assert answer.text == "3000000"


def test_a_package_with_modules_that_import_each_other(launch: Launch) -> None:
    stack = launch(app=THEIRS / "package")
    assert stack.get().text == "from the package"
    assert stack.get("/users/").json() == ["Ada", "Grace"]
    stack.wait_until(lambda: stack.lines("serving app.main:app"))
    stack.wait_until(lambda: stack.lines("users were asked for"))


def test_another_module_another_callable_and_another_path(launch: Launch) -> None:
    stack = launch(
        app=THEIRS / "custom",
        APP_MODULE="custom_app.main:custom_app",
        STATIC_URL="/content",
        STATIC_PATH="app/custom_app/content",
        SPA_FALLBACK="index.html",
        SPA_API_PREFIX="/",
    )
    texts = {path: stack.get(path).text for path in ("/", "/api", "/content/test.txt")}
    assert texts == {
        "/": "the page\n",
        "/api": "from custom_app",
        "/content/test.txt": "from nginx\n",
    }
    assert stack.lines("custom prestart running")


def test_another_folder(image: str) -> None:
    volume = f"--volume={THEIRS / 'custom'}:/application:ro"
    settings = {"APP_DIR": "/application", "APP_MODULE": "custom_app.main:custom_app"}
    stack = begin(ImageStack(settings, image, (volume,)))
    try:
        assert stack.get("/api").text == "from custom_app"
    finally:
        stack.close()


def test_an_nginx_conf_of_their_own(launch: Launch, conf: Path) -> None:
    (conf / "http.d/own.conf").write_text("keepalive_requests 3;\n")
    stack = launch(
        app=THEIRS / "nginx",
        conf=conf,
        NGINX_WORKER_PROCESSES="2",
        NGINX_WORKER_CONNECTIONS="2048",
    )
    assert stack.get().text == "from main"
    url = f"http://127.0.0.1:{stack.port}/static/test.txt"
    with stack.connection("127.0.0.1") as session:
        answers = [session.get(url) for _ in range(3)]
    assert [answer.text for answer in answers] == ["from Flask"] * 3
    assert [answer.headers["Connection"] for answer in answers] == ["keep-alive"] * 2 + ["close"]
    assert stack.lines("warning: app/nginx.conf is not read; your own lines belong in conf/")


# What was left as it was.


LEFT = "/app is not served, which has main: the example in /srv/app is"


def test_an_application_that_was_left_in_their_folder_is_named(image: str) -> None:
    left = f"--volume={THEIRS / 'simple'}:/app:ro"
    stack = begin(ImageStack({}, image, (left,)))
    try:
        (warning,) = stack.lines(LEFT)
        assert "COPY ./app /srv/app in the Dockerfile, or set APP_DIR=/app" in warning
    finally:
        stack.close()
    assert LEFT in once(left, image, "check").stderr


def test_what_else_lies_there_is_not_named(image: str) -> None:
    files = f"--volume={THEIRS / 'simple/static'}:/app:ro"
    left = f"--volume={THEIRS / 'simple'}:/app:ro"
    own = f"--volume={THEIRS / 'simple'}:/srv/app:ro"
    for options in ([], [files], [left, own], [left, "--env=APP_DIR=/app"]):
        said = once(*options, image, "check")
        assert "is not served" not in said.stderr, options


def test_where_it_was_left_is_asked_for_on_a_host_too(tmp_path: Path) -> None:
    ours = ROOT / "app"
    (said,) = predecessors.left({}, ours, THEIRS / "simple")
    assert said.startswith(str(THEIRS / "simple"))
    assert not list(predecessors.left({}, ours, tmp_path))
    assert not list(predecessors.left({}, THEIRS / "package/app", THEIRS / "simple"))


def test_their_file_of_options_is_refused(launch: Launch) -> None:
    stack = launch(ready=False, app=THEIRS / "custom", UWSGI_INI="/app/uwsgi.ini")
    assert stack.wait_until_gone() == os.EX_CONFIG
    (line,) = stack.lines("entrypoint: error: UWSGI_INI: '/app/uwsgi.ini': ")
    assert "APP_MODULE for its module and callable" in line


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
