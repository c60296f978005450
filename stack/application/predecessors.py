"""Settings and files of other images that have no effect here, with what to write instead.

docs/from-tiangolo.md has the whole of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from stack.application import finding
from stack.worker.modules import modules

VARIABLES = {
    "NGINX_MAX_UPLOAD": "CLIENT_MAX_BODY_SIZE",
    "NGINX_WORKER_OPEN_FILES": "docker run --ulimit nofile=...",
    "STATIC_INDEX": "SPA_FALLBACK=index.html and SPA_API_PREFIX=/",
}

FILES = {
    "prestart.sh": "call it prestart, executable and with a first line as #!/bin/sh",
    "uwsgi.ini": "APP_MODULE names the application, UWSGI_<OPTION> sets uWSGI's options",
    "nginx.conf": "your own lines belong in conf/server.d/ or conf/http.d/",
}

# Where their application lies.
THEIRS = Path("/app")


def left(environ: Mapping[str, str], folder: Path, theirs: Path = THEIRS) -> Iterator[str]:
    """Describe each that is set, or lies in the application's folder, or where it lay there."""
    if modules(folder) == [finding.OURS] and (names := modules(theirs)):
        yield (
            f"{theirs} is not served, which has {', '.join(names)}: the example in {folder} is; "
            f"write COPY ./app /srv/app in the Dockerfile, or set APP_DIR={theirs}"
        )
    for name, instead in VARIABLES.items():
        if name in environ:
            yield f"{name} is not a setting; write {instead}"
    for name, instead in FILES.items():
        if (folder / name).is_file():
            yield f"{folder.name}/{name} is not read; {instead}"
