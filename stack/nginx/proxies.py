"""Whose word on the client nginx believes, and on what: TRUSTED_PROXIES, TRUSTED_HEADERS."""

from __future__ import annotations

from ipaddress import IPv4Address

from stack.settings.networks import Network, written
from stack.settings.proxies import BELIEVABLE

# The nginx variable that holds what a proxy says of the client.
VARIABLES = {
    "X-Forwarded-For": "$http_x_forwarded_for",
    "X-Real-IP": "$http_x_real_ip",
    "proxy_protocol": "$proxy_protocol_addr",
}


def real_ip(networks: tuple[Network, ...], name: str) -> str:
    """Render, for the server block, who is believed on which header."""
    if not networks:
        return ""
    lines = [f"set_real_ip_from {written(network)};" for network in networks]
    lines += [f"real_ip_header {name};", "real_ip_recursive on;"]
    return "".join(f"{line}\n" for line in lines)


def variables(
    networks: tuple[Network, ...], name: str, trusted: tuple[str, ...], gateway: IPv4Address | None
) -> str:
    """Render, for the http block, who is believed on what, and what is logged of a denied client.

    By `geo` what is the same for every request, or follows from an address: it is cheaper than a
    `map` (stack/nginx/configuration.py).
    """
    peers = "".join(f"    {written(network)} 1;\n" for network in networks)
    hint = (
        "; this is the network's gateway, behind which a published port can hide every client, "
        "so do not allow it: publish on an IPv4 address, give the network IPv6, or put a trusted "
        "proxy in front"
    )
    hinted = f'    {gateway} "{hint}";\n' if gateway else ""
    return (
        f"geo $realip_remote_addr $trusted_peer {{\n    default 0;\n{peers}}}\n"
        f'geo $realip_remote_addr $gateway_hint {{\n    default "";\n{hinted}}}\n'
        f"{source(networks, name)}{headers(trusted if networks else ())}"
    )


def source(networks: tuple[Network, ...], name: str) -> str:
    """Render the variable that says from where a denied client's address is known."""
    if not networks:
        return 'geo $client_source {\n    default "the connection";\n}\n'
    return (
        f'map $trusted_peer $believed {{\n    default "";\n    1 {VARIABLES[name]};\n}}\n'
        f'map $believed $client_source {{\n    default {name};\n    "" "the connection";\n}}\n'
    )


def headers(trusted: tuple[str, ...]) -> str:
    """Render a variable for each header, with what a trusted peer says there if it is believed."""
    text = ""
    for name in BELIEVABLE:
        variable = name.lower().replace("-", "_")
        if name in trusted:
            line = f"    1 $http_{variable};\n"
            text += f'map $trusted_peer $trusted_{variable} {{\n    default "";\n{line}}}\n'
        else:
            text += f'geo $trusted_{variable} {{\n    default "";\n}}\n'
    return text
