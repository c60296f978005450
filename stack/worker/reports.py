"""What is said of an application that cannot be served."""

from __future__ import annotations

import difflib
import importlib
import sys
import traceback
from pathlib import Path

import uwsgi  # made by uWSGI itself

from .modules import importable

HERE = str(Path(__file__).parent)

# Added where no frame is left, as with a syntax error, because Python writes it only above frames.
HEADER = "Traceback (most recent call last):\n"


class Refusal(Exception):
    """An application that cannot be served: the traceback, if there is one, why, and a remedy."""

    def __init__(self, message: str, trace: str = "") -> None:
        """Join them as they are to stand in the log."""
        super().__init__(f"{trace}entrypoint: error: {message}\n")


def told(error: BaseException) -> str:
    """Write a traceback without our frames and those of the import machinery."""
    trace = error.__traceback__
    while trace and foreign(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    lines = traceback.format_exception(type(error), error, trace)
    return "".join(lines if trace else [HEADER, *lines])


def foreign(filename: str) -> bool:
    """Say whether a frame is none of the application's."""
    return filename == importlib.__file__ or filename.startswith((HERE, "<frozen importlib"))


def reason(error: BaseException, what: str = "its import fails") -> str:
    """Say in one line why an application failed to load, and what to do."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return missing(error.name)
    if isinstance(error, SystemExit):
        return f"{what}: it exits with status {error.code!r}, and a server goes on; leave that out"
    if isinstance(error, SyntaxError):
        return f"it is not valid Python {sys.version_info.major}.{sys.version_info.minor}"
    return f"{what}, see above"


def missing(name: str) -> str:
    """Say which name comes near a missing module's, or where to name the package that has it."""
    top = name.partition(".")[0]
    if close := difflib.get_close_matches(top, importable(Path.cwd()), n=1, cutoff=0.8):
        if top != close[0]:
            return f"there is no module {name}; did you mean {close[0]}, which is in {Path.cwd()}?"
        return f"there is no module {name}, although there is {top}"
    return (
        f"the package that has the module {top} is not installed; name it in requirements.txt "
        "beside your application and build the image again, or pip install it there"
    )


def say(text: str) -> None:
    """Write a line to the log, once for all workers."""
    if uwsgi.worker_id() <= 1:
        print(f"entrypoint: {text}", file=sys.stderr, flush=True)
