"""Where nginx listens."""

from __future__ import annotations

from stack.settings.table import Settings


def listen(settings: Settings, port: int, ipv6: bool, *how: str) -> str:
    """Render the addresses of one port; how is what else `listen` says of it."""
    words = ["default_server", "backlog=4096", *how]
    if settings.real_ip_header == "proxy_protocol":
        words.append("proxy_protocol")
    hosts = ["", "[::]:"] if ipv6 else [""]
    return "".join(f"listen {host}{port} {' '.join(words)};\n" for host in hosts)
