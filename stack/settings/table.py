"""The settings: one field for each variable, everything about it on that field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from stack.machine import kernel
from stack.settings import (
    conflicts,
    misspelt,
    networks,
    proxies,
    rates,
    shutdown,
    sizes,
    sources,
    static,
    targets,
    tls,
    values,
)
from stack.settings.declaration import Found, Setting, Unknown, setting
from stack.settings.errors import ConfigError


@dataclass(frozen=True)
class Settings:
    """What the operator decides; README.md has the same table."""

    allowed: tuple[networks.Network, ...] | None = setting(
        "ALLOWED",
        None,
        networks.networks,
        "Who may connect: IPv4 and IPv6 addresses and ranges, separated by `;`. "
        "All others get 403.",
        shown="unset: everyone",
        parse_file=networks.lines,
    )
    listen_port: int = setting(
        "LISTEN_PORT",
        "80",
        values.number(1, 65535),
        "Port that nginx listens on, IPv4, and IPv6 where the kernel has it.",
        shown="`80` (`make run-host`: 8080)",
    )
    app_dir: str = setting(
        "APP_DIR", "app", values.folder, "The application's folder, in the image `/srv/app`."
    )
    app_module: targets.Target | None = setting(
        "APP_MODULE",
        None,
        targets.target,
        '`module:callable` or `module:create_app("literal")`; '
        "else `wsgi.py`, `app.py` or `main.py` is looked for.",
        shown="unset: found",
    )
    apps: tuple[targets.Mount, ...] | None = setting(
        "APPS",
        None,
        targets.mounts,
        "Several: `/=shop.web:app;/admin=backoffice:create_app()`.",
        shown="unset",
    )
    env_from_files: tuple[str, ...] | None = setting(
        "ENV_FROM_FILES",
        None,
        values.names,
        "The application's own variables that come from files: "
        "`SECRET_KEY` from `SECRET_KEY_FILE`.",
        shown="unset: none",
    )
    unchecked: tuple[str, ...] | None = setting(
        "UNCHECKED",
        None,
        values.names,
        "Variables taken as they are: uWSGI options that would be refused, "
        "the application's own that look like settings.",
        shown="unset: none",
    )
    prestart_timeout: int = setting(
        "PRESTART_TIMEOUT",
        "300",
        values.number(1, 86400),
        "Seconds for an executable `app/prestart`, which runs before anything listens.",
    )
    dev: str = setting(
        "DEV",
        "0",
        values.one_of("0", "1", "debugger"),
        "`1` loads the application again when a file changes; `debugger` shows Werkzeug's as well.",
    )
    preload: str = setting(
        "PRELOAD",
        "auto",
        values.one_of("auto", "1", "0"),
        "Import the application once, for all workers; `auto`: if what that leaves can be shared.",
    )
    uwsgi_processes: int = setting(
        "UWSGI_PROCESSES",
        lambda _: sizes.processes(sizes.cpus(), sizes.memory()),
        values.number(1, 1024),
        "Worker processes.",
        shown="2 for each CPU, as memory allows",
    )
    uwsgi_threads: int = setting("UWSGI_THREADS", "1", values.number(1, 1024), "Threads in each.")
    uwsgi_listen: int = setting(
        "UWSGI_LISTEN",
        lambda _: sizes.listen_queue(),
        values.number(8, 65535),
        "Length of uWSGI's listen queue.",
        shown="4096, or what the kernel allows",
    )
    nginx_worker_processes: int = setting(
        "NGINX_WORKER_PROCESSES",
        lambda _: sizes.cpus(),
        values.number(1, 1024),
        "nginx's workers.",
        shown="number of CPUs",
    )
    nginx_worker_connections: int = setting(
        "NGINX_WORKER_CONNECTIONS",
        lambda _: sizes.connections(),
        values.number(64, kernel.DESCRIPTORS),
        "Connections of each, to clients and to uWSGI.",
        shown="4096, or half the open files allowed",
    )
    max_queued_requests: int = setting(
        "MAX_QUEUED_REQUESTS",
        lambda found: sizes.queued(
            found["uwsgi_processes"], found["uwsgi_threads"], found["uwsgi_listen"]
        ),
        values.number(1, 65535),
        "Requests that may wait; the rest get 503 and `Retry-After` at once.",
        shown="256 for each served at once",
    )
    rate_limit: rates.Rate | None = setting(
        "RATE_LIMIT",
        "off",
        rates.rate,
        "Requests of one client that reach the application: `20/s`, `600/m`; more get 429.",
    )
    rate_burst: int = setting(
        "RATE_BURST",
        rates.burst,
        values.number(1, 1_000_000),
        "How many of them may come at once.",
        shown="two seconds' worth, at least 10",
    )
    connection_limit: int | None = setting(
        "CONNECTION_LIMIT",
        "off",
        rates.or_off(values.number(1, 65535)),
        "Requests of one client that are under way at once; more get 429.",
    )
    request_timeout: int = setting(
        "REQUEST_TIMEOUT",
        "30",
        values.number(1, 86400),
        "Seconds that the application may take for an answer, or the next piece of one; then 504, "
        "or a cut.",
    )
    client_max_body_size: str = setting(
        "CLIENT_MAX_BODY_SIZE", "1m", values.size, "Largest request body; `0` for no limit."
    )
    shutdown_timeout: int = setting(
        "SHUTDOWN_TIMEOUT",
        "8",
        values.number(shutdown.SHORTEST, 3600),
        "Seconds that a stop may take in all.",
    )
    static_path: str | None = setting(
        "STATIC_PATH",
        lambda found: static.of_example(found["app_dir"], found["app_module"] or found["apps"]),
        static.folder,
        "Folder whose files nginx serves itself.",
        shown="unset, but for the example",
    )
    spa_fallback: str | None = setting(
        "SPA_FALLBACK",
        None,
        static.name,
        "`index.html`: files at `/`, and this one for every path that is none.",
        shown="unset",
    )
    spa_api_prefix: tuple[str, ...] = setting(
        "SPA_API_PREFIX",
        "/api/",
        static.prefixes,
        "What stays the application's then: `/api/;/auth/`, or `/` for all but `/` itself.",
    )
    static_url: str = setting(
        "STATIC_URL",
        lambda found: static.place(found["spa_fallback"], found["spa_api_prefix"]),
        static.url,
        "Where nginx serves the files.",
        shown="`/static/`; `/` with `SPA_FALLBACK`",
    )
    response_cache: str = setting(
        "RESPONSE_CACHE",
        "off",
        values.one_of("off", "on"),
        "`on` keeps answers for as long as their `Cache-Control` says.",
    )
    access_log: str = setting(
        "ACCESS_LOG",
        "combined",
        values.one_of("combined", "json", "off"),
        "Also `json`, `off`.",
    )
    log_level: str = setting(
        "LOG_LEVEL",
        "info",
        values.level,
        "Also `debug`, for all that nginx, uWSGI and supervisord say, and `warning`.",
    )
    metrics_port: int | None = setting(
        "METRICS_PORT",
        None,
        values.number(1, 65535),
        "Port of its own for Prometheus, which asks for `/metrics`.",
        shown="unset: none",
    )
    metrics_allowed: tuple[networks.Network, ...] | None = setting(
        "METRICS_ALLOWED",
        None,
        networks.networks,
        "Who may ask there; written like `ALLOWED`.",
        shown="unset: nobody",
        parse_file=networks.lines,
    )
    health_path: str = setting(
        "HEALTH_PATH",
        "/",
        values.path,
        "What the health check asks the application for. If it is set, 400 and more are unhealthy.",
    )
    trusted_proxies: tuple[networks.Network, ...] | None = setting(
        "TRUSTED_PROXIES",
        None,
        proxies.trusted(networks.networks),
        "Peers whose word on the client is believed; written like `ALLOWED`.",
        shown="unset: nobody",
        parse_file=proxies.trusted(networks.lines),
    )
    real_ip_header: str = setting(
        "REAL_IP_HEADER",
        "X-Forwarded-For",
        proxies.header,
        "Where they name the client; also `X-Real-IP`, `proxy_protocol`.",
    )
    trusted_headers: tuple[str, ...] = setting(
        "TRUSTED_HEADERS",
        lambda found: proxies.usual(found["trusted_proxies"], found["real_ip_header"]),
        proxies.headers,
        "Which other headers of theirs are believed, by name.",
        shown="`X-Forwarded-Proto`, or none",
    )
    tls_certificate_file: str | None = setting(
        "TLS_CERTIFICATE_FILE",
        None,
        tls.file,
        "PEM file with the certificate and its chain; [docs/tls.md](docs/tls.md).",
        shown="unset: no TLS",
        is_a_file=True,
    )
    tls_key_file: str | None = setting(
        "TLS_KEY_FILE", None, tls.file, "PEM file with its key.", shown="unset", is_a_file=True
    )
    tls_port: int = setting(
        "TLS_PORT",
        "443",
        values.number(1, 65535),
        "Port of HTTPS, with HTTP/2.",
        shown="`443` (`make run-host`: 8443)",
    )
    tls_redirect: str = setting(
        "TLS_REDIRECT",
        "on",
        tls.redirect,
        "The plain port redirects to it; `off`: serves too; a number: the port as published.",
    )
    hsts: str = setting(
        "HSTS", "off", tls.hsts, "Seconds for `Strict-Transport-Security`, sent over TLS only."
    )
    tls_client_ca_file: str | None = setting(
        "TLS_CLIENT_CA_FILE",
        None,
        tls.file,
        "PEM file of the CA without whose certificate no client is served.",
        shown="unset: none",
        is_a_file=True,
    )
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Read and validate every variable; ConfigError lists all mistakes at once."""
        found, from_where, mistakes = read(environ, table())
        unchecked = found.get("unchecked") or ()
        checked = {name: text for name, text in environ.items() if name not in unchecked}
        mistakes += misspelt.refused(checked, names())
        mistakes += [] if mistakes else conflicts.found_in(found)
        if mistakes:
            raise ConfigError(*mistakes)
        return cls(**found, sources=from_where)


def some(environ: Mapping[str, str], attributes: Iterable[str]) -> Found:
    """Read only these settings, whatever the others are; ConfigError lists their mistakes."""
    found, _, mistakes = read(environ, {each: table()[each] for each in attributes})
    if mistakes:
        raise ConfigError(*mistakes)
    return found


def read(
    environ: Mapping[str, str], settings: Mapping[str, Setting]
) -> tuple[Found, dict[str, str], list[str]]:
    """Read settings: their values, where each comes from by name, and the mistakes."""
    found = Found()
    from_where: dict[str, str] = {}
    mistakes: list[str] = []
    for attribute, about in settings.items():
        name = about.name
        try:
            found[attribute], from_where[name] = sources.value(about, environ, found)
        except ValueError as error:
            mistakes += [f"{sources.place(name, environ)}: {mistake}" for mistake in error.args]
        except Unknown:
            continue  # its default follows from a setting that is wrong, and has been reported
    return found, from_where, mistakes


def table() -> dict[str, Setting]:
    """Map each setting's attribute to what is declared about it."""
    return {each.name: each.metadata["setting"] for each in fields(Settings) if each.metadata}


def names() -> tuple[str, ...]:
    """Name every variable, in the table's order."""
    return tuple(name for about in table().values() for name in about.variables())
