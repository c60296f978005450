"""Applications of many shapes: found and served, or refused in words that help."""

from __future__ import annotations

import os
import re
import shutil
import signal
from pathlib import Path

import pytest

from tests.conftest import Launch
from tests.stacks import ROOT, Stack

APPS = ROOT / "tests/apps"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for an application, that any user may read."""
    tmp_path.chmod(0o755)
    (tmp_path / "app").mkdir()
    return tmp_path / "app"


def refused(stack: Stack, status: int) -> str:
    """Wait for the end, expect its status and no second try, and return the log's last lines."""
    assert stack.wait_until_gone(timeout=30) == status, stack.log()
    assert len(stack.lines("spawned: 'uwsgi'")) <= 1, stack.log()
    # What supervisord itself says comes by another stream, and Docker does not keep them in order.
    lines = [line for line in stack.log().splitlines() if not re.match(r"20\d\d-", line)]
    return "\n".join(line for line in lines[-40:] if "gave up, see above" not in line)


def last(stack: Stack, status: int) -> str:
    """Return the last line of a refusal."""
    return refused(stack, status).splitlines()[-1]


# What is found, if nobody says what is meant.


@pytest.mark.parametrize(
    ("name", "what"),
    [("onefile", "app:app"), ("shop", "shop:create_app()"), ("plain", "wsgi:application")],
)
def test_an_application_is_found_and_named(launch: Launch, name: str, what: str) -> None:
    stack = launch(app=APPS / name)
    assert stack.get().status_code == 200
    words = f"entrypoint: serving {what}, as APP_MODULE is not set"
    stack.wait_until(lambda: len(stack.lines(words)) == 1)


def test_the_example_is_served_only_where_nothing_else_is(launch: Launch, folder: Path) -> None:
    shutil.copytree(ROOT / "app/example", folder / "example")
    assert launch(app=folder).get().text == "Hello, World!"
    shutil.copy(APPS / "plain/wsgi.py", folder / "shop.py")
    assert launch(app=folder).get("/a").text == "|/a"


SHAPES = {
    "wsgi.py before app.py": {"wsgi.py": "{a} = say('w')", "app.py": "{a} = say('no')"},
    "app.py before main.py": {"app.py": "app = say('a')", "main.py": "app = say('no')"},
    "main.py": {"main.py": "app = say('m')"},
    "application before app": {"app.py": "app = say('no')\napplication = say('yes')"},
    "a module app in a package app": {"app/__init__.py": "", "app/main.py": "app = say('x')"},
    "a single module of any name": {"shop.py": "def make_app(): return say('s')"},
    "any one Flask application": {"app.py": "from flask import Flask\nsite = Flask('app')"},
    "a package's wsgi.py": {"shop/__init__.py": "", "shop/wsgi.py": "application = say('p')"},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_found_first_is_served(launch: Launch, folder: Path, shape: str) -> None:
    say = "def say(x):\n    return lambda e, s: s('200 OK', [('X-Name', x)]) and [b''] or [b'']\n"
    for name, text in SHAPES[shape].items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(say + text.replace("{a}", "app"))
    answer = launch(app=folder).get()
    assert answer.headers.get("X-Name") != "no"
    assert answer.status_code == (404 if "Flask" in shape else 200)


# What is named.


@pytest.mark.parametrize(
    ("module", "config"),
    [
        ("shop:create_app()", "default"),
        ("shop:create_app", "default"),
        ('shop:create_app("production")', "production"),
        ("shop:create_app(config='a;b', greeting='Hi')", "a;b"),
    ],
)
def test_a_factory_is_called_as_written(launch: Launch, module: str, config: str) -> None:
    stack = launch(app=APPS / "shop", APP_MODULE=module)
    assert stack.get("/cart/").json() == {"here": "/cart/", "config": config}
    assert stack.get("/static/shop.css").status_code == 200
    assert "coffee &amp; cake" in stack.get().text


@pytest.mark.parametrize("where", ["relative", "absolute"])
def test_the_folder_can_be_chosen(launch: Launch, folder: Path, where: str) -> None:
    shutil.copytree(APPS / "onefile", folder / "deep/down")
    name = "app/deep/down" if where == "relative" else None
    stack = launch(ready=False, app=folder, APP_DIR=name or "/no/such/folder")
    if name:
        stack.wait_until_ready()
        assert stack.get("/?name=you").text == "Hello, you!"
    else:
        assert "cannot be read (No such file" in last(stack, os.EX_CONFIG)


NAMES = ("stack", "settings", "entrypoint", "nginx", "app", "loader", "conf", "run", "supervisor")


def test_modules_of_any_name_are_the_applications_own(launch: Launch, folder: Path) -> None:
    for name in NAMES:
        (folder / f"{name}.py").write_text(f"WHOSE = 'mine: {name}'\n")
    (folder / "wsgi.py").write_text(
        f"import {', '.join(NAMES)}, sys, os, subprocess\n"
        f"WORDS = [{', '.join(f'{name}.WHOSE' for name in NAMES)}]\n"
        "WORDS += [os.getcwd(), sys.path[0]]\n"
        "WORDS.append(subprocess.check_output([sys.executable, '-c', 'print(6 * 7)'], text=True))\n"
        "def application(e, s):\n    s('200 OK', [])\n    return ['\\n'.join(WORDS).encode()]\n"
    )
    words = launch(app=folder).get().text.split("\n")
    assert words[: len(NAMES)] == [f"mine: {name}" for name in NAMES]
    assert words[-4] == words[-3] or Path(words[-3]).samefile(words[-4])
    assert words[-2] == "42"


def test_nothing_of_ours_can_be_imported(launch: Launch, folder: Path) -> None:
    (folder / "wsgi.py").write_text(
        "import importlib.util as u, sys\n"
        "FOUND = [n for n in ('stack', 'entrypoint', 'conf', 'run', 'loader') if u.find_spec(n)]\n"
        "FOUND += [n for n in sys.modules if n.partition('.')[0] in ('stack', 'entrypoint')]\n"
        "def application(e, s):\n    s('200 OK', [])\n    return [repr(FOUND).encode()]\n"
    )
    assert launch(app=folder).get().text == "[]"


# Several.


def test_several_applications_are_served_below_their_prefixes(launch: Launch) -> None:
    apps = '/=shop.web:app;/admin=backoffice:create_app();/admin/deep=backoffice:create_app("deep")'
    stack = launch(app=APPS / "several", APPS=apps, UWSGI_PROCESSES="1")
    assert stack.get("/page").json() == {"app": "shop", "page": "/page", "imported": 1}
    expected = {"app": "backoffice", "page": "/admin/page", "root": "/admin", "made": 2}
    assert stack.get("/admin/page").json() == expected
    assert stack.get("/admin/").json() == expected
    assert stack.get("/admin/deep/page").json()["app"] == "deep"
    assert stack.get("/administrator").status_code == 404
    assert stack.get("/page").json()["imported"] == 1


def test_without_one_at_the_root_all_other_paths_are_404(launch: Launch) -> None:
    stack = launch(app=APPS / "several", APPS="/admin=backoffice:create_app()")
    assert stack.get("/admin/page").json()["root"] == "/admin"
    assert [stack.get(path).status_code for path in ("/", "/x")] == [404, 404]


def test_applications_that_are_not_flasks_are_mounted_too(launch: Launch, folder: Path) -> None:
    shutil.copy(APPS / "plain/wsgi.py", folder / "one.py")
    shutil.copy(APPS / "plain/wsgi.py", folder / "other.py")
    stack = launch(app=folder, APPS="/=one:application;/x/y=other:application")
    paths = ("/a", "/x/y", "/x/y/z", "/x/yz")
    assert [stack.get(path).text for path in paths] == ["|/a", "/x/y|", "/x/y|/z", "|/x/yz"]


def test_a_broken_one_of_several_stops_the_start(launch: Launch) -> None:
    stack = launch(
        ready=False, alarms=True, app=APPS / "several", APPS="/=shop.web:app;/x=backoffice:nothing"
    )
    assert "APPS: 'backoffice:nothing': backoffice has no nothing" in last(stack, 1)


# What is refused before anything starts.


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
    from tests.image import docker

    shutil.copy(APPS / "onefile/app.py", folder)
    volume = f"--volume={folder}:/srv/app:ro"
    for path, mode in ((folder, 0o700), (folder / "app.py", 0o600), (folder, 0o744)):
        folder.chmod(0o755)
        path.chmod(mode)
        answer = docker("run", "--rm", volume, image, check=False)
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
        ("syntax", "it is not valid Python 3."),
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
    assert trace.count("  File ") == {"broken": 2, "missing": 1, "syntax": 1, "exits": 1}[name]
    assert not re.search("loader|worker|importlib", trace)
    assert stack.log().count("Traceback") == 1


PROBLEMS = {
    "app:ap": "app has no ap; what can be called in it: app, create, none, nothing; did you mean",
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


@pytest.mark.parametrize("module", PROBLEMS)
def test_what_cannot_be_served_says_why(launch: Launch, folder: Path, module: str) -> None:
    (folder / "app.py").write_text(MODULE)
    stack = launch(ready=False, alarms=True, app=folder, APP_MODULE=module)
    words = PROBLEMS[module].replace("none, nothing", "create, nothing, none")
    text = last(stack, 1)
    assert f"APP_MODULE: {module!r}: " in text
    assert PROBLEMS[module] in text or words in text or "what can be called" in text


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


def test_a_slow_import_is_waited_for(launch: Launch) -> None:
    stack = launch(ready=False, app=APPS / "slow")
    healthy = ["./entrypoint.py", "healthy"]
    stack.wait_until(lambda: stack.run(*healthy).returncode == 0, timeout=60)
    assert stack.get().text == "at last"


def test_a_stop_does_not_wait_for_a_slow_import(launch: Launch) -> None:
    stack = launch(ready=False, app=APPS / "slow")
    stack.wait_until(lambda: stack.lines("spawned uWSGI worker"))
    stack.signal(signal.SIGTERM)
    assert stack.wait_until_gone(timeout=8) == 0
