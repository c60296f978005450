"""What stands around an application, or in its place."""

from __future__ import annotations

import sys
import time
from typing import Any

from .choice import Application
from .reports import say, told


def guarded(application: Application) -> Application:
    """Answer 500 when an application raises: uWSGI would say nothing, which looks like its end."""

    def guard(environ: Any, start_response: Application) -> Any:
        try:
            return application(environ, start_response)
        except Exception as error:
            print(told(error), end="", file=sys.stderr, flush=True)
            # Without exc_info, which uWSGI raises again.
            start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
            return [b"Internal Server Error\n"]

    return guard


def timed(application: Application) -> Application:
    """Tell nginx, for its log, how many seconds each request waited for a worker."""
    clock = time.time

    def served(environ: dict[str, Any], start_response: Application) -> Any:
        now = clock()
        waited = now - float(environ.pop("HANDED_OVER", now))

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            # Clocks can be set back. The list is the server's to change (PEP 3333).
            headers.append(("X-Queue-Time", f"{max(0.0, waited):.3f}"))
            return start_response(status, headers, *error)

        return application(environ, start)

    return served


def debugged(application: Application) -> Application:
    """Put Werkzeug's debugger around an application."""
    from werkzeug.debug import DebuggedApplication

    debugger = DebuggedApplication(application, evalex=True)
    say(f"the debugger is on; its PIN is {debugger.pin}")
    return debugger


def excuse(report: str) -> Application:
    """Make an application that tells why there is no other: while DEV is on, until it is mended."""
    print(report, end="", file=sys.stderr, flush=True)

    def application(environ: Any, start_response: Application) -> list[bytes]:
        start_response("500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8")])
        return [report.encode(errors="replace")]

    return application
