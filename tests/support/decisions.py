"""Lists and clients made from a seed, what ipaddress says of them, and what nginx does.

Only ipaddress reads the lists here, so that a mistake in stack/settings/
cannot hide itself.
"""

from __future__ import annotations

import re
import socket
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
)
from itertools import islice
from random import Random

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

BITS = {4: 32, 6: 128}
MAPPED = int(IPv6Address("::ffff:0:0"))

# nginx cannot read this address, in a list or in a header: it has the value of its error mark.
UNREADABLE = IPv4Address("255.255.255.255")

EDGES = 4  # clients that are made for each entry in any case

PEER = "127.0.0.1"  # the proxy that is trusted: we are it
CONNECTIONS = 8
PIPELINED = 250  # requests on each connection; all answers to them fit in the kernel's buffers


@dataclass(frozen=True)
class Client:
    """A client as a proxy's header names it, and the entry that it was made to try."""

    header: str
    entry: str


@dataclass(frozen=True)
class Case:
    """A list, and clients to be tried on it."""

    seed: int
    shape: str
    entries: tuple[str, ...]
    clients: tuple[Client, ...]

    @property
    def allowed(self) -> str:
        """Write the list as ALLOWED."""
        return ";".join(self.entries)


def names_clients(network: Network) -> bool:
    """Leave out the hosts that ALLOWED refuses, because no client has their address."""
    first = unmapped(network[0])
    return first != UNREADABLE and not (network.num_addresses == 1 and first.is_unspecified)


def case(seed: int, count: int, shape: str | None = None) -> Case:
    """Make a list, of some shape if none is given, and at least this many clients from a seed."""
    random = Random(seed)  # noqa: S311 - to be repeated, not to be secret
    shape = shape or random.choice(list(SHAPES))
    networks = [each for each in SHAPES[shape](random) if names_clients(each)]
    random.shuffle(networks)
    entries = tuple(spelt_entry(random, network) for network in networks)
    count = max(count, EDGES * len(entries))
    return Case(seed, shape, entries, tuple(islice(clients(random, networks, entries), count)))


def some(random: Random, version: int, length: int) -> Network:
    """Make a network of this prefix length somewhere in IPv4 or IPv6."""
    return numbered(version, random.getrandbits(BITS[version]), length)


def numbered(version: int, number: int, length: int) -> Network:
    """Make the network of this prefix length that an address, given as a number, is in."""
    host = BITS[version] - length
    address = number >> host << host
    return IPv4Network((address, length)) if version == 4 else IPv6Network((address, length))


def ladder(random: Random, version: int, lengths: Sequence[int]) -> list[Network]:
    """Make disjoint networks around one address, so that each has its edges to itself.

    With every other length in it, what is allowed and what is denied alternate on the way to it.
    """
    centre = random.getrandbits(BITS[version])
    return [numbered(version, centre ^ 1 << BITS[version] - length, length) for length in lengths]


def odd_lengths(random: Random) -> list[Network]:
    """Use every odd prefix length."""
    return ladder(random, 4, range(1, 33, 2)) + ladder(random, 6, range(1, 129, 2))


def even_lengths(random: Random) -> list[Network]:
    """Use every even prefix length, that of a host among them, but for 0."""
    return ladder(random, 4, range(2, 33, 2)) + ladder(random, 6, range(2, 129, 2))


def overlaps(random: Random) -> list[Network]:
    """Use ranges with ranges and hosts inside and next to them, and each of some entries twice."""
    found: list[Network] = []
    for version, shortest in ((4, 6), (6, 12)):
        for _ in range(12):
            outer = some(random, version, random.randint(shortest, BITS[version] - 8))
            inside = [numbered(version, within(random, outer), length) for length in inner(outer)]
            beside = numbered(version, int(outer[-1]) + 1 & int(outer.netmask), outer.prefixlen)
            found += [outer, *inside, *random.sample([outer, beside, *inside], 2)]
    return found


def inner(outer: Network) -> tuple[int, ...]:
    """Name the prefix lengths of a half, of a small range and of a host inside a network."""
    return outer.prefixlen + 1, outer.max_prefixlen - 3, outer.max_prefixlen


def all_of_ipv4(random: Random) -> list[Network]:
    """Let in all of IPv4 and some of IPv6."""
    few = [some(random, 6, length) for length in (3, 48, 64, 128)]
    return [IPv4Network("0.0.0.0/0"), some(random, 4, 16), *few]


def all_of_ipv6(random: Random) -> list[Network]:
    """Let in all of IPv6 and some of IPv4: IPv4-mapped clients are not of IPv6."""
    few = [some(random, 4, length) for length in (2, 16, 24, 32)]
    return [IPv6Network("::/0"), some(random, 6, 64), *few]


def around_mapped(random: Random) -> list[Network]:
    """Use IPv6 ranges that hold, touch or miss the IPv4-mapped ones, and some IPv4."""
    wider = [numbered(6, MAPPED, length) for length in random.sample(range(64, 96), 3)]
    beside = [numbered(6, MAPPED ^ 1 << bit, 96) for bit in range(32, 64, 8)]
    return [*wider, *beside, *(some(random, 4, length) for length in range(3, 33))]


def thousands(random: Random) -> list[Network]:
    """Make a long list of hosts and ranges."""
    short = [some(random, 4, random.randint(12, 31)) for _ in range(1000)]
    hosts = [some(random, 4, 32) for _ in range(1000)]
    return [*short, *hosts, *(some(random, 6, random.randint(16, 128)) for _ in range(1000))]


SHAPES: dict[str, Callable[[Random], list[Network]]] = {
    "odd prefix lengths": odd_lengths,
    "even prefix lengths": even_lengths,
    "overlaps and duplicates": overlaps,
    "all of IPv4": all_of_ipv4,
    "all of IPv6": all_of_ipv6,
    "around the mapped addresses": around_mapped,
    "thousands of entries": thousands,
}


def within(random: Random, network: Network) -> int:
    """Choose an address in a network, as a number."""
    return int(network[0]) + random.randrange(network.num_addresses)


def clients(
    random: Random, networks: Sequence[Network], entries: Sequence[str]
) -> Iterator[Client]:
    """Make clients without end: first the edges of every entry, then any in it and anywhere."""
    tries: list[Callable[[Network], int]] = [
        lambda network: int(network[0]),
        lambda network: int(network[-1]),
        lambda network: int(network[0]) - 1,
        lambda network: int(network[-1]) + 1,
        lambda network: within(random, network),
    ]
    while True:
        for each in tries:
            for network, entry in zip(networks, entries, strict=True):
                number = each(network)
                if 0 <= number < 2**network.max_prefixlen:
                    address = numbered(network.version, number, network.max_prefixlen)[0]
                    if unmapped(address) != UNREADABLE:
                        yield Client(spelt(random, address), entry)
        tries = [
            lambda network: within(random, network),
            lambda network: within(random, network) ^ 1 << random.randrange(network.max_prefixlen),
            lambda network: random.getrandbits(network.max_prefixlen),
        ]


def spelt(random: Random, address: Address) -> str:
    """Write an address in one of the ways there are; IPv4 as IPv4-mapped IPv6, now and then."""
    if isinstance(address, IPv4Address):
        return random.choice([str(address)] * 4 + [f"::ffff:{address}", mapped(address).exploded])
    return random.choice([str(address), address.exploded, address.exploded.upper()])


def spelt_entry(random: Random, network: Network) -> str:
    """Write a network as an entry of ALLOWED; a host without its prefix length, now and then."""
    address = spelt(random, network[0])
    if network.prefixlen == network.max_prefixlen and random.random() < 0.5:
        return address
    longer = 96 if network.version == 4 and ":" in address else 0
    return f"{address}/{network.prefixlen + longer}"


def mapped(address: IPv4Address) -> IPv6Address:
    """Map an IPv4 address to IPv6."""
    return IPv6Address(MAPPED + int(address))


def unmapped(address: Address) -> Address:
    """Take an IPv4-mapped address for the IPv4 address that it stands for."""
    return getattr(address, "ipv4_mapped", None) or address


def network(entry: str) -> Network:
    """Read an entry of a list as ipaddress does, the IPv4-mapped ones as IPv4."""
    found = ip_network(entry)
    address = unmapped(found[0])
    if address.version == found.version or found.prefixlen < 96:
        return found
    return ip_network((int(address), found.prefixlen - 96))


class Judge:
    """Decides as ipaddress does whether a list contains a client."""

    def __init__(self, entries: Sequence[str]) -> None:
        """Read a list."""
        self.entries = entries
        self.networks = [network(entry) for entry in entries]
        ipv4 = collapse_addresses(each for each in self.networks if isinstance(each, IPv4Network))
        ipv6 = collapse_addresses(each for each in self.networks if isinstance(each, IPv6Network))
        # Disjoint and in order, so that one of them is to be asked instead of thousands.
        self.disjoint: dict[int, list[Network]] = {4: [*ipv4], 6: [*ipv6]}
        self.first = {
            version: [int(each[0]) for each in self.disjoint[version]] for version in (4, 6)
        }

    def plainly(self, client: Client) -> bool:
        """Say whether a client is allowed, by the definition."""
        address = unmapped(ip_address(client.header))
        return any(address in network for network in self.networks)

    def container(self, client: Client) -> str | None:
        """Name the first entry that contains a client."""
        address = unmapped(ip_address(client.header))
        both = zip(self.entries, self.networks, strict=True)
        return next((entry for entry, network in both if address in network), None)

    def allows(self, client: Client) -> bool:
        """Say the same, sooner."""
        address = unmapped(ip_address(client.header))
        place = bisect_right(self.first[address.version], int(address))
        return any(
            address in network for network in self.disjoint[address.version][place - 1 : place]
        )


def ask(port: int, clients: Sequence[Client]) -> list[bool]:
    """Have a running stack decide about clients, each named by the header of a trusted proxy."""
    parts = [clients[i : i + PIPELINED] for i in range(0, len(clients), PIPELINED)]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return [
            decision
            for part in pool.map(lambda part: pipeline(port, part), parts)
            for decision in part
        ]


def pipeline(port: int, clients: Sequence[Client]) -> list[bool]:
    """Send a request for each client over one connection, and say which were let in."""
    lines = [
        f"HEAD / HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: {each.header}\r\n" for each in clients
    ]
    with socket.create_connection((PEER, port), timeout=60, source_address=(PEER, 0)) as connection:
        connection.sendall(("\r\n".join(lines) + "Connection: close\r\n\r\n").encode())
        answer = connection.makefile("rb").read()
    statuses = re.findall(rb"^HTTP/1\.1 (\d+)", answer, re.MULTILINE)
    assert len(statuses) == len(clients), f"{len(statuses)} answers to {len(clients)} requests"
    assert set(statuses) <= {b"204", b"403"}, f"statuses {set(statuses)}"
    return [status == b"204" for status in statuses]


def mismatches(port: int, case: Case) -> Iterator[str]:
    """Describe every client of which nginx and ipaddress think differently."""
    judge = Judge(case.entries)
    for client, nginx in zip(case.clients, ask(port, case.clients), strict=True):
        if nginx != judge.allows(client):
            verdicts = ("denied", "allowed") if judge.allows(client) else ("allowed", "denied")
            yield (
                f"client {client.header}, made from entry {client.entry} of {len(case.entries)} "
                f"and contained in {judge.container(client) or 'none'}: {verdicts[0]} by nginx, "
                f"{verdicts[1]} by ipaddress; seed {case.seed}, shape {case.shape!r}"
            )
