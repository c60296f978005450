"""How much of the service one client may take: RATE_LIMIT, RATE_BURST and CONNECTION_LIMIT."""

from __future__ import annotations

import math

from stack.settings.table import Settings

# Who one client is: the address that ALLOWED sees, of IPv6 the network that a connection is given,
# which has as many addresses as it likes. IPv4 that is written as IPv6 is IPv4.
CLIENT = r"""map $binary_remote_addr $one_client {
    default $binary_remote_addr;
    "~(?s)^\x00{10}\xff\xff(?<ipv4_client>.{4})\z" $ipv4_client;
    "~(?s)^(?<ipv6_client>.{8}).{8}\z" $ipv6_client;
}
"""

# For twice a hundred thousand clients, at 64 bytes each; when it is full nginx forgets the one that
# was away longest. Memory is taken as it is used.
ZONE = "16m"


def zones(settings: Settings) -> str:
    """Render, for the http block, what is counted of whom."""
    rate, lines = settings.rate_limit, []
    if rate:
        lines += [
            f"limit_req_zone $one_client zone=requests:{ZONE} rate={rate.count}r/{rate.unit};",
            "limit_req_status 429;",
        ]
    if settings.connection_limit:
        lines += [
            f"limit_conn_zone $one_client zone=connections:{ZONE};",
            "limit_conn_status 429;",
        ]
    return "".join([CLIENT if lines else "", *(f"{line}\n" for line in lines)])


def of_requests(settings: Settings) -> str:
    """Render, for each location that hands requests to the application, how many it takes.

    Whoever ALLOWED does not contain has had a 403 by then (conf/access.conf).
    """
    if not settings.rate_limit:
        return TOO_MANY if settings.connection_limit else ""
    # nginx lets through one more at once than it is told.
    burst = f" burst={settings.rate_burst - 1} nodelay" if settings.rate_burst > 1 else ""
    return f"limit_req zone=requests{burst};\n{TOO_MANY}"


def of_connections(settings: Settings) -> str:
    """Render, for each server, how many requests of one client are served at once."""
    most = settings.connection_limit
    return f"limit_conn connections {most};\n{TOO_MANY}" if most else ""


# Said for the server and once more for each location with an error_page of its own.
TOO_MANY = "error_page 429 @too_many;\n"


def retry_after(settings: Settings) -> int:
    """Say in how many seconds there is room for another request of whoever made too many."""
    return math.ceil(settings.rate_limit.interval()) if settings.rate_limit else 1
