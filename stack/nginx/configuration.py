"""The generated half of nginx's configuration: what depends on settings and machine."""

from __future__ import annotations

import os

from stack.machine import kernel
from stack.nginx import access, clients, listening, locations, metrics, proxies, tls
from stack.settings.shutdown import Budget
from stack.settings.table import Settings

# Where the health check asks, on LISTEN_PORT. The kernel lets nobody outside reach 127.0.0.0/8, so
# ALLOWED need not apply; an unusual address of it, so that no other program on this port is met.
HEALTH_ADDRESS = "127.255.255.254"

# An answer that nobody has asked for in a minute is removed (inactive): while a new one is fetched
# the old one may be served, and so is never more than a minute too old.
CACHE = (
    "uwsgi_cache_path run/cache levels=1:2 keys_zone=responses:2m max_size=32m inactive=1m "
    "use_temp_path=off;\n"
)

# How much of an answer nginx stores in run/ for a slow client, so that the worker is free. One that
# does not fit into run/ is cut, so each gets at most this share of the room that there is.
LARGEST_STORED_ANSWER = 64  # MiB
SHARE_OF_ROOM = 4


def files(settings: Settings, budget: Budget, nginx: tuple[int, ...], room: int) -> dict[str, str]:
    """Render every generated file that conf/nginx.conf includes, by its name below run/.

    nginx is its version; room, in bytes, is what may be written below run/.
    """
    return {
        "workers.conf": workers(settings, budget, os.geteuid(), kernel.descriptors()),
        "http.conf": http(settings, nginx, room),
        "server.conf": server(settings, kernel.has_ipv6()),
        **tls.files(settings, nginx, kernel.has_ipv6()),
        "locations.conf": clients.of_connections(settings) + locations.locations(settings),
        "application.conf": application(settings),
        "health.conf": health(settings),
        "metrics.conf": metrics.server(settings, kernel.has_ipv6()),
        **access.rules(settings.allowed),
    }


def workers(settings: Settings, budget: Budget, uid: int, descriptors: int) -> str:
    """Render how many workers there are, with how many connections, and how long they drain."""
    lines = [
        f"worker_processes {settings.nginx_worker_processes};",
        f"worker_rlimit_nofile {descriptors};",
        f"worker_shutdown_timeout {budget.drain}s;",
        f"events {{\n    worker_connections {settings.nginx_worker_connections};\n}}",
    ]
    if uid == 0:
        # By default workers of a root nginx run as nobody, who may not open uWSGI's socket.
        lines.insert(0, "user root;")
    return "".join(f"{line}\n" for line in lines)


def http(settings: Settings, nginx: tuple[int, ...], room: int) -> str:
    """Render all that depends on settings and machine in the http block."""
    believed, name = settings.trusted_proxies or (), settings.real_ip_header
    return "".join([
        limits(settings, nginx, room),
        log(settings.access_log),
        upstream(settings),
        clients.zones(settings),
        variables(settings, nginx),
        proxies.variables(believed, name, (name, *settings.trusted_headers), kernel.gateway()),
        CACHE if settings.response_cache == "on" else "",
        "include tls.conf;\n" if settings.tls_certificate_file else "",
    ])  # fmt: skip


def limits(settings: Settings, nginx: tuple[int, ...], room: int) -> str:
    """Render how large and how long requests and answers may be."""
    stored = min(LARGEST_STORED_ANSWER, room // 2**20 // SHARE_OF_ROOM)
    lines = [
        f"client_max_body_size {settings.client_max_body_size};",
        f"uwsgi_read_timeout {settings.request_timeout}s;",
        f"uwsgi_max_temp_file_size {stored}m;",
        f"proxy_read_timeout {settings.request_timeout}s;",
        f"proxy_max_temp_file_size {stored}m;",
    ]
    if keeps_idle(nginx):
        lines.append("keepalive_min_timeout 1s;")
    if nginx >= (1, 29, 8):
        # More than this would not fit into uWSGI's max-vars: a 400 here, instead of a 502.
        lines.append("max_headers 100;")
    return "".join(f"{line}\n" for line in lines)


def log(form: str) -> str:
    """Render the access log's place and format; unbuffered, it would cost a fifth of the speed.

    More than 4k at a time would not stay together where two workers write to a pipe that is full.
    """
    formats = {"combined": "combined_with_times", "json": "json"}
    return (
        f"access_log /dev/stdout {formats[form]} buffer=4k flush=1s;\n" if form in formats else ""
    )


def upstream(settings: Settings) -> str:
    """Render how many requests uWSGI has at most, in work and waiting.

    They are counted from when all of a request is here until all of its answer is, so that slow
    clients do not take the places.
    """
    in_work = settings.uwsgi_processes * settings.uwsgi_threads
    most = in_work + settings.max_queued_requests
    return (
        "upstream application {\n    zone application 64k;\n"
        f"    server unix:run/uwsgi.sock max_conns={most};\n}}\n"
    )


def variables(settings: Settings, nginx: tuple[int, ...]) -> str:
    """Render the variables with which conf/ reads settings.

    Those that are the same for every request by `geo`: for a `map` nginx takes 1.2 MB and half a
    millisecond whenever it reads its files.
    """
    # What nginx's own uwsgi_params calls HTTP_HOST, which from 1.29.5 on prefers an absolute
    # target's host.
    asked = "$host$is_request_port$request_port" if nginx >= (1, 29, 5) else "$http_host"
    constants = {
        # With ALLOWED, static files must not end up in caches that other clients share.
        "cache_scope": "public" if settings.allowed is None else "private",
        "retry_after": str(clients.retry_after(settings)),
        "health_path": settings.health_path,
        "dev_mode": "" if settings.dev == "0" else settings.dev,
        **tls.variables(settings),
    }
    return f"map $host $asked_host {{\n    default {asked};\n}}\n" + "".join(
        f'geo ${name} {{\n    default "{value}";\n}}\n' for name, value in constants.items()
    )


def application(settings: Settings) -> str:
    """Render whether answers are kept, and how many requests one client may make."""
    kept = settings.response_cache == "on"
    cache = "include cache.conf;\ninclude refresh.conf;\n" if kept else ""
    return cache + clients.of_requests(settings)


def server(settings: Settings, ipv6: bool) -> str:
    """Render where the application is served, and whose word on the client is believed there."""
    believed = settings.trusted_proxies or ()
    return listening.listen(settings, settings.listen_port, ipv6) + proxies.real_ip(
        believed, settings.real_ip_header
    )


def health(settings: Settings) -> str:
    """Render where the health check asks, and, for stack/health.py, whether its path is set."""
    is_set = settings.sources["HEALTH_PATH"] != "default"
    path = f"# HEALTH_PATH is set: {settings.health_path}\n" if is_set else ""
    return f"listen {HEALTH_ADDRESS}:{settings.listen_port};\n{path}"


def keeps_idle(nginx: tuple[int, ...]) -> bool:
    """Say whether a reload or a stop can spare idle keep-alive connections for a second."""
    return nginx >= (1, 27, 4)
