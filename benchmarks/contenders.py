"""Who is compared: a name, a title for people, and how a stack of that name is made."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from benchmarks import HERE, tls
from benchmarks.others import Other
from benchmarks.stacks import Server
from dev import Problem
from stack.settings import table
from tests.support.launching import Plan, prepared

# Below the ports that the kernel gives to clients.
PORTS = iter(range(18080, 28080))

NGINX = ["nginx", "-e", "log", "-p", ".", "-c"]
GUNICORN = ["gunicorn", "--bind=unix:app.sock", "--keep-alive=75"]
GRANIAN = ["granian", "--interface=wsgi", "--workers={cpus}", "--blocking-threads=1"]
APP = "greeting:application"
COUNTS = (1, 2, 4, 8)
TUNED = " backlog=4096"

OURS = {"APP_MODULE": APP, "ALLOWED": "127.0.0.1"}
PATIENT = {"MAX_QUEUED_REQUESTS": "4000"}
BUSY = {"UWSGI_PROCESSES": "2", "MAX_QUEUED_REQUESTS": "100"}


@dataclass(frozen=True)
class Contender:
    """One stack, and what it needs of this version or machine to run at all."""

    name: str
    title: str
    make: Callable[[Path, int], Server]
    setting: str = ""


def ours(name: str, title: str, settings: dict[str, str], image: str = "") -> Contender:
    """Describe our stack with these settings, on the host or as the image."""
    needed = next((each for each in settings if each not in (*OURS, "UWSGI_PROCESSES")), "")
    return Contender(name, title, lambda at, port: stack(OURS | settings, at, port, image), needed)


def stack(settings: dict[str, str], at: Path, port: int, image: str, *options: str) -> Server:
    """Make our stack with the benchmarks' application."""
    plan = Plan(settings, HERE / "app", options=options, port=port)
    return prepared("image" if image else "host", plan, at, image)


def other(name: str, title: str, *commands: list[str], listen: str = "") -> Contender:
    """Describe a stack of other programs."""
    return Contender(name, title, lambda at, port: Other(at, port, list(commands), listen))


def contenders(image: str | None) -> dict[str, Contender]:
    """List all that can be compared, by name; those of the image only where there is one."""
    every = [*compared(), *bounds(), *variants(), *(of_image(image) if image else ())]
    return {each.name: each for each in every}


def compared() -> list[Contender]:
    """List the stacks that serve the same Flask application."""
    behind = [*NGINX, "proxy.nginx.conf"]
    return [
        ours("host", "this stack, on the host", {}),
        other("ancestor", "the ancestor's settings",
              ["uwsgi", "--ini", "ancestor.uwsgi.ini"], [*NGINX, "ancestor.nginx.conf"]),
        other("tiangolo", "tiangolo/uwsgi-nginx's settings",
              ["uwsgi", "--ini", "tiangolo.uwsgi.ini"], [*NGINX, "tiangolo.nginx.conf"]),
        other("gunicorn-sync", "nginx + gunicorn, sync",
              [*GUNICORN, "--workers={more}", APP], behind, listen=TUNED),
        other("gunicorn-gthread", "nginx + gunicorn, gthread",
              [*GUNICORN, "--workers={cpus}", "--threads=4", APP], behind, listen=TUNED),
        other("nginx-granian", "nginx + granian",
              [*GRANIAN, "--uds=app.sock", APP], behind, listen=TUNED),
        other("granian", "granian alone",
              [*GRANIAN, "--host=127.0.0.1", "--port={port}", APP]),
    ]  # fmt: skip


def bounds() -> list[Contender]:
    """List what bounds every one of them."""
    return [
        other("nginx", "nginx alone", [*NGINX, "nginx.nginx.conf"], listen=TUNED),
        ours("bare", "this stack, a bare function", {"APP_MODULE": "bare:application"}),
        other("http-socket", "uWSGI's http socket alone, a bare function",
              ["uwsgi", "--ini", "http-socket.uwsgi.ini"]),
    ]  # fmt: skip


def variants() -> list[Contender]:
    """List our stack with other settings than its defaults."""
    static = {"STATIC_PATH": "app/static", "STATIC_URL": "/static/"}
    return [
        ours("host-cached", "this stack, RESPONSE_CACHE=on", {"RESPONSE_CACHE": "on"}),
        ours("host-static", "this stack, static file", static),
        ours("host-patient", "this stack, MAX_QUEUED_REQUESTS=4000", PATIENT),
        ours("host-busy", "this stack, two workers, MAX_QUEUED_REQUESTS=100", BUSY),
        Contender("host-tls", "this stack", tls.ours()),
        Contender("gunicorn-tls", "nginx + gunicorn, gthread", lambda at, port: tls.OtherWithTls(
            at, port,
            [[*GUNICORN, "--workers={cpus}", "--threads=4", APP], [*NGINX, "proxy.nginx.conf"]],
            TUNED)),
        Contender("host-open", "this stack, without ALLOWED", unlisted()),
        Contender("host-listed", "this stack, 10,000 entries in ALLOWED", listed()),
        *(ours(f"host-{count}", f"this stack, UWSGI_PROCESSES={count}",
               {"UWSGI_PROCESSES": str(count)}) for count in COUNTS),
    ]  # fmt: skip


def of_image(image: str) -> list[Contender]:
    """List what is measured of the image too."""
    static = {"STATIC_PATH": "app/static", "STATIC_URL": "/static/"}
    return [
        ours("image", "this stack, the image", {}, image),
        ours("image-cached", "the image, RESPONSE_CACHE=on", {"RESPONSE_CACHE": "on"}, image),
        ours("image-static", "the image, static file", static, image),
        ours("image-patient", "the image, MAX_QUEUED_REQUESTS=4000", PATIENT, image),
        ours("image-busy", "the image, two workers, MAX_QUEUED_REQUESTS=100", BUSY, image),
        Contender("image-tls", "the image", tls.ours(image)),
        Contender("image-open", "the image, without ALLOWED", unlisted(image)),
        Contender("image-listed", "the image, 10,000 entries in ALLOWED", listed(image)),
        *(ours(f"image-{count}", f"the image, UWSGI_PROCESSES={count}",
               {"UWSGI_PROCESSES": str(count)}, image) for count in COUNTS),
    ]  # fmt: skip


def unlisted(image: str = "") -> Callable[[Path, int], Server]:
    """Have ours made without a list."""
    return lambda at, port: stack({"APP_MODULE": APP}, at, port, image)


def listed(image: str = "") -> Callable[[Path, int], Server]:
    """Have ours made with 10,000 entries, of which the last lets the load in."""

    def make(at: Path, port: int) -> Server:
        chance = random.Random(1)  # noqa: S311 - the same list each time
        entries = [str(IPv4Address(chance.randrange(2**24, 2**24 * 100))) for _ in range(9_999)]
        # A variable could not hold it.
        path = at / "list"
        path.write_text("\n".join([*entries, "127.0.0.1"]))
        path.chmod(0o644)  # the image's user is another
        settings = {"APP_MODULE": APP, "ALLOWED_FILE": str(path)}
        return stack(settings, at, port, image, f"--volume={path}:{path}:ro")

    return make


def missing(contender: Contender) -> str | None:
    """Say why a contender cannot run, or None if it can."""
    if contender.setting and contender.setting not in table.names():
        return f"this version has no setting {contender.setting}"
    return None


def free_port() -> int:
    """Find a port that nobody listens on."""
    for port in PORTS:
        with socket.socket() as test:
            test.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                test.bind(("", port))
            except OSError:
                continue
            return port
    raise Problem("no free port between 18080 and 28080")
