"""How SHUTDOWN_TIMEOUT is spent: first the operator's own programs, then nginx, then uWSGI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# The least SHUTDOWN_TIMEOUT, in seconds: an idle uWSGI master alone takes more than one to stop.
SHORTEST = 4

# As supervisord.conf and stack/supervision/plugin.py read them.
NAMES = {
    "programs": "PROGRAMS_STOP_SECONDS",
    "drain": "DRAIN_SECONDS",
    "nginx": "NGINX_STOP_SECONDS",
    "uwsgi": "APP_STOP_SECONDS",
}


@dataclass(frozen=True)
class Budget:
    """Timeouts in seconds; but for `drain`, a part of nginx's, they add up to SHUTDOWN_TIMEOUT."""

    programs: int
    drain: int
    nginx: int
    uwsgi: int

    @classmethod
    def of(cls, seconds: int, programs: int = 0) -> Budget:
        """Divide a SHUTDOWN_TIMEOUT, of which own programs have so much.

        When nginx has drained, uWSGI has few requests left.
        """
        rest = seconds - programs
        uwsgi = max(2, rest // 4)
        nginx = rest - uwsgi
        return cls(programs=programs, drain=nginx - 1, nginx=nginx, uwsgi=uwsgi)

    @classmethod
    def given(cls, environ: Mapping[str, str]) -> Budget | None:
        """Read what a stack that runs was given, from supervisord's environment."""
        if not {*NAMES.values()} <= environ.keys():  # it has not become supervisord yet
            return None
        return cls(**{field: int(environ[name]) for field, name in NAMES.items()})

    def environ(self) -> dict[str, str]:
        """Write them as they are read there."""
        return {name: str(getattr(self, field)) for field, name in NAMES.items()}
