"""What the last line of a start says."""

from __future__ import annotations

from stack.settings import networks
from stack.settings.table import Settings

# Entries of ALLOWED that it names.
MOST_ENTRIES = 3


def service(settings: Settings, ipv6: bool) -> str:
    """Describe what is served, where and for whom."""
    named = settings.apps or ([settings.app_module] if settings.app_module else [])
    what = ", ".join(map(str, named)) or f"the application in {settings.app_dir}"
    families = "IPv4 and IPv6" if ipv6 else "IPv4"
    where = f"port {settings.listen_port}"
    if settings.tls_certificate_file:
        where = f"ports {settings.listen_port} and, with TLS, {settings.tls_port}"
    return f"{what} is served on {where} ({families}) for {whom(settings)}"


def whom(settings: Settings) -> str:
    """Describe who may connect."""
    if settings.allowed is None:
        return "everyone"
    entries = [networks.written(each) for each in settings.allowed[:MOST_ENTRIES]]
    more = len(settings.allowed) - len(entries)
    return f"{', '.join(entries)}{f' and {more} more' if more else ''}"
