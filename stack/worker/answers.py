"""What stands around an application, or in its place."""

from __future__ import annotations

import sys
from typing import Any

from .choice import Application
from .reports import told


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
