"""Applications that cannot be served: refused once, in words that help."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.support.launching import Launch
from tests.support.stacks import ROOT, Stack

APPS = ROOT / "tests/apps"


def refused(stack: Stack, status: int) -> str:
    """Wait for the end, expect its status and no second try, and return the log's last lines."""
    assert stack.wait_until_gone() == status, stack.log()
    assert len(stack.lines("spawned: 'uwsgi'")) <= 1, stack.log()
    # What supervisord itself says comes by another stream, and Docker does not keep them in order.
    lines = [line for line in stack.log().splitlines() if not re.match(r"20\d\d-", line)]
    return "\n".join(line for line in lines[-40:] if "gave up, see above" not in line)


def last(stack: Stack, status: int) -> str:
    """Return the last line of a refusal."""
    return refused(stack, status).splitlines()[-1]


# What is refused before anything starts.


def test_a_folder_that_does_not_exist_is_refused(launch: Launch) -> None:
    text = last(launch(ready=False, APP_DIR="/no/such/folder"), os.EX_CONFIG)
    assert "cannot be read (No such file" in text


def test_an_empty_folder_is_refused(launch: Launch, folder: Path) -> None:
    assert "is empty" in last(launch(ready=False, app=folder), os.EX_CONFIG)


def test_a_folder_without_python_is_refused(launch: Launch, folder: Path) -> None:
    (folder / "index.html").write_text("hello")
    assert "has no Python module" in last(launch(ready=False, app=folder), os.EX_CONFIG)


def test_several_candidates_are_named(launch: Launch, folder: Path) -> None:
    for name in ("backoffice", "shop"):
        shutil.copytree(APPS / "shop/shop", folder / name)
    text = last(launch(ready=False, app=folder), os.EX_CONFIG)
    assert "has several packages, backoffice, shop" in text


def test_a_folder_that_is_a_package_itself_is_explained(launch: Launch, folder: Path) -> None:
    shutil.copytree(APPS / "shop/shop", folder, dirs_exist_ok=True)
    text = last(launch(ready=False, app=folder), os.EX_CONFIG)
    assert "is a package itself" in text


def test_a_file_that_is_no_python_is_refused_with_its_line(launch: Launch) -> None:
    text = last(launch(ready=False, app=APPS / "syntax"), os.EX_CONFIG)
    assert re.search(r"/app\.py, line \d+: '.+': is not valid Python 3\.\d+ \(.+\); correct", text)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("shpo:app", "there is no module shpo in {app}, which has backoffice, shop; did you mean"),
        ("shop.wep:app", "no module wep in shop, which has web; did you mean shop.web"),
        ("flask_sqlalchemi.x:app", "there is no module flask_sqlalchemi in {app}"),
        ("shop.web.x:app", "there is no module x in shop.web, which has no module"),
    ],
)
def test_a_missing_module_is_refused_with_what_is_there(
    launch: Launch, launcher: str, module: str, words: str
) -> None:
    stack = launch(ready=False, app=APPS / "several", APP_MODULE=module)
    root = "/srv" if launcher == "image" else stack.root  # type: ignore[attr-defined]
    assert words.format(app=f"{root}/app") in last(stack, os.EX_CONFIG)


def test_a_folder_that_its_user_may_not_read_is_refused(image: str, folder: Path) -> None:
    from tests.support.image import once

    shutil.copy(APPS / "onefile/app.py", folder)
    volume = f"--volume={folder}:/srv/app:ro"
    for path, mode in ((folder, 0o700), (folder / "app.py", 0o600), (folder, 0o744)):
        folder.chmod(0o755)
        path.chmod(mode)
        answer = once(volume, image, check=False)
        assert answer.returncode == os.EX_CONFIG
        assert "cannot be read by uid 101" in answer.stderr
        assert "chmod -R a+rX" in answer.stderr
        (folder / "app.py").chmod(0o644)


# What is refused when it is imported.


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken", "its import fails, see above"),
        ("missing", "the package that has the module no_such_package is not installed"),
        ("exits", "its import fails: it exits with status 3"),
    ],
)
def test_an_application_that_cannot_be_imported_says_why(
    launch: Launch, name: str, words: str
) -> None:
    stack = launch(ready=False, alarms=True, app=APPS / name, UWSGI_PROCESSES="3")
    text = refused(stack, 1)
    assert words in text.splitlines()[-1]
    trace = text[text.rindex("Traceback") :]
    assert trace.count("  File ") == {"broken": 2, "missing": 1, "exits": 1}[name]
    assert not re.search("loader|worker|importlib", trace)
    assert stack.log().count("Traceback") == 1, stack.log()


PROBLEMS = {
    "app:ap": "app has no ap; what can be called in it: app, create, nothing, none, fails, asgi; "
    "did you mean app?",
    "app:create()": "create wants other arguments, create(config, debug=False)",
    "app:create(1, 2, 3)": "create wants other arguments",
    "app:nothing": "is None; if it is a factory's result",
    "app:text": "is a str, which cannot be called",
    "app:text()": "text is no function but a str",
    "app:fails()": "fails() fails, see above",
    "app:asgi": "is an ASGI application",
    "app:app.nothing": "app has no app.nothing",
}

MODULE = """
from flask import Flask
app = Flask(__name__)
text = "x"
def create(config, debug=False): return app
def nothing(): return None
def none(environ, start_response): return []
def _private(): pass
def fails(): raise RuntimeError("no database")
async def asgi(scope, receive, send): pass
"""


# Both launchers have the same worker, but each a Python of its own, which these two depend on.
TRIED = [
    *(("host", module) for module in PROBLEMS),
    ("image", "app:create()"),
    ("image", "app:fails()"),
]


@pytest.mark.parametrize(("launcher", "module"), TRIED, indirect=["launcher"])
def test_what_cannot_be_served_says_why(launch: Launch, folder: Path, module: str) -> None:
    (folder / "app.py").write_text(MODULE)
    stack = launch(ready=False, alarms=True, app=folder, APP_MODULE=module)
    text = last(stack, 1)
    assert f"APP_MODULE: {module!r}: " in text
    assert PROBLEMS[module] in text


def test_a_module_without_an_application_names_what_it_has(launch: Launch, folder: Path) -> None:
    (folder / "app.py").write_text("def hello(): pass\n")
    text = last(launch(ready=False, alarms=True, app=folder), 1)
    assert "neither application, app, create_app() nor make_app()" in text
    assert "what can be called in it: hello" in text


def test_several_flask_applications_are_named(launch: Launch, folder: Path) -> None:
    (folder / "app.py").write_text("from flask import Flask\na = Flask('a')\nb = Flask('b')\n")
    text = last(launch(ready=False, alarms=True, app=folder), 1)
    assert "it has several applications, a, b" in text


def test_one_that_ends_its_worker_without_a_word_is_given_up(launch: Launch, folder: Path) -> None:
    (folder / "app.py").write_text("import os\nos._exit(3)\n")
    text = last(launch(ready=False, alarms=True, app=folder), 1)
    assert "the application ends its worker when it is imported" in text


def test_a_broken_one_of_several_stops_the_start(launch: Launch) -> None:
    stack = launch(
        ready=False, alarms=True, app=APPS / "several", APPS="/=shop.web:app;/x=backoffice:nothing"
    )
    assert "APPS: 'backoffice:nothing': backoffice has no nothing" in last(stack, 1)
