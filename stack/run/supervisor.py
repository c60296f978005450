"""supervisord, asked through its own interface, as supervisorctl asks."""

from __future__ import annotations

from typing import Any
from xmlrpc.client import ServerProxy

from supervisor.xmlrpc import SupervisorTransport

# As supervisord.conf has them; by way of /proc, because a socket's path has 107 bytes at most.
SERVER = ("supervisor", "supervisor", "unix:///proc/self/cwd/run/supervisor.sock")


def interface(name: str) -> Any:
    """Give one of its interfaces: `supervisor`, or ours, `supervision`."""
    return getattr(ServerProxy("http://127.0.0.1", SupervisorTransport(*SERVER)), name)
