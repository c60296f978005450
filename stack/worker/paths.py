"""The path that the application is given: the one that the client asked for.

nginx merges slashes and resolves `.` and `..` before it chooses a location, as it must: `//admin`
is in `location /admin`. It hands over that path, where other servers hand over the client's own,
decoded and otherwise as it came: `/fetch/http://host` is not `/fetch/http:/host`.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from .choice import Application

# Where the path of a request's target ends.
END = re.compile(r"[?#]")

# The segments that nginx resolves.
DOTS = re.compile(r"/\.\.?(?:/|$)")


def as_asked(application: Application, root: Path) -> Application:
    """Put the client's path in PATH_INFO, and the target itself in RAW_URI, as gunicorn does.

    A path that a rewrite in nginx has changed stays as it was rewritten. The root is the tree's.
    """
    # What the operator says there of a path, about who may see it for example, is said of the
    # resolved one. Were the application given /admin/../x, and took it for a part of /admin, then
    # `location /admin` would not have been asked.
    own_lines = any(
        any((root / folder).glob("*.conf")) for folder in ("conf/server.d", "conf/http.d")
    )

    def served(environ: dict[str, Any], start_response: Application) -> Any:
        target = environ["RAW_URI"] = environ["REQUEST_URI"]
        path = environ["PATH_INFO"]
        # Most paths are the same in every form.
        if target != path and target.partition("?")[0] != path:
            asked = decoded(target)
            if resolved(asked) == path and not (own_lines and DOTS.search(asked)):
                environ["PATH_INFO"] = asked
        # Empty is what nginx's own uwsgi_params make of an HTTP/1.0 request without Host. Without
        # it, the application's URLs are made of SERVER_NAME and SERVER_PORT (PEP 3333).
        if not environ.get("HTTP_HOST"):
            environ.pop("HTTP_HOST", None)
        return application(environ, start_response)

    return served


def decoded(target: str) -> str:
    """Decode the path of a target, once; bytes are characters, as everywhere in WSGI."""
    path = END.split(target, maxsplit=1)[0]
    # An absolute target need not have one: http://host?query.
    return unquote_to_bytes(path.encode("latin-1")).decode("latin-1") or "/"


def resolved(path: str) -> str:
    """Merge slashes and resolve `.` and `..`, as nginx does with a path that it has decoded."""
    short = posixpath.normpath(f"/{path.lstrip('/')}")
    folder = path.endswith(("/", "/.", "/..")) and short != "/"
    return f"{short}/" if folder else short
