"""Applications of many shapes, found and served; test_refusals.py has those that are not."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from tests.support.launching import Launch
from tests.support.stacks import ROOT

APPS = ROOT / "tests/apps"


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


# It follows from the files alone, whoever has started what looks for them.
LOOKED_AT = [
    *(("host", shape) for shape in SHAPES),
    ("image", "app.py before main.py"),
    ("image", "a package's wsgi.py"),
]


@pytest.mark.parametrize(("launcher", "shape"), LOOKED_AT, indirect=["launcher"])
def test_what_is_found_first_is_served(launch: Launch, folder: Path, shape: str) -> None:
    say = "def say(x):\n    return lambda e, s: s('200 OK', [('X-Name', x)]) and [b''] or [b'']\n"
    for name, text in SHAPES[shape].items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(say + text.replace("{a}", "app"))
    answer = launch(app=folder).get()
    assert answer.headers.get("X-Name") != "no"
    assert answer.status_code == (404 if "Flask" in shape else 200)


# What is named.


FACTORIES = {
    "shop:create_app()": "default",
    "shop:create_app": "default",
    'shop:create_app("production")': "production",
    "shop:create_app(config='a;b', greeting='Hi')": "a;b",
}

# How it is called follows from what was written alone.
CALLED = [*(("host", module) for module in FACTORIES), ("image", [*FACTORIES][-1])]


@pytest.mark.parametrize(("launcher", "module"), CALLED, indirect=["launcher"])
def test_a_factory_is_called_as_written(launch: Launch, module: str) -> None:
    stack = launch(app=APPS / "shop", APP_MODULE=module)
    assert stack.get("/cart/").json() == {"here": "/cart/", "config": FACTORIES[module]}
    assert stack.get("/static/shop.css").status_code == 200
    assert "coffee &amp; cake" in stack.get().text


def test_the_folder_can_be_chosen(launch: Launch, folder: Path) -> None:
    shutil.copytree(APPS / "onefile", folder / "deep/down")
    stack = launch(app=folder, APP_DIR="app/deep/down")
    assert stack.get("/?name=you").text == "Hello, you!"


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


def test_a_slow_import_is_waited_for(launch: Launch) -> None:
    stack = launch(app=APPS / "slow", IMPORT_TAKES="20")
    assert stack.run("./entrypoint.py", "healthy").returncode == 0
    assert stack.get().text == "at last"


@pytest.mark.parametrize("preload", ["auto", "0"])
def test_a_stop_does_not_wait_for_a_slow_import(launch: Launch, preload: str) -> None:
    stack = launch(ready=False, app=APPS / "slow", IMPORT_TAKES="600", PRELOAD=preload)
    if preload == "0":
        stack.wait_until(lambda: stack.processes("uwsgi worker"))
    else:
        stack.wait_until(lambda: stack.run("test", "-e", "run/uwsgi/importing").returncode == 0)
    stack.signal(signal.SIGTERM)
    assert stack.wait_until_gone() == 0
