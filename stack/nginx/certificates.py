"""The certificate that the settings name: read, tested, and put into one file for nginx."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.machine import changes
from stack.machine.clock import date
from stack.nginx import openssl
from stack.nginx.openssl import Decoded, Unusable
from stack.settings import sources
from stack.settings.errors import ConfigError, quoted

# Below run/: key and chain for nginx, the CA of its clients, and what others want to know of it.
PEM, CLIENT_CA, FACTS = "certificate.pem", "client_ca.pem", "certificate.json"

CHAIN, KEY, CA = "tls_certificate_file", "tls_key_file", "tls_client_ca_file"

BLOCK = "-----BEGIN {0}-----.+?-----END {0}-----"
BLOCKS = {
    CHAIN: ("certificate", re.compile(BLOCK.format("CERTIFICATE"), re.DOTALL)),
    KEY: ("key", re.compile(BLOCK.format("(?:[A-Z]+ )*PRIVATE KEY"), re.DOTALL)),
    CA: ("certificate", re.compile(BLOCK.format("CERTIFICATE"), re.DOTALL)),
}


@dataclass(frozen=True)
class Certificate:
    """A pair that nginx can serve, and what is to be known of it."""

    pem: str
    """Key and chain."""
    client_ca: str
    """The certificates of TLS_CLIENT_CA_FILE; empty without."""
    names: tuple[str, ...]
    chain: tuple[str, ...]
    """Who issued the certificate, and who issued that, as far as the file goes."""
    ends: float
    """When the first of the chain ends, in seconds since the epoch."""
    doubts: tuple[str, ...]
    """What is probably not meant."""
    files: tuple[str, ...]
    seen: str
    """How the files looked before they were read (stack/machine/changes.py)."""

    def generated(self) -> dict[str, str]:
        """Render the files below run/."""
        shared = ("names", "chain", "ends", "files", "seen")
        facts = json.dumps({name: getattr(self, name) for name in shared})
        pem = {PEM: self.pem, CLIENT_CA: self.client_ca}
        return {name: text for name, text in pem.items() if text} | {FACTS: f"{facts}\n"}


def read(settings: Mapping[str, Any], now: float) -> Certificate | None:
    """Read and test what the settings name, if they do; ConfigError if it cannot be served.

    The settings by attribute; now in seconds since the epoch.
    """
    paths = {name: settings[name] for name in BLOCKS if settings[name]}
    if not paths:
        return None
    seen = changes.look(paths.values())  # first: what changes from here on is looked at again
    found, mistakes = {}, []
    for name, path in paths.items():
        try:
            found[name] = blocks(name, sources.content(path))
        except ValueError as error:
            mistakes.append(f"{name.upper()}: {error}")
    if mistakes:
        raise ConfigError(*mistakes)
    chain, authorities = found[CHAIN], found.get(CA, [])
    pem = "".join([*found[KEY][:1], *chain])
    with blaming(CHAIN, paths):
        decoded = served(pem, chain, now)
    with blaming(CA, paths):
        for number, each in enumerate(authorities, 1):
            in_time(number, authority(number, each), now)
    return Certificate(
        pem, "".join(authorities), openssl.names(decoded[0]),
        tuple(openssl.named(each["issuer"]) for each in decoded),
        min(map(openssl.ends, decoded)), tuple(doubts(decoded, paths)),
        tuple(paths.values()), seen,
    )  # fmt: skip


def blocks(name: str, text: str) -> list[str]:
    """Find the PEM blocks that a file is to hold, and leave out what stands between them."""
    what, pattern = BLOCKS[name]
    found = [f"{block[0]}\n" for block in pattern.finditer(text)]
    if not found:
        raise ValueError(f"holds no {what} in PEM form (-----BEGIN ...); name a file that does")
    return found


@contextmanager
def blaming(name: str, paths: Mapping[str, str]) -> Iterator[None]:
    """Say of which file it is that something is wrong with it."""
    try:
        yield
    except Unusable as error:
        raise ConfigError(f"{name.upper()}: {quoted(paths[name])}: {error}") from None


def served(pem: str, chain: list[str], now: float) -> list[Decoded]:
    """Decode a chain as its clients will; Unusable if they could not accept it."""
    server = openssl.server(pem)
    decoded = [openssl.shown(server, chain[0])]
    for number, each in enumerate(chain[1:], 2):
        issuer = authority(number, each)
        if decoded[-1]["issuer"] != issuer["subject"]:
            raise Unusable(
                f"certificate {number} in it, {openssl.named(issuer['subject'])}, has not issued "
                f"the one before, {openssl.named(decoded[-1]['issuer'])} has; begin with the "
                "host's own, then each one's issuer, as in certbot's fullchain.pem"
            )
        decoded.append(issuer)
    first = decoded[0]
    if len(chain) > 1:
        openssl.shown(server, chain[-1])
    elif first["issuer"] != first["subject"] and "caIssuers" in first:
        raise Unusable(
            f"the certificate of its issuer, {openssl.named(first['issuer'])}, is missing, and "
            "clients may not know it; put it below, as in certbot's fullchain.pem"
        )
    for number, one in enumerate(decoded, 1):
        in_time(number, one, now)
    return decoded


def authority(number: int, pem: str) -> Decoded:
    """Decode an authority's certificate, by its number in the file."""
    try:
        return openssl.authority(pem)
    except Unusable as error:
        raise Unusable(f"certificate {number} in it: {error}") from None


def in_time(number: int, decoded: Decoded, now: float) -> None:
    """Raise Unusable if a certificate has ended, or has not begun."""
    begins, ends = openssl.begins(decoded), openssl.ends(decoded)
    which = f"certificate {number} in it" if number > 1 else "it"
    if ends <= now:
        raise Unusable(f"{which} has ended, on {date(ends)}; renew it")
    if begins > now:
        raise Unusable(f"{which} begins on {date(begins)} only; wait, or set this machine's clock")


def doubts(decoded: list[Decoded], paths: Mapping[str, str]) -> Iterator[str]:
    """Describe what can be served and is probably not meant."""
    first = decoded[0]
    if len(decoded) == 1 and first["issuer"] != first["subject"]:
        yield (
            f"TLS_CERTIFICATE_FILE: holds no certificate of {openssl.named(first['issuer'])}, who "
            "issued the first: right if all clients know that one, else add it below"
        )
    if Path(paths[KEY]).stat().st_mode & stat.S_IROTH:
        yield f"TLS_KEY_FILE: {quoted(paths[KEY])} can be read by every user; chmod o-r"
