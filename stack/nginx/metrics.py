"""METRICS_PORT: a port of its own for Prometheus, and who may ask there."""

from __future__ import annotations

from stack.settings.networks import written
from stack.settings.table import Settings

# Where conf/metrics.conf counts the scrapes of each address that are being answered.
ZONE = "limit_conn_zone $binary_remote_addr zone=scrapers:64k;\n"
DENIED = (
    "log_format denied_scraper 'denied: METRICS_ALLOWED does not contain $realip_remote_addr';\n"
    "map $status $denied_scraper {\n    default 0;\n    403 1;\n}\n"
)


def server(settings: Settings, ipv6: bool) -> str:
    """Render metrics.conf: the server, and the list that it asks; nothing without METRICS_PORT."""
    if settings.metrics_port is None:
        return ""
    allowed = dict.fromkeys(settings.metrics_allowed or ())
    listed = "".join(f"    {written(network)} 1;\n" for network in allowed)
    hosts = ["", "[::]:"] if ipv6 else [""]
    listen = "".join(f"    listen {host}{settings.metrics_port};\n" for host in hosts)
    return (
        f"geo $realip_remote_addr $scraper {{\n    default 0;\n{listed}}}\n{ZONE}{DENIED}"
        f"server {{\n{listen}    include metrics.conf;\n}}\n"
    )
