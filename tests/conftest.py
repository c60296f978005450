"""Fixtures: a stack to test, launched on the host or from the image."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.nodeid import coerce_node_id
from hypothesis import HealthCheck, settings

from tests.support.certificates import Certificates
from tests.support.launching import Kept, Launch, Plan, begin, prepared, shared, small
from tests.support.stacks import ALARMS, ROOT, Stack

# Without a folder for what was found, and with the patience that a busy machine needs.
COMMON = settings(
    database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
# The same examples each time.
settings.register_profile("tests", COMMON, max_examples=1000, derandomize=True)
# Others each time, in as many rounds as `make fuzz` has time for.
settings.register_profile("fuzz", COMMON, max_examples=100, derandomize=False)
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take what `make test` found out about the image."""
    parser.addoption("--image", help="the image to test")
    parser.addoption("--base", help="what the image was built on", default="an unknown base")
    parser.addoption(
        "--base-image", help="its name, for a load balancer; else the image's own nginx"
    )
    parser.addoption("--image-only", action="store_true", help="leave out the host's half")
    parser.addoption("--image-missing", help="why there is no image to test", default="no --image")


def pytest_report_header(config: pytest.Config) -> str:
    """Say what is tested, first of all."""
    if config.getoption("--image"):
        half = "; THE HOST'S CHECKS ARE LEFT OUT" if config.getoption("--image-only") else ""
        return f"image: {config.getoption('--image')}, on {config.getoption('--base')}{half}"
    return f"IMAGE CHECKS ARE LEFT OUT: {config.getoption('--image-missing')}"


# Answers what the example does, without Flask: a start takes a fifth less.
GREETING = ROOT / "tests/apps/greeting"

# What takes its time to make, and is made once for all tests that use it: one worker runs them.
SHARED = ("stack", "served", "launch_once", "guarded", "service", "built", "theirs", "urls")


def shared_by(item: pytest.Item) -> str | None:
    """Name what a test shares with others: a fixture, where it is, and for which launcher."""
    parts = getattr(getattr(item, "callspec", None), "params", {})
    for name in SHARED:
        if name in getattr(item, "fixturenames", ()):
            where = "" if name == "stack" else item.path.stem
            which = parts.get("launcher" if name == "launch_once" else name, "")
            return f"{name} {where} {which}"
    return None


def tell_group(item: pytest.Item) -> None:
    """Write a test's group behind its name, from where pytest-xdist's main process reads it.

    pytest-xdist 3.8 means to, but writes it where pytest 9.2 does not look any more, and so each
    test runs anywhere (https://github.com/pytest-dev/pytest-xdist/issues/1386).
    """
    groups = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})
    if groups and not item.nodeid.endswith(told := f"@{'_'.join(groups)}"):
        item._id = coerce_node_id(f"{item.nodeid}{told}")


def needs_image(item: pytest.Item) -> bool:
    """Say whether a test is of the image's half."""
    return "image" in getattr(item, "fixturenames", ()) or "[image" in item.name


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Group the tests that share something, and leave out a half: the header has said so.

    Those of hypothesis come first. They need the CPU alone and take long, so at the end the others
    would be done, and at the beginning most wait for something.
    """
    items.sort(key=lambda item: "hypothesis" not in item.keywords)
    for item in items:
        if group := shared_by(item):
            item.add_marker(pytest.mark.xdist_group(group))
        if hasattr(config, "workerinput"):
            tell_group(item)
    only = config.getoption("--image-only")
    if config.getoption("--image") and not only:
        return
    kept = [item for item in items if needs_image(item) == only]
    config.hook.pytest_deselected(items=[*{*items} - {*kept}])
    items[:] = kept


def pytest_collection_finish() -> None:
    """Keep the collector from the thousands of tests: to go through them all again and again took
    a tenth of what pytest itself takes.
    """
    gc.freeze()


@pytest.fixture(scope="session")
def image(request: pytest.FixtureRequest) -> str:
    """Name the image under test."""
    return str(request.config.getoption("--image"))


@pytest.fixture(scope="session")
def base_image(image: str, request: pytest.FixtureRequest) -> str:
    """Name an image with nginx and nothing else, as far as there is one."""
    return str(request.config.getoption("--base-image") or image)


@pytest.fixture(params=["host", "image"])
def launcher(request: pytest.FixtureRequest) -> str:
    """Where the stacks of a test run."""
    return str(request.param)


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A configuration of the test's own, to be changed."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    tmp_path.chmod(0o755)
    return tmp_path / "conf"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for an application, that any user may read."""
    tmp_path.chmod(0o755)
    (tmp_path / "app").mkdir()
    return tmp_path / "app"


@pytest.fixture
def pair(tmp_path: Path) -> Certificates:
    """Make a certificate and its key, to be changed while they are served."""
    tmp_path.chmod(0o755)
    made = Certificates(tmp_path / "tls")
    made.write()
    return made


@pytest.fixture
def faulty(folder: Path) -> Path:
    """The application tests/apps/faults, to be changed while it runs."""
    shutil.copy(ROOT / "tests/apps/faults/faults.py", folder)
    return folder


@pytest.fixture
def launch(launcher: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Launch]:
    """Launch a stack with settings of the test's own; it ends, and its log is read, with the test.

    ready=False does not wait for it; alarms=True means that its log may hold alarms. app is the
    application's folder, if not tests/apps/greeting, conf one to be used instead of the tree's, and
    files one that settings name; room is the size of a tmpfs for run/, as 32m.
    """
    started: list[tuple[Stack, bool]] = []

    def launch(
        ready: bool = True,
        alarms: bool = False,
        app: Path | None = None,
        conf: Path | None = None,
        room: str | None = None,
        files: Path | None = None,
        **settings: str,
    ) -> Stack:
        plan = Plan(small(settings), app or GREETING, conf, room=room, files=files)
        image = str(request.config.getoption("--image"))
        stack = prepared(launcher, plan, tmp_path / str(len(started)), image)
        started.append((begin(stack, ready), alarms))
        return stack

    yield launch
    logs = []
    for stack, alarms in started:
        logs += [] if alarms else [stack.log()]
        stack.close()
    for log in logs:
        assert not ALARMS.search(log), log


@pytest.fixture(scope="module")
def kept(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kept]:
    """The stacks of launch_once."""
    kept = Kept(str(request.config.getoption("--image")), tmp_path_factory)
    yield kept
    kept.close()


@pytest.fixture
def launch_once(launcher: str, kept: Kept) -> Launch:
    """Launch as `launch` does, once for all tests of a module that ask for the same.

    They leave it as it is, and mind that others' words are in its log.
    """

    def launch(alarms: bool = False, app: Path | None = None, **settings: str) -> Stack:
        return kept.give(launcher, Plan(settings, app), alarms)

    return launch


@pytest.fixture(scope="session", params=["host", "image"])
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """One stack that allows 127.0.0.1 and ::1, for tests that leave it as it is."""
    yield from shared(Plan({"ALLOWED": "127.0.0.1;::1;"}), request, tmp_path_factory)


@pytest.fixture(scope="module", params=["host", "image"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """One stack as a module's PLAN has it, for tests that leave it as it is."""
    yield from shared(request.module.PLAN, request, tmp_path_factory)
