"""What OpenSSL makes of certificates, by way of the standard library's `ssl`.

It tells what a certificate says only to the client of a handshake, so there is one, in memory.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

# X509_V_FLAG_NO_CHECK_TIME, for which ssl has no name: one that has ended is to be read as well.
NO_CHECK_TIME = 0x200000

Decoded = dict[str, Any]


class Unusable(Exception):
    """A certificate or key cannot be used, with the reason and a remedy."""


class Encrypted(Exception):
    """OpenSSL asks for a password."""


def server(pem: str) -> ssl.SSLContext:
    """Load a key and its chain, which must belong together; Unusable if they cannot be served."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        with path_of(pem) as path:
            context.load_cert_chain(path, password=refuse)
    except Encrypted:
        raise Unusable(
            "the key is encrypted, and nobody is there to type its password; decrypt it, as with "
            "openssl pkey -in KEY -out NEW"
        ) from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise Unusable(
                "the key is not this certificate's; give the two that were made together"
            ) from None
        raise Unusable(f"OpenSSL cannot load them ({error.reason or error})") from None
    return context


def refuse() -> str:
    """Give no password."""
    raise Encrypted


@contextmanager
def path_of(text: str) -> Iterator[str]:
    """Have a text in a file that nobody else can see: ssl reads a key from nothing else."""
    descriptor = os.memfd_create("pem")
    try:
        os.write(descriptor, text.encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def shown(server: ssl.SSLContext, anchor: str) -> Decoded:
    """Decode what a server shows to a client that trusts one certificate and looks at no clock."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(NO_CHECK_TIME)
    client.load_verify_locations(cadata=anchor)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    serving = server.wrap_bio(there, back, server_side=True)
    asking = client.wrap_bio(back, there)
    try:
        for side in (asking, serving, asking):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    except ssl.SSLCertVerificationError as error:
        raise Unusable(f"clients refuse it: {error.verify_message}") from None
    return dict(asking.getpeercert() or {})


def authority(pem: str) -> Decoded:
    """Decode one certificate of an authority; Unusable if it is none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=pem)
    except ssl.SSLError as error:
        raise Unusable(f"OpenSSL cannot read it ({error.reason or error})") from None
    found = context.get_ca_certs()
    if not found:
        raise Unusable("it is no authority's")
    return dict(found[0])


def named(name: Any) -> str:
    """Write a distinguished name for people: its common name, or all of it."""
    pairs = [pair for part in name for pair in part]
    common = [value for kind, value in pairs if kind == "commonName"]
    return common[-1] if common else ", ".join(value for _, value in pairs)


def names(decoded: Decoded) -> tuple[str, ...]:
    """List the hosts that a certificate is for."""
    alternatives = tuple(value for _, value in decoded.get("subjectAltName", ()))
    return alternatives or (named(decoded["subject"]),)


def begins(decoded: Decoded) -> float:
    """Return when a certificate begins, in seconds since the epoch."""
    return ssl.cert_time_to_seconds(decoded["notBefore"])


def ends(decoded: Decoded) -> float:
    """Return when a certificate ends, in seconds since the epoch."""
    return ssl.cert_time_to_seconds(decoded["notAfter"])
