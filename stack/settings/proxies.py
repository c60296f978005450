"""Parsers of TRUSTED_PROXIES and REAL_IP_HEADER: whose word on the client is believed."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from stack.settings.errors import quoted
from stack.settings.networks import Empty, Network
from stack.settings.sizes import Detected

# Where a proxy can name the client.
HEADERS = ("X-Forwarded-For", "X-Real-IP", "proxy_protocol")

# What else a proxy may say of a request, if it is known to overwrite what the client says there.
BELIEVABLE = (
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "X-Request-Id",
)


def trusted(parse: Callable[[str], tuple[Network, ...]]) -> Callable[[str], tuple[Network, ...]]:
    """Make a parser of proxies from one of networks: it refuses lists that hold every address."""

    def parse_proxies(text: str) -> tuple[Network, ...]:
        try:
            networks = parse(text)
        except Empty:
            raise ValueError(
                f"{quoted(text)}: has no entry; write the addresses of your proxies, or unset it"
            ) from None
        four = collapse_addresses(each for each in networks if isinstance(each, IPv4Network))
        six = collapse_addresses(each for each in networks if isinstance(each, IPv6Network))
        collapsed: list[Network] = [*four, *six]
        for network in collapsed:
            if network.prefixlen == 0:
                raise ValueError(
                    f"'{network}': is everyone, and who is believed can be anyone; "
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


def headers(text: str) -> tuple[str, ...]:
    """Parse names of headers, separated by commas or `;`; none is a valid answer."""
    known = {name.lower(): name for name in BELIEVABLE}
    found = [each for part in text.replace(";", ",").split(",") if (each := part.strip())]
    for each in found:
        if each.lower() not in known:
            raise ValueError(
                f"{quoted(each)}: is not a header that can be believed; write names with commas "
                f"between, of {', '.join(BELIEVABLE)}"
            )
    return tuple(dict.fromkeys(known[each.lower()] for each in found))


def usual(trusted: object, name: str) -> Detected:
    """Say what is believed besides the address, if the operator does not: docs/access.md has why.

    A proxy that adds to X-Forwarded-For speaks HTTP, and nearly always says the scheme too. One
    that speaks the PROXY protocol may pass everything else on as the client sent it.
    """
    if trusted and name == "X-Forwarded-For":
        return Detected(("X-Forwarded-Proto",), "what proxies that set X-Forwarded-For set too")
    return Detected((), "nobody says that a proxy overwrites them" if trusted else "no proxies")
