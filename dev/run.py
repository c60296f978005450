"""Serve the example application in the foreground: python3 -m dev.run auto|image|host."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from dev import ROOT, Problem, engine, finish, image, say, tree, venv
from stack.settings import table


def main(arguments: list[str]) -> int:
    """Choose between image and host, say why, and become it."""
    match arguments:
        case ["auto"]:
            how, why = choose()
        case ["image" | "host" as how]:
            why = "as asked"
        case _:
            raise Problem("say one of: auto, image, host")
    say(f"running {'the image' if how == 'image' else 'on this host'}: {why}")
    serve = as_image if how == "image" else on_host
    serve(os.environ.get("LISTEN_PORT") or "8080")


def choose() -> tuple[str, str]:
    """Prefer the image where it can be built on the base that it is meant for."""
    if why := engine.problem():
        return "host", why
    base = image.official()
    if why := image.unobtainable(base):
        return "host", f"a Docker engine answers, but the base image {base} cannot be pulled: {why}"
    return "image", f"a Docker engine answers and the base image {base} is here"


def as_image(port: str) -> NoReturn:
    """Build the image and become its `docker run`."""
    if why := engine.problem():
        raise Problem(why)
    if not is_port(port):
        raise Problem(f"LISTEN_PORT: '{port}' is not a port; write a number from 1 to 65535")
    image.build(image.TAG, image.base())
    say(f"serving http://localhost:{port}")
    # With a terminal Ctrl-C goes straight to the container; without, docker passes it on.
    terminal = ["--interactive", "--tty"] if sys.stdin.isatty() and sys.stdout.isatty() else []
    given = [word for name in passed() for word in ("--env", name)]
    given += [f"--volume={app()}:/srv/app:ro"] if "APP_DIR" in os.environ else []
    command = ["docker", "run", "--rm", *terminal, "--publish", f"{port}:80", *given, image.TAG]
    become(*command)


def app() -> Path:
    """Find the application's folder: APP_DIR counts from here, the entrypoint runs elsewhere."""
    return Path.cwd() / os.environ.get("APP_DIR", "app")


def passed() -> list[str]:
    """Name the variables that reach the container: ours, and uWSGI's own."""
    ours = set(table.names()) - {"LISTEN_PORT", "APP_DIR"}
    return [name for name in os.environ if name in ours or name.startswith("UWSGI_")]


def on_host(port: str) -> NoReturn:
    """Make this host ready, lay a tree of this port's own, and become its entrypoint."""
    venv.prepare()
    # The entrypoint refuses a port that is none; it must not name a folder first.
    folder = ROOT / "run" / (port if is_port(port) else "refused")
    tree.lay(folder)
    if app().is_dir():
        venv.ensure_app(app())
    of_tls = {"TLS_PORT": os.environ.get("TLS_PORT") or "8443"}
    os.environ |= {"LISTEN_PORT": port, "APP_DIR": str(app()), **of_tls}
    os.chdir(folder)
    become(str(venv.PYTHON), "entrypoint.py")


def is_port(text: str) -> bool:
    """Tell whether this is a port number."""
    return text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535


def become(*command: str) -> NoReturn:
    """Replace this process, so that signals and the exit status are the command's own."""
    sys.stdout.flush()
    os.execvp(command[0], command)


if __name__ == "__main__":
    finish(main)
