"""Stacks for tests: how one is to be started, and on which launcher."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.host import HostStack
from tests.support.image import ImageStack
from tests.support.stacks import ALARMS, Stack

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
    stack = begin(prepared(request.param, plan, folders.mktemp("stack"), image))
    yield stack
    log = stack.log()
    stack.close()
    assert not ALARMS.search(log), log
