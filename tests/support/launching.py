"""Stacks for tests: how one is to be started, and on which launcher."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support.host import HostStack
from tests.support.image import ImageStack
from tests.support.stacks import ALARMS, Stack, reserve

Launch = Callable[..., Stack]


@dataclass
class Plan:
    """How a stack is to be started."""

    settings: dict[str, str]
    app: Path | None = None
    conf: Path | None = None
    options: tuple[str, ...] = ()
    room: str | None = None
    port: int = 0
    files: Path | None = None  # a folder that settings name, the same in a container


def prepared(launcher: str, plan: Plan, folder: Path, image: str) -> Stack:
    """Make a stack that has not been started, on the host in an empty folder, or from an image."""
    if launcher == "host":
        host = HostStack(plan.settings, folder, plan.port)
        host.use(plan.app, plan.conf)
        if plan.room:
            host.limit(plan.room)
        return host
    options = [*plan.options]
    options += [f"--volume={plan.app}:/srv/app:ro"] if plan.app else []
    options += [f"--volume={plan.conf}:/srv/conf:ro"] if plan.conf else []
    options += ["--read-only", f"--tmpfs=/srv/run:size={plan.room}"] if plan.room else []
    options += [f"--volume={plan.files}:{plan.files}:ro"] if plan.files else []
    return ImageStack(plan.settings, image, tuple(options), plan.port)


def small(settings: dict[str, str]) -> dict[str, str]:
    """Have two processes, unless a test says otherwise: by default they grow with the machine."""
    said = {"UWSGI_PROCESSES", "UWSGI_PROCESSES_FILE"} & {*settings}
    return settings if said else {"UWSGI_PROCESSES": "2", **settings}


def begin(stack: Stack, ready: bool = True) -> Stack:
    """Start a stack and, unless told otherwise, wait until its application answers."""
    try:
        stack.start()
        if ready:
            stack.wait_until_ready()
    except BaseException:
        stack.close()
        raise
    return stack


class Kept:
    """Stacks that several tests use, by how they were asked for; only a few run at a time."""

    AT_ONCE = 6

    def __init__(self, image: str, folders: pytest.TempPathFactory) -> None:
        """Begin with none."""
        self.image, self.folders = image, folders
        self.running: dict[str, tuple[Stack, bool]] = {}

    def give(self, launcher: str, plan: Plan, alarms: bool) -> Stack:
        """Give the stack that was started so, or start it; end the one that is unused longest."""
        plan = replace(plan, settings=small(plan.settings))
        key = f"{launcher} {alarms} {plan}"
        if key not in self.running:
            if len(self.running) == self.AT_ONCE:
                self.end(next(iter(self.running)))
            stack = prepared(launcher, plan, self.folders.mktemp("kept"), self.image)
            self.running[key] = begin(stack), alarms
        self.running[key] = self.running.pop(key)
        return self.running[key][0]

    def end(self, *keys: str) -> None:
        """End some, all at the same time; no log may hold an alarm, unless that was said."""
        ended = [self.running.pop(key) for key in keys]
        logs = [stack.log() for stack, alarms in ended if not alarms]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda each: each[0].close(), ended))
        for log in logs:
            assert not ALARMS.search(log), log

    def close(self) -> None:
        """End all."""
        self.end(*self.running)


def started_beside(stack: Stack, **settings: str) -> subprocess.CompletedProcess[str]:
    """Start one more where a stack runs, with other settings: it is refused, for them or for that.

    It tells of wrong settings as any start does, and costs less than a stack.
    """
    with reserve() as reserved:
        port = str(reserved.getsockname()[1])
        environ = {"LISTEN_PORT": port, **settings}
        words = [f"{name}={value}" for name, value in environ.items()]
        return stack.run("env", *words, "./entrypoint.py")


def edit(conf: Path, old: str, new: str) -> None:
    """Change something in nginx.conf."""
    text = (conf / "nginx.conf").read_text()
    assert old in text
    (conf / "nginx.conf").write_text(text.replace(old, new))


def shared(
    plan: Plan, request: pytest.FixtureRequest, folders: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Run a stack for several tests; its log must not hold an alarm."""
    image = str(request.config.getoption("--image"))
    plan = replace(plan, settings=small(plan.settings))
    stack = begin(prepared(request.param, plan, folders.mktemp("stack"), image))
    yield stack
    log = stack.log()
    stack.close()
    assert not ALARMS.search(log), log
