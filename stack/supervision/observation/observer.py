"""What the stack is doing now and has done: collected when somebody asks, and every five seconds.

Whoever hangs does not hold up the answer: what has not come within PATIENCE is left out, and the
last that is known of it is given with its age.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supervisor import events

from stack.machine import cgroup, processes, unix_queue
from stack.supervision.observation import exposition, snapshot, uwsgi_stats, view
from stack.supervision.observation.asking import Address, Source
from stack.supervision.observation.counting import Requests
from stack.supervision.observation.deaths import Deaths
from stack.supervision.observation.intake import Intake
from stack.supervision.observation.page import Conversation, Server
from stack.supervision.observation.snapshot import RUN, SERVERS, Now
from stack.supervision.observation.windows import Samples
from stack.supervision.succession import NEXT, PREVIOUS
from stack.uwsgi import folders
from stack.uwsgi import output as uwsgi

# Seconds that an answer waits for uWSGI's master and nginx.
PATIENCE = 0.2
# Seconds for which an answer is good for others as well: many scrapers cost no more than a few.
SAME = 0.2

PAGES = {
    "/metrics": ("text/plain; version=0.0.4; charset=utf-8", exposition.page),
    "/status": ("application/json", lambda now: json.dumps(view.of(now))),
}

STUB_STATUS = b"GET /connections HTTP/1.0\r\nHost: localhost\r\n\r\n"
CONNECTIONS = re.compile(
    rb"Active connections: (?P<active>\d+).*?(?P<accepted>\d+) (?P<handled>\d+) \d+\s+"
    rb"Reading: (?P<reading>\d+) Writing: (?P<writing>\d+) Waiting: (?P<waiting>\d+)",
    re.DOTALL,
)


class Observer:
    """Counts, listens and answers, for one supervisord."""

    def __init__(self, supervision: Any) -> None:
        """Make the pipe for nginx and the socket for those who ask."""
        self.supervision = supervision
        self.began, self.failures = time.time(), 0
        self.requests, self.deaths = Requests(), Deaths()
        self.samples = Samples(self.requests)
        self.exits: Counter[str] = Counter()
        self.workers: list[uwsgi_stats.Worker] = []
        self.connections: dict[str, int] = {}
        self.reload: tuple[float, bool] | None = None
        self.oom_kills = cgroup.oom_kills() or 0
        self.oom_at: float | None = None
        self.waiting: list[Conversation] = []
        self.latest: tuple[float, Now] | None = None
        self.intake = Intake(RUN / "requests.fifo", self.guarded(self.requests.take))
        self.server = Server(RUN / "observed.sock", self.guarded(self.asked))
        self.uwsgi = Source(
            str(folders.SERVING / "uwsgi.stats"), b"", self.read_workers, self.guarded(self.settle)
        )
        self.nginx = Source(
            health_address(), STUB_STATUS, self.read_connections, self.guarded(self.settle)
        )
        supervision.start.wake_up.alarmed = self.guarded(self.answer)
        supervision.succession.promoted = self.guarded(self.succeeded)
        events.subscribe(events.ProcessLogEvent, self.guarded(self.heard))
        events.subscribe(events.ProcessStateExitedEvent, self.guarded(self.ended))
        events.subscribe(events.ProcessStateBackoffEvent, self.guarded(self.ended))
        events.subscribe(events.Tick5Event, self.guarded(self.tick))

    def guarded(self, function: Callable[..., None]) -> Callable[..., None]:
        """Keep what goes wrong here from whoever calls: supervision goes on without counts."""

        def call(*arguments: Any) -> None:
            try:
                function(*arguments)
            except Exception as error:
                self.failures += 1
                if self.failures == 1:
                    said = f"metrics: {type(error).__name__} in {function.__name__}: {error}"
                    self.supervision.options.logger.warn(said)

        return call

    def heard(self, event: events.ProcessLogEvent) -> None:
        """Find out from what uWSGI's master says, on its own channel, which of its workers die."""
        if event.process.config.name == "uwsgi" and event.channel == "stderr":
            self.deaths.take(event.data, event.process.pid)

    def succeeded(self, pid: int) -> None:
        """Know the workers of a master that a reload has put in the place of another."""
        self.workers = []
        self.deaths.restart()
        self.deaths.know(processes.children(pid, uwsgi.WORKER))

    def ended(self, event: Any) -> None:
        """Count a program that ended by itself, and, if it is one of yours, with an error."""
        name = event.process.config.name
        if name not in SERVERS and getattr(event, "expected", False):
            return
        if name in (NEXT, PREVIOUS):
            return
        self.exits[name] += 1
        if name == "uwsgi":
            self.deaths.restart()
            self.workers = []

    def tick(self, event: events.Event) -> None:
        """Keep the counts of this moment, and ask uWSGI, so that something is known if it hangs."""
        self.samples.take()
        self.server.tidy()
        self.reload = snapshot.last_reload(self.began) or self.reload
        self.notice(cgroup.oom_kills())
        self.uwsgi.ask()

    def notice(self, kills: int | None) -> None:
        """Note when processes were killed for want of memory."""
        if kills and kills > self.oom_kills:
            self.oom_kills, self.oom_at = kills, time.time()

    def read_workers(self, answer: bytes) -> None:
        """Take what uWSGI's master says of its workers."""
        self.workers = uwsgi_stats.workers(answer)
        self.deaths.know(each.pid for each in self.workers if each.pid)

    def read_connections(self, answer: bytes) -> None:
        """Take nginx's own count of its connections (ngx_http_stub_status_module)."""
        found = CONNECTIONS.search(answer)
        if not found:
            raise ValueError(answer)
        self.connections = {name: int(number) for name, number in found.groupdict().items()}

    def asked(self, conversation: Conversation) -> None:
        """Take a question; the first one has uWSGI and nginx asked, those after it wait as well."""
        if conversation.path not in PAGES:
            conversation.answer("404 Not Found", "text/plain", "")
            return
        self.waiting.append(conversation)
        if self.latest and time.monotonic() - self.latest[0] < SAME:
            self.answer(self.latest[1])
        elif len(self.waiting) == 1:
            self.supervision.start.wake_up.alarm(PATIENCE)
            self.uwsgi.ask()
            self.nginx.ask()
            self.settle()

    def settle(self) -> None:
        """Answer if nobody has to be waited for."""
        if self.waiting and not self.uwsgi.pending and not self.nginx.pending:
            self.answer()

    def answer(self, now: Now | None = None) -> None:
        """Answer all who wait, with what is known."""
        waiting, self.waiting = self.waiting, []
        if not waiting:
            return
        try:
            if now is None:
                now = self.now()
                self.latest = time.monotonic(), now
            pages = {path: PAGES[path][1](now) for path in {each.path for each in waiting}}
        except Exception:
            for each in waiting:
                each.answer("500 Internal Server Error", "text/plain", "")
            raise
        for each in waiting:
            each.answer("200 OK", PAGES[each.path][0], pages[each.path])

    def now(self) -> Now:
        """Put together what is known at this moment."""
        known = self.uwsgi.answered
        programs = list(snapshot.programs(self.supervision.supervisord, self.exits))
        pids = {each.name: each.pid for each in programs}
        used, limit, kills = snapshot.memory()
        self.notice(kills)
        self.reload = snapshot.last_reload(self.began) or self.reload
        rss = {each.pid: snapshot.rss(each.pid) for each in self.workers if each.pid}
        return Now(
            time=time.time(),
            began=self.began,
            requests=self.requests,
            minute=self.samples.minute(),
            deaths=self.deaths,
            programs=programs,
            workers=self.workers,
            workers_age=None if known < 0 else time.monotonic() - known,
            uwsgi_answers=self.uwsgi.fresh(),
            connections=self.connections,
            nginx_answers=self.nginx.fresh(),
            queue=unix_queue.queue(str(folders.bound()), pids.get("uwsgi", 0)),
            memory=used,
            memory_limit=limit,
            oom_kills=kills,
            oom_at=self.oom_at,
            room=snapshot.room(),
            rss={pid: found for pid, found in rss.items() if found is not None},
            facts=snapshot.facts(),
            loaded=self.supervision.start.loaded,
            reload=self.reload,
            certificate_end=snapshot.certificate_end(),
            log_lost=self.supervision.stdout.lost_in_all + self.supervision.stderr.lost_in_all,
            failures=self.failures,
        )


def health_address() -> Address:
    """Read where nginx answers health checks, and says how many connections it has."""
    host, _, port = Path("run/health.conf").read_text().split()[1].rstrip(";").partition(":")
    return host, int(port)
