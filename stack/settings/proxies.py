"""Parsers of TRUSTED_PROXIES and REAL_IP_HEADER: whose word on the client is believed."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from stack.errors import quoted
from stack.settings.networks import Network

# Where a proxy can name the client.
HEADERS = ("X-Forwarded-For", "X-Real-IP", "proxy_protocol")


def trusted(parse: Callable[[str], tuple[Network, ...]]) -> Callable[[str], tuple[Network, ...]]:
    """Make a parser of proxies from one of networks: it refuses lists that hold every address."""

    def parse_proxies(text: str) -> tuple[Network, ...]:
        networks = parse(text)
        four = collapse_addresses(each for each in networks if isinstance(each, IPv4Network))
        six = collapse_addresses(each for each in networks if isinstance(each, IPv6Network))
        collapsed: list[Network] = [*four, *six]
        for network in collapsed:
            if network.prefixlen == 0:
                raise ValueError(
                    f"{network} is everyone, and who is believed can be anyone; "
                    "list only the addresses of your own proxies"
                )
        return networks

    return parse_proxies


def header(text: str) -> str:
    """Parse the name of the header that proxies are believed on."""
    for name in HEADERS:
        if text.lower() == name.lower():
            return name
    if text.lower() == "forwarded":
        reason = "cannot be read by nginx, which knows no header with several fields"
    else:
        reason = "is not a header that is known here"
    raise ValueError(f"{quoted(text)}: {reason}; write {', '.join(HEADERS)}")
