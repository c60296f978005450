"""The generated half of nginx's configuration: what depends on settings and machine."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from pathlib import Path

from stack.errors import ConfigError
from stack.machine import kernel
from stack.settings import networks, proxies, static
from stack.settings.shutdown import Budget
from stack.settings.table import Settings

# A loopback address of its own, so that the health checks of two stacks never meet: each has
# its LISTEN_PORT. The kernel lets nobody outside reach 127.0.0.0/8, and ALLOWED does not rule here.
HEALTH_ADDRESS = "127.255.255.254"

# An answer that nobody asks for in a minute is forgotten, so none is given that is older than its
# age allows by more than that.
CACHE = (
    "uwsgi_cache_path run/cache levels=1:2 keys_zone=responses:2m max_size=32m inactive=1m "
    "use_temp_path=off;"
)

# How much of an answer is kept for a slow client, so that the worker is free: at the most this, and
# never more of run/ than leaves room for a few of them, since an answer that no longer fits is cut.
LARGEST_STORED_ANSWER = 64  # MiB
SHARE_OF_ROOM = 4

COMMAND = ("nginx", "-e", "stderr", "-c", "conf/nginx.conf", "-p")


def environ() -> dict[str, str]:
    """Return all that nginx sees of the environment: the application's is not its business."""
    return {name: os.environ[name] for name in ("PATH", "TZ") if name in os.environ}


def version() -> tuple[int, ...]:
    """Ask nginx for its version."""
    try:
        answer = subprocess.run(
            ["nginx", "-v"], env=environ(), capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        raise ConfigError("nginx: is not installed; install the package nginx") from None
    found = re.search(r"nginx/([0-9.]+)", answer.stderr)
    if not found:
        raise ConfigError(f"nginx: has no version that can be read in {answer.stderr!r}")
    return tuple(int(part) for part in found[1].split("."))


def files(
    settings: Settings, nginx: tuple[int, ...], descriptors: int, room: int
) -> dict[str, str]:
    """Render every generated file that conf/nginx.conf includes, by its name below run/."""
    believed = settings.trusted_proxies or ()
    return {
        "main.conf": main(settings, os.geteuid(), descriptors),
        "events.conf": f"worker_connections {settings.nginx_worker_connections};\n",
        "http.conf": http(settings, nginx, room),
        "log.conf": log(settings.access_log),
        "upstream.conf": upstream(settings),
        "application.conf": application(settings),
        "locations.conf": static.locations(settings),
        "headers.conf": headers(settings),
        "listen.conf": listen(settings, kernel.has_ipv6()),
        "health.conf": f"listen {HEALTH_ADDRESS}:{settings.listen_port};\n",
        "ready.conf": f"rewrite ^ {settings.health_path} break;\n",
        "proxies.conf": proxies.maps(believed, settings.real_ip_header, kernel.gateway()),
        "realip.conf": proxies.real_ip(believed, settings.real_ip_header),
        **networks.rules(settings.allowed),
    }


def main(settings: Settings, uid: int, descriptors: int) -> str:
    """Render what stands outside every block."""
    lines = [
        f"worker_processes {settings.nginx_worker_processes};",
        f"worker_rlimit_nofile {descriptors};",
        f"worker_shutdown_timeout {Budget.of(settings.shutdown_timeout).drain}s;",
    ]
    if uid == 0:
        # nginx would give its workers to nobody, who may not open the socket.
        lines.insert(0, "user root;")
    return "".join(f"{line}\n" for line in lines)


def http(settings: Settings, nginx: tuple[int, ...], room: int) -> str:
    """Render what stands in the http block."""
    stored = min(LARGEST_STORED_ANSWER, room // 2**20 // SHARE_OF_ROOM)
    lines = [
        f"client_max_body_size {settings.client_max_body_size};",
        f"uwsgi_max_temp_file_size {stored}m;",
    ]
    if keeps_idle(nginx):
        lines.append("keepalive_min_timeout 1s;")
    if nginx >= (1, 29, 8):
        # What is more than uWSGI takes (max-vars) is a 400 here instead of a 502.
        lines.append("max_headers 100;")
    # As the uwsgi_params of the same nginx has it: the host of an absolute target goes first.
    asked = "$host$is_request_port$request_port" if nginx >= (1, 29, 5) else "$http_host"
    lines.append(f"map $host $asked_host {{\n    default {asked};\n}}")
    # What only some may see is not for a cache that others share.
    scope = "public" if settings.allowed is None else "private"
    lines.append(f"map $host $cache_scope {{\n    default {scope};\n}}")
    if settings.response_cache == "on":
        lines.append(CACHE)
    return "".join(f"{line}\n" for line in lines)


def log(form: str) -> str:
    """Render the access log's place and format; unbuffered, it would cost a fifth of the speed."""
    formats = {"combined": "combined_with_times", "json": "json"}
    return (
        f"access_log /dev/stdout {formats[form]} buffer=32k flush=1s;\n" if form in formats else ""
    )


def upstream(settings: Settings) -> str:
    """Render how many requests uWSGI has at most, in work and waiting."""
    in_work = settings.uwsgi_processes * settings.uwsgi_threads
    most = in_work + settings.max_queued_requests
    return f"server unix:run/uwsgi.sock max_conns={most};\n"


def application(settings: Settings) -> str:
    """Render how requests are handed to the application."""
    timeout = f"uwsgi_read_timeout {settings.request_timeout}s;\n"
    return timeout + ("include cache.conf;\n" if settings.response_cache == "on" else "")


def headers(settings: Settings) -> str:
    """Render the headers of every answer."""
    return "" if settings.dev == "0" else f"add_header X-Dev {settings.dev} always;\n"


def keeps_idle(nginx: tuple[int, ...]) -> bool:
    """Say whether a reload or a stop can spare idle keep-alive connections for a second."""
    return nginx >= (1, 27, 4)


def listen(settings: Settings, ipv6: bool) -> str:
    """Render the addresses that the application is served on."""
    how = "default_server backlog=4096"
    if settings.real_ip_header == "proxy_protocol":
        how += " proxy_protocol"
    hosts = ["", "[::]:"] if ipv6 else [""]
    return "".join(f"listen {host}{settings.listen_port} {how};\n" for host in hosts)


def claim(port: int) -> None:
    """Make sure that the port is free: nginx's own test does not mind one that is taken."""
    with socket.socket() as test:
        test.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            test.bind(("", port))
        except OSError as error:
            raise ConfigError(
                f"LISTEN_PORT: '{port}': cannot be used ({error.strerror}); choose another port, "
                "from 1024 on for an ordinary user, or stop the program that has it"
            ) from None


def refusal(root: Path) -> str | None:
    """Have nginx test the configuration below a root; return what it says if it refuses it."""
    test = subprocess.run(
        [*COMMAND, f"{root}/", "-t"],
        env=environ(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    return test.stderr.strip().replace(f"{root}/", "") if test.returncode else None
