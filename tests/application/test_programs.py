"""Programs that run as the application does: beside the stack, or in its place."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from dev import tree
from stack import health
from stack.application import environment
from stack.machine import scripts
from stack.settings import table
from tests.support.image import docker, once
from tests.support.launching import Launch, Plan, begin, prepared
from tests.support.stacks import ROOT, Stack
from tests.support.wait import wait_until

APPS = ROOT / "tests/apps"

Answer = subprocess.CompletedProcess[str]


@pytest.fixture
def programs(folder: Path) -> Path:
    """The application tests/apps/programs, with a secret in a file."""
    shutil.copytree(APPS / "programs", folder, dirs_exist_ok=True)
    (folder / "secret").write_text("from a file\n")
    return folder


# For the application above: relative paths are relative to the tree's root.
SETTINGS = {"ENV_FROM_FILES": "SECRET_KEY", "SECRET_KEY_FILE": "app/secret", "COLOUR": "red"}


def test_beside_the_stack_they_see_what_its_workers_see(launch: Launch, programs: Path) -> None:
    stack = launch(app=programs, **SETTINGS)
    worker = stack.get().json()
    assert (worker["a secret"], worker["a variable"]) == ("from a file", "red")
    for command in (
        ["flask", "tell"],
        ["python3", "-m", "tasks"],
        ["python3", f"{worker['folder']}/tasks.py"],
        ["sh", "-c", "flask tell"],
    ):
        answer = stack.run("./entrypoint.py", "app", *command)
        assert answer.returncode == 0, answer.stderr
        assert json.loads(answer.stdout) == worker, command


def test_a_command_leaves_with_its_own_status(launch: Launch, programs: Path) -> None:
    stack = launch(app=programs, **SETTINGS)
    assert app(stack, "sh", "-c", "exit 3").returncode == 3
    assert app(stack, "no-such-program").returncode == 127


def app(stack: Stack, *command: str) -> Answer:
    """Run a command as the application runs."""
    return stack.run("./entrypoint.py", "app", *command)


def test_in_the_image_it_is_a_word(image: str, programs: Path) -> None:
    given = [f"--env={name}={value}" for name, value in SETTINGS.items()]
    volume = f"--volume={programs}:/srv/app:ro"
    told = once(volume, *given, "--entrypoint=app", image, "flask", "tell").stdout
    assert json.loads(told)["a secret"] == "from a file"


# In the place of the stack.


@pytest.fixture(params=["host", "image"])
def in_place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Answer]:
    """The entrypoint with another command to run, with an application's folder."""

    def call(folder: Path, *command: str, where: str = "", **environ: str) -> Answer:
        if request.param == "host":
            root = tmp_path / "tree"
            tree.lay(root)
            (root / "app").unlink()
            (root / "app").symlink_to(folder)
            arguments = [sys.executable, f"{root}/entrypoint.py", *command]
        else:
            root = Path("/srv")
            given = [f"--env={name}={value}" for name, value in environ.items()]
            image = str(request.config.getoption("--image"))
            place = f"--workdir={where or root}"
            volume = f"--volume={folder}:/srv/app:ro"
            run = ["docker", "run", "--rm", "--network=host", volume, place]
            arguments = [*run, *given, image, *command]
        return subprocess.run(
            arguments,
            cwd=(where or root) if request.param == "host" else None,
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return call


@pytest.mark.parametrize("word", [[], ["app"]], ids=["plain", "app"])
def test_in_the_place_of_the_stack_they_find_the_application(
    in_place: Callable[..., Answer], programs: Path, word: list[str]
) -> None:
    # ALLOWED is none of their business.
    for command in (["flask", "tell"], ["python3", "-m", "tasks"]):
        answer = in_place(programs, *word, *command, ALLOWED="nonsense", **SETTINGS)
        assert (answer.returncode, answer.stderr) == (0, "")
        told = json.loads(answer.stdout)
        assert told["a secret"] == "from a file"
        assert told["first on the module path"] == told["folder"]


def test_a_folder_that_was_chosen_stays(in_place: Callable[..., Answer], programs: Path) -> None:
    assert in_place(programs, "pwd", where="/usr").stdout == "/usr\n"


def test_wrong_settings_keep_nobody_from_a_shell_but_app_refuses(
    in_place: Callable[..., Answer], programs: Path
) -> None:
    settings = {"ENV_FROM_FILES": "SECRET_KEY", "APP_MODULE": "no module"}
    answer = in_place(programs, "echo", "here", **settings)
    assert (answer.returncode, answer.stdout) == (0, "here\n")
    assert "entrypoint: warning: APP_MODULE: 'no module': " in answer.stderr
    answer = in_place(programs, "app", "echo", "here", **settings)
    assert (answer.returncode, answer.stdout) == (os.EX_CONFIG, "")
    assert "entrypoint: error: APP_MODULE: 'no module': " in answer.stderr
    answer = in_place(programs, "app", "echo", "here", ENV_FROM_FILES="SECRET_KEY")
    assert answer.returncode == os.EX_CONFIG
    assert "SECRET_KEY_FILE is not set" in answer.stderr


# Which application Flask's own commands find: the one that is served.

FLASK_APP = {
    "app.py": ({"app.py": ""}, "app"),
    "a factory in a package": ({"shop/__init__.py": "def create_app(): pass"}, "shop"),
    "imported by a package": ({"shop/__init__.py": "from shop.wsgi import app"}, "shop"),
    "a module in a package": (
        {"app/__init__.py": "", "app/main.py": "from flask import Flask\napp = Flask('app')"},
        "app.main",
    ),
    "under a condition": (
        {
            "app/__init__.py": "try:\n    from . import app\nexcept ImportError: pass",
            "app/app.py": "",
        },
        "app",
    ),
    "nothing that can be seen": ({"shop/__init__.py": "x = 1", "shop/main.py": "(broken"}, "shop"),
    "several packages": ({"a/__init__.py": "", "b/__init__.py": ""}, None),
    "no module": ({"index.html": ""}, None),
    "a file of Flask's own": ({"app.py": "", ".flaskenv": "\nexport FLASK_APP=other\n"}, None),
}


def flask_app(folder: Path, **environ: str) -> str | None:
    """Say what FLASK_APP would be."""
    settings = table.some(environ, environment.SETTINGS)
    return environment.flask_app(folder, settings, environ).get("FLASK_APP")


@pytest.mark.parametrize("name", FLASK_APP)
def test_flask_is_told_which_application_was_found(tmp_path: Path, name: str) -> None:
    files, expected = FLASK_APP[name]
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    assert flask_app(tmp_path) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"APP_MODULE": "shop.web:app"}, "shop.web:app"),
        ({"APP_MODULE": 'shop:create_app("x", y=1)'}, 'shop:create_app("x", y=1)'),
        ({"APP_MODULE": "dashboard:app.server"}, "dashboard"),
        ({"APPS": "/admin=a:b;/=shop:create_app()"}, "shop:create_app()"),
        ({"APPS": "/admin=a:b;/shop=shop:app"}, None),
        ({"APP_MODULE": "shop.web:app", "FLASK_APP": "theirs"}, None),
    ],
)
def test_flask_is_told_which_application_is_named(
    tmp_path: Path, settings: dict[str, str], expected: str | None
) -> None:
    assert flask_app(tmp_path, **settings) == expected


@pytest.mark.parametrize("name", ["onefile", "shop", "tiangolo/app"])
def test_flasks_commands_find_the_application_that_is_served(
    in_place: Callable[..., Answer], name: str
) -> None:
    answer = in_place(APPS / name, "app", "flask", "routes")
    assert answer.returncode == 0, answer.stderr
    assert " GET " in answer.stdout


# Whose interpreter runs which program.

EVIL = """
cd /opt/venv-app
for each in healthy reload check app supervisorctl python; do
    rm -f bin/$each
    printf '#!/bin/sh\\necho evil\\n' > bin/$each
    chmod 755 bin/$each
done
echo 'import sys; sys.stderr.write("evil")' > "$(echo lib/python3.*/site-packages)/evil.pth"
bin/python3 -c '' 2>&1 | grep -q evil && echo the trap is set
cd /srv
healthy; reload; check; app; supervisorctl version
PYTHONPATH=/srv/conf app
"""


def test_what_the_applications_user_can_write_is_no_part_of_our_commands(image: str) -> None:
    answer = once("--entrypoint=sh", image, "-c", EVIL, check=False)
    assert "the trap is set" in answer.stdout
    assert "evil" not in answer.stdout + answer.stderr
    assert "ALLOWED is not set" in answer.stderr


def test_every_console_script_runs_in_the_applications_environment(image: str) -> None:
    code = """
import shutil
from importlib import metadata
from pathlib import Path
for script in metadata.entry_points(group="console_scripts"):
    path = shutil.which(script.name)
    print(script.name, path, Path(path).read_text().splitlines()[0])
"""
    lines = once(image, "/opt/venv/bin/python3", "-c", code).stdout.splitlines()
    found = {name: (path, first) for name, path, first in (line.split() for line in lines)}
    assert "flask" in found
    for name, (path, first) in found.items():
        assert path == f"/opt/venv-app/bin/{name}"
        assert first == "#!/opt/venv-app/bin/python3"


def test_scripts_are_made_anew_for_another_environment(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").symlink_to(sys.executable)
    scripts.remake(Path(sys.prefix), tmp_path)
    answer = subprocess.run([tmp_path / "bin/flask", "--version"], capture_output=True, text=True)
    assert answer.stdout.splitlines()[1].startswith("Flask 3"), answer.stderr


# Health.


@pytest.mark.parametrize("options", [[], ["--init"], ["--user=12345", "--read-only"]], ids=str)
def test_a_container_that_runs_another_command_is_not_unhealthy(
    image: str, options: list[str]
) -> None:
    idle = ["python3", "-c", "import signal; signal.pause()"]
    name = f"nginx-python3-test-{uuid.uuid4().hex[:12]}"
    health = "--health-interval=1s"
    docker("run", "--detach", f"--name={name}", health, "--stop-timeout=1", *options, image, *idle)
    try:
        template = "--format={{.State.Health.Status}}"
        wait_until(lambda: docker("inspect", template, name).stdout.strip() == "healthy")
        assert docker("exec", name, "alive", check=False).returncode == 1
    finally:
        docker("rm", "--force", name)


@pytest.mark.parametrize("options", [(), ("--init",)], ids=str)
def test_a_stack_that_has_not_started_is_unhealthy(
    launcher: str, folder: Path, tmp_path: Path, request: pytest.FixtureRequest, options: tuple[str]
) -> None:
    shutil.copy(APPS / "onefile/app.py", folder)
    (folder / "prestart").write_text("#!/bin/sh\necho begun; exec sleep 60\n")
    (folder / "prestart").chmod(0o755)
    plan = Plan({}, folder, options=options)
    image = str(request.config.getoption("--image"))
    stack = begin(prepared(launcher, plan, tmp_path / "stack", image), ready=False)
    try:
        stack.wait_until(lambda: stack.lines("begun"))
        assert stack.run("./entrypoint.py", "healthy").returncode == 1
    finally:
        stack.close()


@pytest.mark.parametrize(
    ("first", "another"),
    [("/memfd:runc_cloned:/proc/self/exe (deleted)", False), ("/bin/sh", True)],
)
def test_what_a_container_runs_is_asked_when_its_first_process_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, another: bool
) -> None:
    monkeypatch.setattr(os, "getppid", lambda: 0)
    monkeypatch.setattr(os, "listdir", lambda path: [])
    monkeypatch.setattr(os, "readlink", lambda path: first)
    assert health.runs_another_command(str(tmp_path)) is another
