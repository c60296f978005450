"""The uWSGI options that the operator gives as UWSGI_<OPTION>: which are taken, and which not.

uWSGI itself ignores what it does not understand, opens what it is told to open and runs what it is
told to run. So only options are taken that can do no such harm; for any other the operator has to
say that it is meant, by naming it in UNCHECKED.
"""

from __future__ import annotations

import configparser
import difflib
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from stack.machine import venvs
from stack.settings.errors import ConfigError, quoted
from stack.settings.table import names

PREFIX = "UWSGI_"

# Options with a whole number, without a sign.
NUMBERS = frozenset((
    "backtrace-depth", "cheaper", "cheaper-busyness-backlog-alert",
    "cheaper-busyness-backlog-multiplier", "cheaper-busyness-backlog-nonzero",
    "cheaper-busyness-backlog-step", "cheaper-busyness-max", "cheaper-busyness-min",
    "cheaper-busyness-multiplier", "cheaper-busyness-penalty", "cheaper-initial",
    "cheaper-overload", "cheaper-rss-limit-hard", "cheaper-rss-limit-soft", "cheaper-step",
    "cpu-affinity", "evil-reload-on-as", "evil-reload-on-rss", "forkbomb-delay", "harakiri",
    "harakiri-graceful-timeout", "harakiri-queue-threshold", "limit-as", "locks", "log-big",
    "log-slow", "max-requests", "max-requests-delta", "max-worker-lifetime",
    "max-worker-lifetime-delta", "mem-collector-freq", "min-worker-lifetime", "optimize",
    "reload-mercy", "reload-on-as", "reload-on-rss", "socket-rcvbuf", "socket-sndbuf",
    "worker-reload-mercy",
))  # fmt: skip

# Options that are on or off.
FLAGS = frozenset((
    "catch-exceptions", "cheaper-busyness-verbose", "harakiri-no-arh", "harakiri-verbose",
    "log-4xx", "log-5xx", "log-ioerror", "log-micros", "log-zero", "memory-report", "never-swap",
    "reload-on-exception", "show-config", "skip-atexit", "skip-atexit-teardown", "tcp-nodelay",
    "thunder-lock", "vacuum", "wsgi-disable-file-wrapper",
))  # fmt: skip
WORDS = ("1", "0", "true", "false", "yes", "no", "on", "off")

# Options with a word, and what it may be.
TEXTS = {
    "cheaper-algo": ("spare", "spare2", "backlog", "manual", "busyness"),
    "cheaper-algorithm": ("spare", "spare2", "backlog", "manual", "busyness"),
}

# What is said better by a setting.
INSTEAD = {
    **dict.fromkeys(("workers", "p"), "UWSGI_PROCESSES"),
    **dict.fromkeys(("module", "wsgi", "callable", "mount", "file"), "APP_MODULE"),
    **dict.fromkeys(("chdir", "chdir2", "pythonpath", "python-path", "pp"), "APP_DIR"),
    **dict.fromkeys(
        ("ini", "config", "include", "inherit"),
        "APP_MODULE for its module and callable, UWSGI_<OPTION> for each other option",
    ),
    **dict.fromkeys(("static-map", "check-static", "static-check"), "STATIC_PATH"),
    "py-autoreload": "DEV=1",
    **dict.fromkeys(("lazy", "lazy-apps"), "PRELOAD=0"),
    "limit-post": "CLIENT_MAX_BODY_SIZE",
}

# What an option does that is taken only on the operator's word, by parts of its name.
HARMS = (
    (r"socket|^https?|router|^stats|server|subscri|zerg|snmp|udp|tuntap|^fd-|-fd$|proxy",
     "may open a listener that ALLOWED does not govern"),
    (r"exec|hook|daemon|cron|spooler|mule|^py|python|import|gevent|plugin|dlopen|emperor|vassal|"
     r"call-|^on-|^privileged|alarm|shell|symcall|rpc", "may run a program or code of its own"),
    (r"uid|gid|root|cap|unshare|cgroup|namespace|jail|pivot", "may change user or root"),
    (r"log|carbon|metric", "sends uWSGI's log elsewhere, or changes what it says"),
)  # fmt: skip


def given(environ: Mapping[str, str]) -> dict[str, str]:
    """Pick the variables that uWSGI would read, but for settings' files, as UWSGI_LISTEN_FILE."""
    ours = {name for name in names() if name.endswith("_FILE")}
    return {
        name: value
        for name, value in environ.items()
        if name.startswith(PREFIX) and name not in ours
    }


def check(root: Path, options: Mapping[str, str], unchecked: tuple[str, ...]) -> None:
    """Raise ConfigError, with a mistake for each option that is not taken as it is given."""
    settings = names()
    mistakes = [
        f"{name}: {quoted(value)}: {mistake}"
        for name, value in options.items()
        if name not in settings
        for mistake in mistakes_of(root, name, value, name in unchecked)
    ]
    if mistakes:
        raise ConfigError(*mistakes)


def mistakes_of(root: Path, name: str, value: str, unchecked: bool) -> Iterator[str]:
    """Say what is wrong with an option, if anything is."""
    option = name.removeprefix(PREFIX).lower().replace("_", "-")
    if option in set_by(root / "conf/uwsgi.ini"):
        yield "conf/uwsgi.ini sets this option, and only there can it be changed; unset it"
    elif option in NUMBERS:
        if not re.fullmatch(r"[0-9]{1,18}", value):
            yield "is not a whole number; write digits only, or unset it"
    elif option in FLAGS:
        if value not in WORDS:
            yield f"is neither on nor off; write one of: {', '.join(WORDS)}"
    elif option in TEXTS:
        if value not in TEXTS[option]:
            yield f"is not known; write one of: {', '.join(TEXTS[option])}"
    elif option not in (known := known_options()):
        close = difflib.get_close_matches(option, [*known], n=1)
        guess = f"did you mean {variable(close[0])}?" if close else "unset it"
        yield f"uWSGI has no option {option}; {guess}"
    elif option in INSTEAD:
        yield f"is not taken from there; write {INSTEAD[option]}"
    elif not unchecked:
        yield (
            f"{harm(option)}; leave it out, or, if it is meant, take it on your own "
            f"responsibility: UNCHECKED={name}"
        )


def variable(option: str) -> str:
    """Name the variable of an option."""
    return f"{PREFIX}{option.upper().replace('-', '_')}"


def harm(option: str) -> str:
    """Say what speaks against an option."""
    found = (what for pattern, what in HARMS if re.search(pattern, option))
    return next(found, "is not known to do no harm here")


def set_by(file: Path) -> set[str]:
    """Name the options in an ini file."""
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.read_string(file.read_text())
    return set(parser.options("uwsgi"))


def known_options() -> set[str]:
    """Ask uWSGI for all its options."""
    answer = subprocess.run(
        [f"{venvs.ours()}/bin/uwsgi", "--help"], env={}, capture_output=True, text=True, check=True
    )
    return set(re.findall(r"^ +(?:-\S\|)?--(\S+)", answer.stdout, re.MULTILINE))
