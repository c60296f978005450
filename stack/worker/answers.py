"""What stands around an application that is being written, or in its place."""

from __future__ import annotations

import sys
from typing import Any

from .choice import Application
from .reports import say


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
