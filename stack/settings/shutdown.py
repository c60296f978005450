"""How SHUTDOWN_TIMEOUT is spent: nginx drains first, then uWSGI has what is left."""

from __future__ import annotations

from dataclasses import dataclass

# The least SHUTDOWN_TIMEOUT, in seconds: an idle uWSGI master alone takes more than one to stop.
SHORTEST = 4


@dataclass(frozen=True)
class Budget:
    """Three timeouts, in seconds; nginx's and uWSGI's add up to SHUTDOWN_TIMEOUT."""

    drain: int
    nginx: int
    uwsgi: int

    @classmethod
    def of(cls, seconds: int) -> Budget:
        """Divide a SHUTDOWN_TIMEOUT: when nginx has drained, uWSGI has few requests left."""
        uwsgi = max(2, seconds // 4)
        nginx = seconds - uwsgi
        return cls(drain=nginx - 1, nginx=nginx, uwsgi=uwsgi)

    def environ(self) -> dict[str, str]:
        """Name them as supervisord.conf and stack/supervision/plugin.py read them."""
        return {
            "DRAIN_SECONDS": str(self.drain),
            "NGINX_STOP_SECONDS": str(self.nginx),
            "APP_STOP_SECONDS": str(self.uwsgi),
        }
