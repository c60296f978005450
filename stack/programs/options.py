"""What may be said of a program, as supervisor has it (http://supervisord.org/configuration.html)."""

from __future__ import annotations

import difflib
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass

from stack.settings.errors import quoted

# nginx's priority in supervisord.conf: what is above it stops before nginx.
NGINX = 20


@dataclass(frozen=True)
class Kind:
    """What a value may be, in words and as a test."""

    words: str
    fits: Callable[[str], object]


def pattern(text: str) -> Callable[[str], object]:
    """Make a test of a regular expression that has to fit as a whole."""
    return re.compile(text).fullmatch


def is_signal(text: str) -> bool:
    """Say whether this names a signal, with or without SIG, or is the number of one."""
    name = text.upper() if text.upper().startswith("SIG") else f"SIG{text.upper()}"
    numbers = {str(int(each)) for each in signal.Signals}
    return name in signal.Signals.__members__ or text in numbers


ANYTHING = Kind("anything", lambda text: True)
NUMBER = Kind("a whole number", pattern("[0-9]{1,5}"))
SWITCH = Kind("true or false", pattern("(?i:true|false|yes|no|on|off|1|0)"))

OPTIONS = {
    "command": ANYTHING,
    "process_name": ANYTHING,
    "directory": ANYTHING,
    "environment": ANYTHING,
    "numprocs": Kind("a whole number from 1 to 99", pattern("[1-9][0-9]?")),
    "numprocs_start": NUMBER,
    "priority": Kind(
        f"a number from {NGINX + 1} to 999: they stop before nginx does",
        lambda text: text.isdecimal() and NGINX < int(text) <= 999,
    ),
    "autostart": SWITCH,
    "autorestart": Kind(
        "true, false or unexpected", pattern("(?i:true|false|yes|no|on|off|1|0|unexpected)")
    ),
    "startsecs": NUMBER,
    "startretries": NUMBER,
    "exitcodes": Kind("a list of statuses, as in 0,2", pattern("[0-9]{1,3}( *, *[0-9]{1,3})*")),
    "stopsignal": Kind("a signal, as in TERM", is_signal),
    "stopwaitsecs": NUMBER,
    "stopasgroup": SWITCH,
    "killasgroup": SWITCH,
    "redirect_stderr": SWITCH,
    "umask": Kind("an octal number, as in 022", pattern("[0-7]{1,4}")),
    # Ours, and not passed on.
    "start_at_once": SWITCH,
}

# Where supervisor's users send output so that it is the container's log, which here it always is.
LOG = {
    "stdout_logfile": "/dev/stdout|/dev/fd/1|/proc/self/fd/1",
    "stderr_logfile": "/dev/stderr|/dev/fd/2|/proc/self/fd/2",
    "stdout_logfile_maxbytes": "0",
    "stderr_logfile_maxbytes": "0",
    "stdout_logfile_backups": "0",
    "stderr_logfile_backups": "0",
}
ELSEWHERE = (
    "its output goes to the container's log, line by line, and its end to a small file for "
    "supervisorctl tail; leave it out"
)

# What supervisor has and is not taken, with the reason.
REFUSED = {
    "user": "all programs run as the container's user; leave it out",
    "serverurl": "is set by supervisord; leave it out",
    "stdout_capture_maxbytes": ELSEWHERE,
    "stderr_capture_maxbytes": ELSEWHERE,
    "stdout_events_enabled": ELSEWHERE,
    "stderr_events_enabled": ELSEWHERE,
    "stdout_syslog": ELSEWHERE,
    "stderr_syslog": ELSEWHERE,
}


def mistake(name: str, value: str) -> str | None:
    """Say what is wrong with an option, expanded; None if nothing is."""
    if name in LOG:
        return None if re.fullmatch(LOG[name], value) else f"{quoted(value)}: {ELSEWHERE}"
    if name in REFUSED:
        return f"{quoted(value)}: {REFUSED[name]}"
    if name not in OPTIONS:
        close = difflib.get_close_matches(name, OPTIONS, n=1)
        remedy = f"did you mean {close[0]}?" if close else "leave it out"
        return f"is no option of a program; {remedy}"
    kind = OPTIONS[name]
    return None if kind.fits(value) else f"{quoted(value)}: is not {kind.words}"


def is_on(value: str) -> bool:
    """Read a switch."""
    return value.lower() in ("true", "yes", "on", "1")
