"""Inside uWSGI: import the applications that application.json names, for its workers or in each."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import uwsgi  # made by uWSGI itself

from . import children, preload, streams
from .answers import debugged, excuse
from .choice import Application, attribute, called, checked, discovered, imported, is_factory
from .delivery import Delivery
from .paths import as_asked
from .plan import Named, Plan
from .reports import Refusal

# A worker that leaves with this status makes uWSGI's master give up (need-app).
FAILED = 22

# Bytes of address space for each thread that the application starts, as conf/uwsgi.ini gives those
# that serve requests. On Alpine Python would give them 1 MiB, and deep recursion kills the worker.
THREAD_STACK = 8 << 20

# The root of our tree, this uWSGI's own folder, and that for the sockets of answers.
ROOT = Path.cwd()
FOLDER = ROOT / os.environ.get("OUR_UWSGI", "run")
STREAMS = ROOT / "run/streams"

NOT_SHARED = (
    "threads do not run in the workers, while what is open is the same in all: close it at the "
    "import's end, start or open it in each worker, or set PRELOAD=0"
)

# What a worker that has loaded for itself calls itself; 15 characters at most.
LOADED = "uwsgi-loaded"


def load(plan: Plan) -> Application:
    """Import every application, and put those with a prefix behind one that dispatches."""
    if not plan.named:
        return discovered(plan.candidates)
    mounts = {each.prefix: application_of(each) for each in plan.named}
    if list(mounts) == ["/"]:
        return mounts["/"]
    from werkzeug.exceptions import NotFound
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    root = mounts.pop("/", NotFound())
    return DispatcherMiddleware(root, mounts)


def application_of(named: Named) -> Application:
    """Import one application; SystemExit and all that its import raises become a Refusal."""
    module = imported(named.module, named.setting)
    found = attribute(module, named.attribute, named.setting)
    if named.arguments is not None:
        found = called(found, named.attribute, named.setting, **named.arguments)
    elif is_factory(found):
        found = called(found, named.attribute, named.setting)
    return checked(found, named.setting)


def secrets(files: Mapping[str, str]) -> dict[str, str]:
    """Read the variables in files; only this process and those that it starts have them."""
    found = {}
    for name, path in files.items():
        try:
            found[name] = Path(path).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise Refusal(f"{name}_FILE: {path!r}: cannot be read any more ({error})") from None
    return {name: text.removesuffix("\n").removesuffix("\r") for name, text in found.items()}


def refuse(report: str) -> NoReturn:
    """End this process; the first report is kept in the file refusal, for supervisord."""
    if not uwsgi.masterpid():  # a trial import, without a server
        sys.stderr.write(report)
    else:
        # Whole from the moment that it is there: another worker may end the master meanwhile.
        written = FOLDER / f"refusal.{os.getpid()}"
        written.write_text(report, errors="replace")
        with contextlib.suppress(FileExistsError):
            (FOLDER / "refusal").hardlink_to(written)
        written.unlink()
    sys.stderr.flush()
    os._exit(FAILED)


def begin_worker(plan: Plan) -> None:
    """Make this process a worker, where it is one."""
    if not uwsgi.masterpid():
        return  # a trial import, without a server
    os.dup2(1, 2)  # stderr is the master's, so that nobody is taken for it
    os.chdir(plan.folder)
    children.look_after()
    streams.tidy(STREAMS)


def tell() -> None:
    """Let the kernel tell who waits for it that this worker has loaded (stack/uwsgi/output.py).

    A line in the log could be anybody's. The file is for supervisord: one that has loaded may die
    of its first request before anybody has looked.
    """
    Path("/proc/self/comm").write_text(LOADED)
    if uwsgi.masterpid():
        (FOLDER / "loaded").touch()


def prepare(plan: Plan) -> None:
    """Make this process one that the application can be imported in."""
    atexit.register(preload.expendable)  # before the application's own, and so called after them
    # uWSGI has put the root of our tree on the path, and its own program in sys.executable.
    sys.path[:] = [plan.folder, *(each for each in sys.path if each not in ("", "."))]
    sys.executable = f"{sys.prefix}/bin/python3"
    # Applications expect to run in their own folder, as under `flask run`.
    os.chdir(plan.folder)
    # With this Flask's app.run() does nothing, so that a module may call it when imported.
    os.environ["FLASK_RUN_FROM_CLI"] = "true"
    threading.stack_size(THREAD_STACK)


def imported_application(plan: Plan) -> Application:
    """Import it; one that cannot be ends this process, or, with DEV, is excused to whoever asks."""
    try:
        os.environ.update(secrets(plan.files))
        if plan.dev == "debugger":
            # Else Flask handles exceptions itself, and the debugger sees none.
            os.environ["FLASK_DEBUG"] = "1"
            application = debugged(load(plan))
        else:
            application = load(plan)
        return Delivery(as_asked(application, ROOT), STREAMS, plan.patience)
    except Refusal as refusal:
        if plan.dev == "0":
            refuse(str(refusal))
        return excuse(str(refusal))


def for_all(plan: Plan) -> Application:
    """Import it in the master; where workers could not share what that leaves, begin again."""
    environ = dict(os.environ)

    def begin() -> None:
        begin_worker(plan)
        tell()

    preload.in_each_worker(begin)
    importing = FOLDER / "importing"
    importing.touch()
    with preload.as_master(ROOT):
        before = preload.descriptors()
        prepare(plan)
        application = imported_application(plan)
        if unshared := preload.unshared(before):
            said = f"the application's import has left {' and '.join(unshared)}"
            if plan.preload == "auto":
                print(f"entrypoint: {said}: so each worker imports it for itself (PRELOAD)")
            else:
                print(f"entrypoint: warning: PRELOAD: '1': {said}, and {NOT_SHARED}")
            sys.stdout.flush()
    if unshared and plan.preload == "auto":
        importing.unlink()
        preload.start_again(environ)
    preload.share()
    importing.rename(FOLDER / "preloaded")
    return application


def main() -> Application:
    """Prepare this process for the application, load it, and return what uWSGI is to call."""
    plan = Plan.read(plan_file().read_text())
    if preload.preloading():
        return for_all(plan)
    begin_worker(plan)
    prepare(plan)
    application = imported_application(plan)
    tell()
    return application


def plan_file() -> Path:
    """Find what this uWSGI is told: one that a reload tries has a file of its own."""
    own = FOLDER / "application.json"
    return own if own.exists() else ROOT / "run/application.json"
