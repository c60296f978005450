"""Whose word on the client is believed: TRUSTED_PROXIES and REAL_IP_HEADER."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Network, collapse_addresses

from stack.settings.networks import Network, written
from stack.settings.values import quoted

# The headers that can be believed, and the nginx variable that holds each.
HEADERS = {
    "X-Forwarded-For": "$http_x_forwarded_for",
    "X-Real-IP": "$http_x_real_ip",
    "proxy_protocol": "$proxy_protocol_addr",
}


def trusted(parse: Callable[[str], tuple[Network, ...]]) -> Callable[[str], tuple[Network, ...]]:
    """Make a parser of proxies from one of networks: all the same but for everyone."""

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


def real_ip(networks: tuple[Network, ...], name: str) -> str:
    """Render realip.conf, for the server: who is believed, on which header."""
    if not networks:
        return ""
    lines = [f"set_real_ip_from {written(network)};" for network in networks]
    lines += [f"real_ip_header {name};", "real_ip_recursive on;"]
    return "".join(f"{line}\n" for line in lines)


def maps(networks: tuple[Network, ...], name: str, gateway: IPv4Address | None) -> str:
    """Render proxies.conf, for the http block: who is trusted, and what is said of a denial."""
    peers = "".join(f"    {written(network)} 1;\n" for network in networks)
    hint = (
        "; this is the network's gateway, behind which a published port can hide every client: "
        "see docs/access.md"
    )
    hinted = f'    {gateway} "{hint}";\n' if gateway else ""
    return (
        f"geo $realip_remote_addr $trusted_peer {{\n    default 0;\n{peers}}}\n"
        f'map $trusted_peer $believed {{\n    default "";\n    1 {HEADERS[name]};\n}}\n'
        f'map $believed $client_source {{\n    default {name};\n    "" "the connection";\n}}\n'
        f'map $realip_remote_addr $gateway_hint {{\n    default "";\n{hinted}}}\n'
    )
