"""Settings that are valid by themselves but not together, or not on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from stack.machine import kernel
from stack.settings import static, tls

# Open files with which supervisord starts and nginx and uWSGI serve a few clients.
FEWEST_FILES = 256


def found_in(found: Mapping[str, Any]) -> Iterator[str]:
    """Describe each conflict, complete with its remedy."""
    if found["real_ip_header"] == "proxy_protocol" and not found["trusted_proxies"]:
        yield (
            "REAL_IP_HEADER: 'proxy_protocol': believes nobody without TRUSTED_PROXIES; "
            "set it to the addresses of your proxies"
        )
    if found["trusted_headers"] and not found["trusted_proxies"]:
        yield (
            f"TRUSTED_HEADERS: '{','.join(found['trusted_headers'])}': would be believed from "
            "nobody without TRUSTED_PROXIES; set it to the addresses of your proxies"
        )
    port = found["metrics_port"]
    if port and not found["metrics_allowed"]:
        yield (
            f"METRICS_PORT: '{port}': would answer nobody without METRICS_ALLOWED; set it to the "
            "address of your Prometheus"
        )
    if found["metrics_allowed"] and not port:
        yield "METRICS_ALLOWED: is set, and METRICS_PORT not; set that, or unset this one"
    if port and port == found["listen_port"]:
        yield f"METRICS_PORT: '{port}': is LISTEN_PORT too; choose another port"
    if port and found["tls_certificate_file"] and port == found["tls_port"]:
        yield f"METRICS_PORT: '{port}': is TLS_PORT too; choose another port"
    if found["apps"] and found["app_module"]:
        yield "APPS: is set, and APP_MODULE too; unset one of them"
    if found["dev"] == "debugger" and not found["allowed"]:
        yield (
            "DEV: 'debugger': lets whoever may connect run code, and without ALLOWED that is "
            "everyone; set it to the address that your browser comes from: 127.0.0.1 on this "
            "machine, the network's gateway, mostly 172.17.0.1, behind a published port"
        )
    yield from static.conflicts(found)
    yield from tls.conflicts(found)
    # prestart may make it: then it is looked at later.
    if not os.path.isfile(f"{found['app_dir']}/prestart"):  # noqa: PTH113 - raises for no name
        yield from static.missing(found)
    listen, allowed = found["uwsgi_listen"], kernel.somaxconn()
    if listen > allowed:
        yield (
            f"UWSGI_LISTEN: '{listen}': is more than the kernel allows, {allowed}; lower it, or "
            f"raise that, as with docker run --sysctl net.core.somaxconn={listen}"
        )
    if (queued := found["max_queued_requests"]) > listen:
        yield (
            f"MAX_QUEUED_REQUESTS: '{queued}': is more than UWSGI_LISTEN, {listen}; "
            "lower it or raise that"
        )
    connections, files = found["nginx_worker_connections"], kernel.descriptors()
    if files < FEWEST_FILES:
        yield (
            f"open files: {files} are allowed, and {FEWEST_FILES} are needed; raise that, as with "
            "docker run --ulimit nofile=65536"
        )
    elif connections > files:
        yield (
            f"NGINX_WORKER_CONNECTIONS: '{connections}': is more than the {files} open files that "
            f"are allowed; lower it, or raise that, as with --ulimit nofile={connections}"
        )
