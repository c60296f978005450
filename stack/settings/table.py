"""The settings: one field for each variable, everything about it on that field."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from stack.errors import ConfigError
from stack.machine import kernel
from stack.settings import (
    conflicts,
    networks,
    proxies,
    shutdown,
    sizes,
    sources,
    static,
    targets,
    values,
)
from stack.settings.sizes import Detected

# A default that follows from the machine, or from the settings before it, by attribute.
Default = Callable[[Mapping[str, Any]], Detected]


def setting(
    name: str,
    default: str | Default | None,
    parse: Callable[[str], Any],
    help: str,
    parse_file: Callable[[str], Any] | None = None,
) -> Any:
    """Declare a setting: its variable, default (None: none), parser and one line of help.

    NAME_FILE can name a file with the value instead; lists have a parse_file of their own for it.
    """
    about = {"name": name, "default": default, "parse": parse, "help": help}
    return field(metadata={**about, "parse_file": parse_file})


@dataclass(frozen=True)
class Settings:
    """What the operator decides; README.md has the same table."""

    allowed: tuple[networks.Network, ...] | None = setting(
        "ALLOWED",
        None,
        networks.networks,
        "Who may connect: addresses and ranges, separated by `;`.",
        parse_file=networks.lines,
    )
    listen_port: int = setting(
        "LISTEN_PORT", "80", values.number(1, 65535), "Port that nginx listens on."
    )
    app_dir: str = setting(
        "APP_DIR", "app", values.folder, "The application's folder, the first on the module path."
    )
    app_module: targets.Target | None = setting(
        "APP_MODULE",
        None,
        targets.target,
        "The application: module:callable, or module:factory() with literal arguments.",
    )
    apps: tuple[targets.Mount, ...] | None = setting(
        "APPS",
        None,
        targets.mounts,
        "Several applications, each with its prefix: /=module:callable;/admin=...",
    )
    env_from_files: tuple[str, ...] | None = setting(
        "ENV_FROM_FILES",
        None,
        values.names,
        "The application's own variables that are read from the file that NAME_FILE names.",
    )
    prestart_timeout: int = setting(
        "PRESTART_TIMEOUT",
        "300",
        values.number(1, 86400),
        "Seconds that an executable app/prestart may take before the start.",
    )
    dev: str = setting(
        "DEV",
        "0",
        values.one_of("0", "1", "debugger"),
        "1 loads the application again when a file changes; debugger shows Werkzeug's as well.",
    )
    uwsgi_processes: int = setting(
        "UWSGI_PROCESSES",
        lambda _: sizes.processes(sizes.cpus(), sizes.memory()),
        values.number(1, 1024),
        "uWSGI worker processes.",
    )
    uwsgi_threads: int = setting(
        "UWSGI_THREADS", "1", values.number(1, 1024), "Threads in each worker process."
    )
    uwsgi_listen: int = setting(
        "UWSGI_LISTEN",
        lambda _: sizes.listen_queue(),
        values.number(8, 65535),
        "Length of uWSGI's listen queue.",
    )
    nginx_worker_processes: int = setting(
        "NGINX_WORKER_PROCESSES",
        lambda _: sizes.cpus(),
        values.number(1, 1024),
        "nginx worker processes.",
    )
    nginx_worker_connections: int = setting(
        "NGINX_WORKER_CONNECTIONS",
        lambda _: sizes.connections(),
        values.number(64, kernel.DESCRIPTORS),
        "Connections of each nginx worker, to clients and to uWSGI.",
    )
    max_queued_requests: int = setting(
        "MAX_QUEUED_REQUESTS",
        lambda found: sizes.queued(
            found["uwsgi_processes"], found["uwsgi_threads"], found["uwsgi_listen"]
        ),
        values.number(1, 65535),
        "Requests that may wait for a worker; the rest get 503 at once.",
    )
    request_timeout: int = setting(
        "REQUEST_TIMEOUT",
        "30",
        values.number(1, 86400),
        "Seconds that an answer may take; then the client gets 504.",
    )
    client_max_body_size: str = setting(
        "CLIENT_MAX_BODY_SIZE", "1m", values.size, "Largest request body that nginx accepts."
    )
    shutdown_timeout: int = setting(
        "SHUTDOWN_TIMEOUT",
        "8",
        values.number(shutdown.SHORTEST, 3600),
        "Seconds that a stop may take in all; raise the engine's own timeout with it.",
    )
    static_path: str | None = setting(
        "STATIC_PATH",
        lambda found: static.of_example(found["app_dir"], found["app_module"] or found["apps"]),
        static.folder,
        "Folder whose files nginx serves itself.",
    )
    static_url: str = setting("STATIC_URL", "/static/", static.url, "Where it serves them.")
    spa_fallback: str | None = setting(
        "SPA_FALLBACK",
        None,
        static.name,
        "File in STATIC_PATH that is given for every path that is no file there.",
    )
    spa_api_prefix: str = setting(
        "SPA_API_PREFIX", "/api/", static.url, "What stays the application's then."
    )
    response_cache: str = setting(
        "RESPONSE_CACHE",
        "off",
        values.one_of("off", "on"),
        "Keep answers as long as their Cache-Control says.",
    )
    access_log: str = setting(
        "ACCESS_LOG",
        "combined",
        values.one_of("combined", "json", "off"),
        "Format of the access log.",
    )
    health_path: str = setting(
        "HEALTH_PATH", "/", values.path, "What the health check asks the application for."
    )
    trusted_proxies: tuple[networks.Network, ...] | None = setting(
        "TRUSTED_PROXIES",
        None,
        proxies.trusted(networks.networks),
        "Peers whose word on the client is believed, written like `ALLOWED`.",
        parse_file=proxies.trusted(networks.lines),
    )
    real_ip_header: str = setting(
        "REAL_IP_HEADER",
        "X-Forwarded-For",
        proxies.header,
        "Where trusted proxies name the client.",
    )
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Read and validate every variable; ConfigError lists all mistakes at once."""
        found: dict[str, Any] = {}
        from_where: dict[str, str] = {}
        mistakes: list[str] = []
        for attribute, about in table().items():
            name = about["name"]
            try:
                found[attribute], from_where[name] = sources.value(about, environ, found)
            except ValueError as error:
                mistakes += [f"{sources.place(name, environ)}: {mistake}" for mistake in error.args]
            except KeyError:
                continue  # its default follows from a setting that is wrong, and has been reported
        mistakes += [] if mistakes else conflicts.found_in(found)
        if mistakes:
            raise ConfigError(*mistakes)
        return cls(**found, sources=from_where)


def table() -> dict[str, Mapping[str, Any]]:
    """Map each setting's attribute to what is declared about it."""
    return {each.name: each.metadata for each in fields(Settings) if each.metadata}


def names() -> tuple[str, ...]:
    """Name every variable, in the table's order."""
    return tuple(
        name for about in table().values() for name in (about["name"], f"{about['name']}_FILE")
    )


def misspelt(environ: Mapping[str, str]) -> dict[str, str]:
    """Map variables that look like one of ours, but are not, to the one they look like."""
    found = {}
    for name in sorted(set(environ) - set(names())):
        longer = [ours for ours in names() if name.startswith(f"{ours}_")]
        close = difflib.get_close_matches(name.upper(), names(), n=1, cutoff=0.85)
        if longer or close:
            found[name] = (longer + close)[0]
    return found
