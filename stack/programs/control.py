"""The operator's programs in a stack that runs: changed and started again, through supervisord."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any
from xmlrpc.client import Fault

from stack.programs.reading import OURS
from stack.run.supervisor import interface

RUN = {"STARTING", "RUNNING", "BACKOFF"}
ENDED = {"STOPPED", "EXITED", "FATAL", "UNKNOWN"}

# Seconds beyond what they have themselves, for supervisord to kill or to start them.
GRACE = 60

Wait = Callable[[Callable[[], bool], float], bool]


def restart(seconds: int, wait: Wait, say: Callable[[str], None]) -> bool:
    """Start them again as run/programs.conf has them now, and say whether all that ran run again.

    They are asked to stop at the same time, and have `seconds` for it. What was stopped by hand,
    has ended, or waits for the application's first answer is left alone.
    """
    supervisor = interface("supervisor")
    added, changed, removed = (set(names) - {*OURS} for names in supervisor.reloadConfig()[0])
    before = processes(supervisor)
    ran = {name for name, info in before.items() if info["statename"] in RUN}
    if ran:
        say(f"waiting for the last jobs of {listed(ran)}, {seconds} s at most")
    for name in ran:
        attempt(supervisor.stopProcess, name, False)
    if not wait(lambda: {*states(supervisor, ran)} <= ENDED, seconds + GRACE):
        say("error: they do not end; see the log")
        return False
    for group in changed | removed:
        supervisor.removeProcessGroup(group)
    for group in changed | added:
        supervisor.addProcessGroup(group)  # which starts what is to be started
    for name in ran:
        if before[name]["group"] not in changed | removed:
            attempt(supervisor.startProcess, name, False)
    return settled(supervisor, ran, changed | added, wait, say)


def settled(
    supervisor: Any, ran: set[str], renewed: set[str], wait: Wait, say: Callable[[str], None]
) -> bool:
    """Wait until what was started runs, and say which do not."""
    now = processes(supervisor)
    begun = {name for name, info in now.items() if name in ran or info["group"] in renewed}
    wait(lambda: "STARTING" not in states(supervisor, begun), GRACE)
    now = processes(supervisor)
    failing = {name for name in begun if now[name]["statename"] in ("BACKOFF", "FATAL", "STARTING")}
    if failing:
        say(f"error: {listed(failing)}: started with the new code, and does not run; see the log")
    if begun - failing:
        say(f"{listed(begun - failing)}: started again with the new code")
    return not failing


def processes(supervisor: Any) -> dict[str, dict[str, Any]]:
    """Ask for all processes that are not of our programs, by the names that supervisorctl takes."""
    return {
        f"{each['group']}:{each['name']}": each
        for each in supervisor.getAllProcessInfo()
        if each["group"] not in OURS
    }


def states(supervisor: Any, names: Iterable[str]) -> list[str]:
    """Ask for the states of processes."""
    now = processes(supervisor)
    return [now[name]["statename"] for name in names if name in now]


def attempt(method: Callable[..., Any], *arguments: Any) -> None:
    """Ask for what may be done already, or be impossible by now: the states tell."""
    with contextlib.suppress(Fault):
        method(*arguments)


def listed(names: set[str]) -> str:
    """Write names as `supervisorctl status` does."""
    short = (group if group == name else f"{group}:{name}" for group, name in map(halves, names))
    return ", ".join(sorted(short))


def halves(name: str) -> tuple[str, str]:
    """Divide a name into those of the group and of the process."""
    group, _, process = name.partition(":")
    return group, process
