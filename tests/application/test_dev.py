"""While developing: DEV=1 and DEV=debugger."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from tests.support.launching import Launch
from tests.support.stacks import ROOT, Stack


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An application that any user may read, to be changed."""
    tmp_path.chmod(0o755)
    shutil.copytree(ROOT / "tests/apps/onefile", tmp_path / "app")
    return tmp_path / "app"


def change(app: Path, old: str, new: str) -> None:
    """Change the application."""
    text = (app / "app.py").read_text()
    assert old in text
    (app / "app.py").write_text(text.replace(old, new))


def test_a_change_is_served_within_a_second(launch: Launch, app: Path) -> None:
    stack = launch(app=app, DEV="1", UWSGI_PROCESSES="4")
    took = []
    for old, new in (("Hello", "Hi"), ("Hi", "Welcome"), ("Welcome", "Good morning")):
        change(app, old, new)
        began = time.monotonic()
        stack.wait_until(lambda new=new: stack.get().text == f"{new}, World!")
        took.append(time.monotonic() - began)
    # Most of it is the import; on a machine with much else to do, that is what takes long.
    began = time.monotonic()
    assert stack.run("python3", "-c", "import flask").returncode == 0
    import_takes = time.monotonic() - began
    assert min(took) < max(2, 4 * import_takes), (took, import_takes)
    assert len(stack.says("has changed: loading the application again", count=3)) == 3


def test_it_says_that_it_is_on_and_has_one_worker(launch: Launch, app: Path) -> None:
    stack = launch(app=app, DEV="1", UWSGI_PROCESSES="4", ALLOWED="127.0.0.1")
    assert stack.says("warning: DEV is on")
    stack.crew("uwsgi", 1)
    for path, client in (("/", "127.0.0.1"), ("/no", "127.0.0.1"), ("/", "127.0.0.2")):
        assert stack.get(path, client).headers["X-Dev"] == "1"
    stack.run("supervisorctl", "stop", "uwsgi")
    answer = stack.get()
    assert (answer.headers["X-Dev"], answer.headers["Retry-After"]) == ("1", "1")


def test_a_mistake_is_shown_until_it_is_mended(launch: Launch, app: Path) -> None:
    stack = launch(app=app, alarms=True, DEV="1")
    change(app, "import Flask", "import Falsk")
    stack.wait_until(lambda: stack.get().status_code == 500)
    assert "ImportError: cannot import name 'Falsk'" in stack.get().text
    change(app, "import Falsk", "import Flask")
    stack.wait_until(lambda: stack.get().text == "Hello, World!")
    assert not stack.lines("gave up")


def test_without_it_nothing_of_it_is_there(launch: Launch, app: Path) -> None:
    stack = launch(app=app, FLASK_DEBUG="1")
    answer = stack.get()
    assert "X-Dev" not in answer.headers
    change(app, "Hello", "Hi")
    assert not stack.lines("DEV")
    assert stack.get().text == "Hello, World!"


RAISES = "\n\n@app.route('/fails')\ndef fails():\n    secret = 'in the frame'\n    1 / 0\n"


def fails(app: Path) -> None:
    """Add something that raises, and a call that would start Flask's own server."""
    with (app / "app.py").open("a") as file:
        file.write(f"{RAISES}\n\napp.run(debug=True, port=5999)\n")


@pytest.mark.parametrize("dev", ["0", "1"])
def test_the_debugger_is_never_shown_by_accident(launch: Launch, app: Path, dev: str) -> None:
    fails(app)
    stack: Stack = launch(app=app, alarms=True, DEV=dev, FLASK_DEBUG="1")
    answer = stack.get("/fails")
    assert answer.status_code == 500
    assert "in the frame" not in answer.text
    assert "debugger" not in answer.text.lower()
    assert stack.get("/console").status_code == 404
    assert stack.get("/?__debugger__=yes&cmd=resource&f=debugger.js").text == "Hello, World!"


def test_the_debugger_can_be_asked_for(launch: Launch, app: Path) -> None:
    fails(app)
    stack = launch(app=app, alarms=True, DEV="debugger", ALLOWED="127.0.0.1")
    answer = stack.get("/fails")
    assert "Werkzeug powered traceback interpreter" in answer.text
    assert answer.headers["X-Dev"] == "debugger"
    assert stack.says("the debugger is on; its PIN is")
    assert stack.get("/fails", client="127.0.0.2").status_code == 403


def test_the_debugger_is_refused_to_everyone(launch: Launch, app: Path) -> None:
    stack = launch(ready=False, app=app, DEV="debugger")
    assert stack.wait_until_gone() == os.EX_CONFIG
    assert stack.says("error: DEV: 'debugger': lets whoever may connect run code")
