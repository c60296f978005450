"""The page for Prometheus, in its text format; docs/metrics.md explains each metric.

Labels have few values, all of them ours: no client can make a new series.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from stack.supervision.observation import problems, snapshot
from stack.supervision.observation.counting import (
    BOUNDS,
    CACHE,
    METHOD,
    REASON,
    STATUS,
    Histogram,
    by,
)
from stack.supervision.observation.deaths import REASONS
from stack.supervision.observation.snapshot import Now

Labels = Mapping[str, object]
Sample = tuple[Labels, float | None]

# In the order of conf/nginx.conf, which tells them apart.
TURNED_AWAY = (
    "overload", "unavailable", "timeout", "died", "too_large", "rate",
)  # fmt: skip
DENIED = "denied"
STATES = ("hit", "miss", "bypass", "expired", "stale", "updating", "revalidated")


def page(now: Now) -> str:
    """Write all of it."""
    parts = (requests, connections, uwsgi, memory, programs, ours)
    return "".join(line for part in parts for line in part(now))


def requests(now: Now) -> Iterator[str]:
    """What the requests came to."""
    each = now.requests
    kinds = sorted(by([METHOD, STATUS], each.by_kind).items())
    reasons, states = by([REASON], each.by_kind), by([CACHE], each.by_kind)
    yield from counter(
        "nginx_http_requests_total",
        "Requests answered by nginx or the application.",
        [({"method": method, "status": status}, n) for (method, status), n in kinds],
    )
    yield from histogram(
        "nginx_http_request_duration_seconds",
        "From the first byte of a request to the last of its answer.",
        each.duration,
    )
    yield from histogram(
        "uwsgi_request_queue_seconds", "How long requests waited for a worker.", each.waited
    )
    yield from counter("nginx_http_sent_bytes_total", "Bytes sent to clients.", [({}, each.sent)])
    yield from counter(
        "nginx_http_received_bytes_total", "Bytes received in requests.", [({}, each.received)]
    )
    yield from counter(
        "nginx_http_requests_denied_total",
        "Requests of clients that ALLOWED does not contain.",
        [({}, reasons[DENIED,])],
    )
    yield from counter(
        "nginx_http_requests_turned_away_total",
        "Requests that got an error without an answer of the application.",
        [({"reason": name}, reasons[name,]) for name in TURNED_AWAY],
    )
    yield from counter(
        "nginx_http_cache_requests_total",
        "Requests by what RESPONSE_CACHE had for them.",
        [({"state": name}, states[name.upper(),]) for name in STATES],
    )
    yield from counter(
        "nginx_python3_uncounted_lines_total",
        "Lines about requests that could not be read; more than 0 is a mistake of ours.",
        [({}, each.unreadable)],
    )


def connections(now: Now) -> Iterator[str]:
    """What nginx says of its connections."""
    yield from gauge("nginx_up", "Whether nginx answers.", [({}, now.nginx_answers)])
    if not now.nginx_answers:
        return
    found = now.connections
    for name in ("active", "reading", "writing", "waiting"):
        about = f"Connections of clients: {name}."
        yield from gauge(f"nginx_connections_{name}", about, [({}, found[name])])
    for name in ("accepted", "handled"):
        about = f"Connections of clients {name} since nginx's start."
        yield from counter(f"nginx_connections_{name}_total", about, [({}, found[name])])
    # Without the two by which it is asked.
    in_flight = max(0, found["reading"] + found["writing"] - 1)
    yield from gauge(
        "nginx_http_requests_in_flight",
        "Requests that are being read or answered.",
        [({}, in_flight)],
    )


def uwsgi(now: Now) -> Iterator[str]:
    """What uWSGI and its workers are at."""
    yield from gauge("uwsgi_up", "Whether uWSGI's master answers.", [({}, now.uwsgi_answers)])
    yield from gauge(
        "uwsgi_stats_age_seconds", "Age of what is said of workers.", [({}, now.workers_age)]
    )
    length = now.queue.length if now.queue else None
    yield from gauge(
        "uwsgi_listen_queue_length", "Requests that wait for a worker.", [({}, length)]
    )
    yield from gauge(
        "uwsgi_listen_queue_limit",
        "As many may wait (MAX_QUEUED_REQUESTS).",
        [({}, now.facts.get("max_queued_requests"))],
    )
    states = {
        "busy": len(now.busy),
        "idle": len(now.alive) - len(now.busy),
        "dead": len(now.up) - len(now.alive),
    }
    yield from gauge("uwsgi_workers", "Workers that there should be.", [({}, len(now.up))])
    for name, number in states.items():
        about = f"Workers that are {name}."
        yield from gauge(f"uwsgi_workers_{name}", about, [({}, number)])
    yield from gauge(
        "uwsgi_requests_running",
        "Requests that workers are at.",
        [({}, sum(each.busy for each in now.alive))],
    )
    yield from gauge(
        "uwsgi_longest_request_seconds", "Age of the oldest of them.", [({}, now.longest or 0)]
    )
    yield from counter(
        "uwsgi_worker_deaths_total",
        "Workers that died without having been asked to.",
        [({"reason": reason}, now.deaths.by_reason[reason]) for reason in REASONS],
    )
    yield from of_workers(now)


def of_workers(now: Now) -> Iterator[str]:
    """Each worker, by its number: that of a worker which takes the place of another is the same."""
    labels = [{"worker_id": each.number} for each in now.workers]
    columns: Sequence[tuple[str, str, str, list[float | None]]] = (
        ("gauge", "uwsgi_worker_busy", "Requests that it is at.", [w.busy for w in now.workers]),
        (
            "counter",
            "uwsgi_worker_requests_total",
            "Requests that it has done.",
            [w.requests for w in now.workers],
        ),
        (
            "counter",
            "uwsgi_worker_respawn_count_total",
            "How often it was started, for reloads as well.",
            [w.respawns for w in now.workers],
        ),
        (
            "counter",
            "uwsgi_worker_harakiri_count_total",
            "How often uWSGI has killed it for a request that took too long.",
            [w.harakiris for w in now.workers],
        ),
        (
            "gauge",
            "uwsgi_worker_rss_bytes",
            "Memory that it has, with what it shares with others.",
            [now.rss.get(w.pid) for w in now.workers],
        ),
    )
    for kind, name, about, values in columns:
        yield from family(kind, name, about, zip(labels, values, strict=True))


def memory(now: Now) -> Iterator[str]:
    """The container's memory, under the names that cAdvisor gives it, and run/."""
    used, working = now.memory or (None, None)
    yield from gauge("container_memory_usage_bytes", "Memory used.", [({}, used)])
    yield from gauge(
        "container_memory_working_set_bytes",
        "Memory used, without files that can be dropped.",
        [({}, working)],
    )
    yield from gauge(
        "container_spec_memory_limit_bytes",
        "Memory that may be used; 0 for no limit.",
        [({}, now.memory_limit or 0)],
    )
    yield from counter(
        "container_oom_events_total", "Processes killed for want of memory.", [({}, now.oom_kills)]
    )
    whole, free = now.room
    yield from gauge("nginx_python3_run_size_bytes", "Size of run/.", [({}, whole)])
    yield from gauge("nginx_python3_run_free_bytes", "What is free of it.", [({}, free)])


def programs(now: Now) -> Iterator[str]:
    """Supervisord's programs, and itself."""
    wanted = [each for each in now.programs if each.state != "STOPPED"]
    runs = [({"name": p.name}, p.state == "RUNNING" and not p.stopped) for p in wanted]
    yield from gauge("supervisor_process_up", "Whether a program runs.", runs)
    yield from counter(
        "supervisor_process_exits_total",
        "How often a program has ended without having been asked to.",
        [({"name": each.name}, each.exits) for each in now.programs],
    )
    yield from gauge("process_start_time_seconds", "When supervisord started.", [({}, now.began)])
    yield from counter(
        "process_cpu_seconds_total", "CPU time of supervisord.", [({}, time.process_time())]
    )
    yield from gauge(
        "process_resident_memory_bytes", "Memory of it.", [({}, snapshot.rss(os.getpid()))]
    )


def ours(now: Now) -> Iterator[str]:
    """What only this image has."""
    ready = not any(each.word == "NOT READY" for each in problems.found(now))
    yield from gauge("nginx_python3_ready", "Whether the application can answer.", [({}, ready)])
    if now.reload:
        ended, well = now.reload
        yield from gauge(
            "nginx_python3_reload_last_timestamp_seconds",
            "When the last reload ended.",
            [({}, ended)],
        )
        yield from gauge(
            "nginx_python3_reload_last_successful", "Whether it went well.", [({}, well)]
        )
    yield from counter(
        "nginx_python3_log_lost_bytes_total",
        "Bytes of log that nobody has read in time.",
        [({}, now.log_lost)],
    )
    yield from gauge(
        "nginx_python3_certificate_end_timestamp_seconds",
        "When the certificate ends.",
        [({}, now.certificate_end)],
    )
    yield from counter(
        "nginx_python3_metrics_failures_total",
        "Mistakes of ours while counting.",
        [({}, now.failures)],
    )
    versions = now.facts.get("versions", {})
    yield from gauge("nginx_python3_build_info", "Versions of what is in here.", [(versions, 1)])


def counter(name: str, about: str, samples: Iterable[Sample]) -> Iterator[str]:
    """Write a number that only grows."""
    return family("counter", name, about, samples)


def gauge(name: str, about: str, samples: Iterable[Sample]) -> Iterator[str]:
    """Write a number that goes up and down."""
    return family("gauge", name, about, samples)


def family(kind: str, name: str, about: str, samples: Iterable[Sample]) -> Iterator[str]:
    """Write the samples whose values are known, under a head; nothing if there are none."""
    known = [(labels, value) for labels, value in samples if value is not None]
    if known:
        yield f"# HELP {name} {about}\n# TYPE {name} {kind}\n"
    for labels, value in known:
        yield f"{name}{written(labels)} {float(value):.15g}\n"


def histogram(name: str, about: str, counted: Histogram) -> Iterator[str]:
    """Write a histogram, whose buckets hold all that took as long or less."""
    yield f"# HELP {name} {about}\n# TYPE {name} histogram\n"
    below = 0
    for bound, number in zip((*map(str, BOUNDS), "+Inf"), counted.buckets, strict=True):
        below += number
        yield f'{name}_bucket{{le="{bound}"}} {below}\n'
    yield f"{name}_sum {counted.sum:.15g}\n{name}_count {below}\n"


def written(labels: Labels) -> str:
    """Write labels."""
    pairs = [f'{name}="{escaped(str(value))}"' for name, value in labels.items()]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def escaped(text: str) -> str:
    """Escape a label's value."""
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
