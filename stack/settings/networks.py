"""Lists of addresses and ranges, as ALLOWED and TRUSTED_PROXIES hold them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from stack.settings.errors import quoted

Network = IPv4Network | IPv6Network

# Characters. The longest valid entry, an IPv4-mapped IPv6 range, has 49.
LONGEST = 64

# nginx refuses it: the C function that reads addresses returns the same bits for an error.
LIMITED_BROADCAST = IPv4Network("255.255.255.255")

# What cannot be an address, most telling reason first. Python's ipaddress accepts some of these
# (netmasks, any text at all behind a %), nginx accepts others (all, unix:, leading zeros).
REFUSED = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (r"[\x00-\x1f\x7f-\x9f]", "holds a control character; separate the entries with ;"),
        (r"[^\x20-\x7e]", "holds a character that is not ASCII; write digits as 0 to 9"),
        (r",", "holds a comma; separate the entries with ;"),
        (r"^all$", "is not an address; to let everyone in write 0.0.0.0/0;::/0"),
        (r"^unix:", "is not an address; only clients that come over IP can be listed"),
        (r"%", "has a zone id, which no client address has; leave out the % and what follows it"),
        (r"^\[|\]", "has brackets; write the bare address"),
        (r"://", "is a URL; write the bare address"),
        (r"[ \t]", "holds a blank; separate the entries with ;"),
        (r"^[0-9.]*[-*]", "is a range in another form; write a prefix length, as in 10.0.0.0/24"),
        (r"/.*[.:]", "has a netmask; write a prefix length, as in 10.0.0.0/8"),
        (r"^[0-9.]+:[0-9]+$", "has a port; write the bare address"),
        (
            r"[^0-9A-Fa-f:./]",
            "is not an address; names are not looked up, write IPv4 or IPv6 addresses or ranges",
        ),
        (r"/0[0-9]", "has leading zeros; write the prefix length without them"),
    )
)


class Empty(ValueError):
    """There is a list, and nothing in it."""


def networks(text: str) -> tuple[Network, ...]:
    """Parse a list separated by `;`; ValueError holds one argument for each mistake."""
    entries = filter(None, (entry.strip(" \t") for entry in text.split(";")))
    found = collect((f"entry {number}", entry) for number, entry in enumerate(entries, start=1))
    if not found:
        raise Empty(
            f"{quoted(text)}: has no entry, so nobody could connect; "
            "to let everyone in unset it or write 0.0.0.0/0;::/0"
        )
    return found


def lines(text: str) -> tuple[Network, ...]:
    """Parse a file: entries separated by `;` or line ends, `#` starts a comment."""
    found = collect(
        (f"line {number}", entry.strip(" \t"))
        for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1)
        for entry in line.partition("#")[0].split(";")
        if entry.strip(" \t")
    )
    if not found:
        raise Empty("has no entry; to let everyone in write 0.0.0.0/0;::/0")
    return found


def collect(entries: Iterable[tuple[str, str]]) -> tuple[Network, ...]:
    """Parse entries, each with the place where it stands; ValueError holds every mistake."""
    found, mistakes = [], []
    for place, entry in entries:
        try:
            found.append(network(entry))
        except ValueError as error:
            mistakes.append(f"{place}, {quoted(entry)}: {error}")
    if mistakes:
        raise ValueError(*mistakes)
    return tuple(found)


def network(text: str) -> Network:
    """Parse one host or range; ValueError says what is wrong and what to write instead."""
    if len(text) > LONGEST:
        raise ValueError("is longer than any address; separate the entries with ;")
    for pattern, reason in REFUSED:
        if pattern.search(text):
            raise ValueError(reason)
    family = IPv6Network if ":" in text else IPv4Network
    try:
        parsed = family(text, strict=False)
    except ValueError as error:
        raise ValueError(
            f"is not an address or range ({error}); write one as in 172.18.0.7 or 2001:db8::/32"
        ) from None
    address, _, _ = text.partition("/")
    host = family(address)
    if parsed.network_address != host.network_address:
        raise ValueError(
            f"has host bits set; write {written(parsed)} for the range "
            f"or {written(host)} for the host"
        )
    if unmapped(parsed).is_unspecified:  # it stands for all of a listener's addresses only
        raise ValueError("is no client's address; to let everyone in write 0.0.0.0/0;::/0")
    if unmapped(parsed) == LIMITED_BROADCAST:
        raise ValueError("is refused by nginx, and no client has this address; leave it out")
    return unmapped(parsed)


def unmapped(network: Network) -> Network:
    """Turn an IPv4-mapped IPv6 range into IPv4: nginx compares such clients with IPv4 rules only.

    Source: ngx_http_access_module.c, ngx_http_access_handler.
    """
    mapped = IPv6Network("::ffff:0:0/96")
    if isinstance(network, IPv4Network) or not network.subnet_of(mapped):
        return network
    address = IPv4Address(int(network.network_address) & 0xFFFFFFFF)
    return IPv4Network((address, network.prefixlen - mapped.prefixlen))


def written(network: Network) -> str:
    """Write a network as nginx and people do: a host without its prefix length."""
    network = unmapped(network)
    return str(network.network_address if network.num_addresses == 1 else network)


def entry_for(client: str, allowed: tuple[Network, ...]) -> Network | None:
    """Find the first entry that lets a client in; ValueError if this is no address."""
    address: IPv4Address | IPv6Address = ip_address(client)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return next((network for network in allowed if address in network), None)


def overlap(one: tuple[Network, ...], other: tuple[Network, ...]) -> list[Network]:
    """Find the networks of the second list that have addresses in common with the first."""
    return [
        each
        for each in other
        if any(each.version == network.version and each.overlaps(network) for network in one)
    ]
