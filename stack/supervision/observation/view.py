"""What `status --json` prints; docs/metrics.md has each field, and none is removed or changed."""

from __future__ import annotations

from typing import Any

from stack.supervision.observation import problems, snapshot
from stack.supervision.observation.snapshot import Now
from stack.supervision.observation.uwsgi_stats import Worker
from stack.supervision.observation.windows import quantile

VERSION = 1


def of(now: Now) -> dict[str, Any]:
    """Give all of it; what is not known is None."""
    return {
        "version": VERSION,
        "time": now.time,
        "uptime": now.time - now.began,
        "problems": [each._asdict() for each in problems.found(now)],
        "workers": workers(now),
        "queue": {"length": now.queued, "limit": now.facts.get("max_queued_requests")},
        "minute": minute(now),
        "memory": {
            "used": now.memory[1] if now.memory else None,
            "limit": now.memory_limit,
            "oom_kills": now.oom_kills,
        },
        "run": dict(zip(("size", "free"), now.room, strict=True)),
        "programs": [
            {
                "name": each.name,
                "state": "STOPPED BY A SIGNAL" if each.stopped else each.state,
                "pid": each.pid or None,
                "for": max(0.0, now.time - each.since) if each.since else None,
                "exits": each.exits,
            }
            for each in now.programs
        ],
        "deaths": {
            "total": sum(now.deaths.by_reason.values()),
            "last": now.deaths.last[0] if now.deaths.last else None,
            "reason": now.deaths.last[1] if now.deaths.last else None,
        },
        "reload": dict(zip(("time", "successful"), now.reload, strict=True))
        if now.reload
        else None,
        "connections": now.connections if now.nginx_answers else None,
        "log_lost": now.log_lost,
        "certificate_end": now.certificate_end,
        "versions": now.facts.get("versions", {}),
    }


def workers(now: Now) -> dict[str, Any]:
    """Give uWSGI's workers."""
    return {
        "total": len(now.up),
        "busy": len(now.busy),
        "dead": len(now.up) - len(now.alive),
        "longest": now.longest,
        "age": now.workers_age,
        "each": [worker(now, each) for each in now.workers],
    }


def worker(now: Now, each: Worker) -> dict[str, Any]:
    """Give one worker, and what it is at: never a query, a cookie or another header."""
    stopped = each.pid and snapshot.state_of(each.pid) in ("T", "t")
    return {
        "id": each.number,
        "pid": each.pid or None,
        "state": "stopped" if stopped else each.state,
        "for": max(0.0, now.time - each.since) if each.pid else None,
        "rss": now.rss.get(each.pid),
        "requests": each.requests,
        "died": now.deaths.by_worker[each.number],
        "running": [
            {
                "method": request.method,
                "path": request.path,
                "id": request.request_id,
                "for": max(0.0, now.time - request.since),
            }
            for request in each.running
        ],
    }


def minute(now: Now) -> dict[str, Any]:
    """Give the last minute, or what there is of it: rates, and times in seconds."""
    each = now.minute
    return {
        "seconds": each.seconds,
        "requests": each.requests,
        "statuses": each.statuses,
        "turned_away": each.turned_away,
        "duration": {name: quantile(share, each.duration) for name, share in QUANTILES.items()},
        "waited": {name: quantile(share, each.waited) for name, share in QUANTILES.items()},
    }


QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
