"""The folders of uWSGI's own files: each uWSGI has one, and a reload has two for a while.

The link run/uwsgi leads to that of the uWSGI which serves, and the link run/uwsgi.sock, by way of
that, to its socket: so one rename has nginx and everybody else change over.
"""

from __future__ import annotations

import shutil
from pathlib import Path

SERVING = Path("run/uwsgi")
FOLDERS = (Path("run/uwsgi.1"), Path("run/uwsgi.2"))
SOCKET = Path("run/uwsgi.sock")

# Made in its folder by a master that has imported the application for all its workers.
PRELOADED = "preloaded"


def serve_from(folder: Path) -> None:
    """Lead nginx, and all who ask for the uWSGI that serves, to one."""
    point(SERVING, folder.name)


def point(link: Path, target: str) -> None:
    """Have a link lead elsewhere, at once."""
    new = link.with_name(f".{link.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)


def other(root: Path) -> Path:
    """Give the folder that is not the serving uWSGI's, relative to the root."""
    serving = (root / SERVING).readlink().name
    return next(each for each in FOLDERS if each.name != serving)


def bound() -> Path:
    """Give the path that the serving uWSGI has bound its socket to, as the kernel knows it."""
    return SERVING.parent / SERVING.readlink() / SOCKET.name


def make(root: Path) -> Path:
    """Make the first folder and the links, for a start; give where its uWSGI will listen."""
    for each in FOLDERS:
        clear(root / each)
    first = root / FOLDERS[0]
    first.mkdir(mode=0o700)
    point(root / SERVING, first.name)
    point(root / SOCKET, f"{SERVING.name}/{SOCKET.name}")
    return first / SOCKET.name


def clear(folder: Path) -> None:
    """Remove one, with what a uWSGI that was there has left."""
    if folder.is_dir():
        shutil.rmtree(folder)
