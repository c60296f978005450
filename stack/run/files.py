"""Files below run/, the only place that is ever written."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from stack.machine import kernel, regular
from stack.settings.errors import ConfigError

# Bytes for what is written before anything starts: the configuration twice, logs, pid files.
LEAST_ROOM = 512 << 10

# The room that is left below run/ (stack/nginx/configuration.py).
OF_THE_MOMENT = re.compile(r"_max_temp_file_size \d+m;")


def make(root: Path) -> Path:
    """Make run/ and run/tmp below a root, private to this user where the folder is its own.

    One with a sticky bit, as the image's, is for whoever runs the stack.
    """
    run = root / "run"
    try:
        run.mkdir(exist_ok=True)
        found = run.stat()
        if found.st_uid == os.geteuid() and not found.st_mode & stat.S_ISVTX:
            run.chmod(0o700)
        (run / "tmp").mkdir(exist_ok=True)
        tempfile.TemporaryFile(dir=run).close()
    except OSError as error:
        raise ConfigError(
            f"{run}: cannot be written by uid {os.geteuid()} ({error.strerror}); "
            "give it to that user, or mount a tmpfs there: --tmpfs /srv/run"
        ) from None
    left = kernel.room(run)
    if left < LEAST_ROOM:
        raise ConfigError(
            f"{run}: has room for {left >> 10} KiB, and {LEAST_ROOM >> 10} KiB are the least; give "
            "it more, as with --tmpfs /srv/run:size=64m"
        )
    return run


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files so that a reader sees the old text or the new, never a part.

    Each has a name of its own until it is whole: two writers never write to the same. Without
    fsync: a start writes all of them anew, so that none outlives a crash of the machine.
    """
    for name, text in files.items():
        with tempfile.NamedTemporaryFile(
            "w", dir=folder, prefix=f".{name}.", delete=False
        ) as unfinished:
            unfinished.write(text)
        Path(unfinished.name).replace(folder / name)


@contextmanager
def locked(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a folder's lock, which a killed process lets go of; call `waiting` before a wait."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def make_socket(path: Path) -> None:
    """Make a socket file that nobody listens on, unless one is there.

    nginx takes a missing file for a critical error, but calls one without a listener by its name:
    the application is not there yet. uWSGI puts its own in its place; conf/cached.conf has one
    where nobody is ever to listen.
    """
    if not path.exists():
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.relpath(path))  # a socket's path has 107 bytes at most


def clear(run: Path) -> None:
    """Remove what was killed before it could do so itself: bodies of nginx's, files of reloads'.

    And keys: the next start may have none.
    """
    for left in (
        *(run / "client_body").glob("[0-9]*"),
        *run.glob(".*.conf.*"),
        *run.glob(".*.json.*"),
        *run.glob(".*.pem.*"),
        *run.glob("*.pem"),
        run / "certificate.json",
    ):
        with suppress(OSError):  # another user's; nginx says so if it matters
            left.unlink()


def of_others(root: Path) -> Iterator[str]:
    """Say if root would test the configuration where another user can exchange it meanwhile."""
    run = root / "run"
    owner = run.stat().st_uid if run.exists() else 0
    if os.geteuid() == 0 != owner:
        yield (
            f"{run} belongs to uid {owner}, who could have root read something else there; be "
            f"that user, as with docker exec --user {owner} NAME check"
        )


def differing(run: Path, generated: Mapping[str, str]) -> Iterator[str]:
    """Name the files below run/ that are not as generated.

    But for workers.conf, which says nothing of clients, and for what depends on the moment.
    """
    for name, text in generated.items():
        try:
            there = (run / name).read_text()
        except PermissionError:
            continue  # it is not this user's stack
        except (OSError, ValueError):
            there = ""
        if name != "workers.conf" and OF_THE_MOMENT.sub("", there) != OF_THE_MOMENT.sub("", text):
            yield name


def copy_of_conf(source: str, target: str) -> str:
    """Copy a file of nginx's; ConfigError if it cannot be read and nginx would have to."""
    try:
        with os.fdopen(regular.opened(source), "rb") as file, open(target, "wb") as copy:  # noqa: PTH123
            shutil.copyfileobj(file, copy)
    except OSError as error:
        if source.endswith(".conf"):
            raise ConfigError(
                f"{os.path.relpath(source)}: cannot be read ({error.strerror}); put a file there "
                f"that uid {os.geteuid()} may read, or remove it"
            ) from None
    return target


@contextmanager
def rehearsal(root: Path, files: Mapping[str, str]) -> Iterator[Path]:
    """Lay out the configuration with these generated files in a folder of its own, for a test."""
    with tempfile.TemporaryDirectory(dir=root / "run") as folder:
        copy = Path(folder)
        try:
            shutil.copytree(root / "conf", copy / "conf", copy_function=copy_of_conf)
        except shutil.Error as error:  # a list of them
            raise ConfigError(f"conf: cannot be read ({error.args[0][-1][-1]})") from None
        (copy / "run").mkdir()
        write(copy / "run", files)
        yield copy
