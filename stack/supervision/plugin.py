"""Inside supervisord: prompt reactions, no lost signal, no orphans, and a true exit status.

supervisord calls attach() while it starts, because supervisord.conf names it as an
rpcinterface: supervisor's documented extension point. What it hooks into is not documented, so
supervisor is pinned exactly; seen in the source of 4.3.0.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from supervisor import events
from supervisor.states import SupervisorStates

from stack.supervision import wakeup
from stack.supervision.log import Log
from stack.supervision.memory import Memory
from stack.supervision.observation.observer import Observer
from stack.supervision.output import Output, Stream
from stack.supervision.own import OURS, Own
from stack.supervision.reminder import Reminder
from stack.supervision.renewal import Renewal
from stack.supervision.start import Start
from stack.supervision.succession import NEXT, PREVIOUS, Interface, Succession
from stack.supervision.workers import Workers
from stack.uwsgi import folders, output

# What workers are sent whose master has died: nginx's finish their requests and close the port;
# uWSGI's would wait for their master for ever.
ORPHANS = {"nginx": signal.SIGQUIT, "uwsgi": signal.SIGKILL}

# Bytes of what a program said last that are kept, to tell at the end why it gave up.
REMEMBERED = 10_000

# Processes that reload at the same time, each of 20 MB: one is at work, one that has done its own
# may be about to end, and the last waits for its turn: it will see all that is there by then.
MOST_RELOADS = 3


def attach(supervisord: Any, **config: Any) -> Interface:
    """Subscribe to supervisord's events; it calls this before its main loop."""
    supervision = Supervision(supervisord)
    events.subscribe(events.SupervisorRunningEvent, supervision.running)
    events.subscribe(events.SupervisorStoppingEvent, supervision.leaving)
    events.subscribe(events.ProcessLogEvent, supervision.heard)
    events.subscribe(events.ProcessStateStartingEvent, supervision.starting)
    events.subscribe(events.ProcessStateBackoffEvent, supervision.died)
    events.subscribe(events.ProcessStateExitedEvent, supervision.died)
    events.subscribe(events.ProcessStateFatalEvent, supervision.gave_up)
    events.subscribe(events.ProcessStateStoppingEvent, supervision.stopping)
    events.subscribe(events.ProcessStateStoppedEvent, supervision.stopped)
    events.subscribe(events.Tick5Event, supervision.sum_up)
    events.subscribe(events.Tick5Event, supervision.count_workers)
    events.subscribe(events.Tick5Event, supervision.look_at_certificate)
    Observer(supervision)  # kept alive by the events that it subscribes to
    return Interface(supervision.succession)


class Supervision:
    """What is added to one running supervisord."""

    def __init__(self, supervisord: Any) -> None:
        """Replace the way it waits, forks and writes its log."""
        self.supervisord = supervisord
        self.options = supervisord.options
        self.options.fork = wakeup.fork
        self.output = Output(self.options.logger.warn, os.environ["OUR_LOG_LEVEL"])
        self.stdout, self.stderr = self.output.stdout, self.output.stderr
        self.memory, self.out_of_memory = Memory(), ""
        self.workers = Workers()
        self.renewal = Renewal(self.options.logger)
        self.own = Own(supervisord)
        if isinstance(sys.stdout, Stream):  # which __main__.py has given it
            sys.stdout.go_to(self.output.own)
        # What each program said last, and when it was asked to stop.
        self.words: dict[str, bytes] = {}
        self.reloads: list[int] = []
        self.asked: dict[str, float] = {}
        self.start = Start(supervisord, self.output, self.workers)
        self.reminder = Reminder()
        self.start.wake_up.turn = self.turn
        self.succession = Succession(self)

    def turn(self) -> None:
        """Do what is to be done in each turn of the main loop."""
        self.start.turn()
        self.reminder.turn()

    def running(self, event: events.SupervisorRunningEvent) -> None:
        """Unblock the signals that came too early; after one to stop, nothing is started."""
        if signal.sigpending() & wakeup.EARLY - {signal.SIGHUP}:
            self.options.mood = SupervisorStates.SHUTDOWN
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # there is nothing to reload yet
        signal.pthread_sigmask(signal.SIG_UNBLOCK, wakeup.EARLY)
        signal.signal(signal.SIGHUP, self.hung_up)
        self.own.hold_back()

    def leaving(self, event: events.SupervisorStoppingEvent) -> None:
        """Stop the operator's programs, while nginx serves, and a uWSGI that still imports.

        That one is killed: TERM is lost on its workers, and nobody waits for them.
        """
        self.own.stop()
        self.succession.leave()
        process = self.supervisord.process_groups["uwsgi"].processes["uwsgi"]
        self.start.look()
        if not self.start.loaded or output.importing(process.pid):
            process.config.stopsignal = signal.SIGKILL

    def hung_up(self, number: int, frame: Any) -> None:
        """Reload: what supervisord itself does on HUP, stop and start everything, is an outage."""
        if self.options.mood != SupervisorStates.RUNNING:
            return
        self.reloads = [pid for pid in self.reloads if reloading(pid)]
        if len(self.reloads) >= MOST_RELOADS:
            self.options.logger.info("received SIGHUP: a reload that has not begun will do for it")
            return
        self.options.logger.info("received SIGHUP: reloading")
        command = [sys.executable, "-E", "-s", "entrypoint.py", "reload"]
        self.reloads.append(os.posix_spawn(command[0], command, os.environ))

    def heard(self, event: events.ProcessLogEvent) -> None:
        """Pass on what a program says, and keep its end.

        supervisord would open /dev/stdout once more for that, which fails where it is a socket or
        another user's pipe, and writes into the middle where it is a file.
        """
        name, program = event.process.config.name, event.process.group.config.name
        if program in OURS:
            self.output.heard(program, event.channel, event.data, name)
        else:
            self.stderr.write(self.own.lines(name, event.channel, event.data))
        if (name, event.channel) == ("nginx", "stdout"):
            return
        self.words[name] = (self.words.get(name, b"") + event.data)[-REMEMBERED:]
        if name == "uwsgi" and not self.start.ready:
            self.follow_loading(event)

    def follow_loading(self, event: events.ProcessLogEvent) -> None:
        """Notice that a worker has loaded the application, or that it ends one after another."""
        if b"WSGI app " in event.data or b"DAMN" in event.data:
            self.start.look()
        if not self.start.loaded and (why := output.vanishing(self.words["uwsgi"])):
            self.words["uwsgi"] = why
            self.gave_up(event)

    def sum_up(self, event: events.Event) -> None:
        """Log how many lines were left out, but of a burst that just began, and what was killed."""
        self.look_at_memory()
        self.succession.look()
        self.output.sum_up(at_once=isinstance(event, events.ProcessStateStoppedEvent))

    def look_at_certificate(self, event: events.Event) -> None:
        """Have a renewal taken, but by a stack that stops."""
        if self.options.mood == SupervisorStates.RUNNING:
            self.renewal.look()

    def look_at_memory(self) -> None:
        """Log what was killed for want of memory, and keep it for the end."""
        if news := self.memory.news():
            self.out_of_memory = news
            # During a reload the kernel takes one that is tried, or one that is at its end.
            fewer = "" if self.succession.changing else self.workers.lower()
            self.options.logger.warn(f"{news}{fewer}")

    def count_workers(self, event: events.Event) -> None:
        """Have as many workers as fit into memory."""
        process = self.supervisord.process_groups["uwsgi"].processes["uwsgi"]
        if self.start.loaded and self.options.mood == SupervisorStates.RUNNING:
            self.workers.keep(process.pid)

    def starting(self, event: events.ProcessStateStartingEvent) -> None:
        """Forget what the program said in its last life."""
        name = event.process.config.name
        self.words.pop(name, None)
        if name == "uwsgi":
            folders.serve_from(Path(event.process.config.environment["OUR_UWSGI"]))
            self.start.begin()
            for left in (output.REFUSAL, output.IMPORTING, output.PRELOADED):
                left.unlink(missing_ok=True)

    def died(self, event: Any) -> None:
        """End what a program left behind: it would keep the port, or the socket, from the next."""
        name = event.process.config.name
        self.look_at_memory()
        self.output.ended(name)
        self.end_orphans(event)
        if name in (NEXT, PREVIOUS):
            self.succession.ended(event.process)
            return
        if self.options.mood == SupervisorStates.RUNNING:
            self.output.show_held()
        if name == "uwsgi" and (why := output.failed_import()):
            self.words[name] = why.encode()
            if not self.start.served:
                self.gave_up(event)  # the next try would fail in the same way
            else:
                self.stderr.write(why)

    def end_orphans(self, event: Any) -> None:
        """End what is left of a program, and pass on what it said last."""
        name = event.process.config.name
        self.stderr.write(self.own.rest(name))
        if event.process.pid:  # there is none if it could not even be started
            with contextlib.suppress(ProcessLookupError):
                os.killpg(event.process.pid, ORPHANS.get(name, signal.SIGKILL))

    def gave_up(self, event: Any) -> None:
        """Stop everything, and leave with 1, when a program cannot be kept running."""
        # During an ordinary stop a program that waits for its next try is given up too.
        if self.options.mood != SupervisorStates.RUNNING:
            return
        if not event.process.config.autorestart:
            return  # the operator said that it may end
        name = event.process.config.name
        self.output.show_held()
        self.options.logger.critical(f"{name} gave up: stopping the rest")
        self.options.mood = SupervisorStates.SHUTDOWN
        words = output.telling(self.words.get(name, b"").decode(errors="replace"))
        self.look_at_memory()
        why = self.out_of_memory or "see above"
        atexit.register(leave, self.stderr, f"{words}\nentrypoint: error: {name} gave up, {why}")
        self.start.wake_up.write(0)

    def stopping(self, event: events.ProcessStateStoppingEvent) -> None:
        """Note when a program was asked to stop, which it is not yet when this is called."""
        self.asked[event.process.config.name] = time.monotonic()
        if event.process.group.config.name == "uwsgi":
            self.reminder.stopping(event.process.pid)

    def stopped(self, event: events.ProcessStateStoppedEvent) -> None:
        """Say if nginx had to cut requests: it does so itself, without a word."""
        self.sum_up(event)
        name = event.process.config.name
        took = time.monotonic() - self.asked.get(name, time.monotonic())
        if name in (NEXT, PREVIOUS):
            self.end_orphans(event)
            self.succession.ended(event.process)
            if name == PREVIOUS and took >= event.process.config.stopwaitsecs:
                self.options.logger.warn(
                    f"requests that were still running {took:.1f} s after a reload were cut; "
                    "a larger SHUTDOWN_TIMEOUT gives them more time"
                )
        elif name not in OURS:
            self.end_orphans(event)
            if took >= (most := event.process.config.stopwaitsecs):
                self.options.logger.warn(
                    f"{name} did not end within {most} s and was killed; a larger stopwaitsecs in "
                    "conf/supervisor.d, and SHUTDOWN_TIMEOUT, give its last job more time"
                )
        if name == "nginx":
            self.succession.hurry()
        if name == "nginx" and took >= int(os.environ["DRAIN_SECONDS"]):
            self.options.logger.warn(
                f"requests that were still running after {took:.1f} s were cut; "
                "a larger SHUTDOWN_TIMEOUT gives them more time"
            )


def reloading(pid: int) -> bool:
    """Say whether a process is still a reload; its number may be another's by now."""
    try:
        return b"\0reload\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def leave(log: Log, words: str) -> None:
    """Say last why, and end the interpreter with 1: supervisord itself knows only 0."""
    log.write(f"{words}\n")
    os._exit(1)
