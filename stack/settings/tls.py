"""The settings of TLS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stack.settings.errors import quoted
from stack.settings.values import number

# Seconds; browsers keep what they are told for longer, but nobody knows what a year brings.
LONGEST_HSTS = 10 * 365 * 86400

# Each is given as a file, whose variable has another name.
INLINE = ("TLS_CERTIFICATE", "TLS_KEY", "TLS_CLIENT_CA")


def file(text: str) -> str:
    """Parse the path of a file, absolute or from the root of the tree."""
    if text and text.isprintable():
        return text
    shown = "the text itself" if "-----BEGIN" in text else quoted(text)
    raise ValueError(f"{shown}: is not the path of a file; write one, as in /etc/tls/tls.crt")


def redirect(text: str) -> str:
    """Parse whether the plain port redirects, and to which port: on, off or a port."""
    if text in ("on", "off"):
        return text
    try:
        return str(number(1, 65535)(text))
    except ValueError:
        raise ValueError(
            f"{quoted(text)}: is not known; write on, off, or the port at which clients reach "
            "TLS_PORT, as in 8443"
        ) from None


def hsts(text: str) -> str:
    """Parse how many seconds browsers shall know this host by TLS only; or off."""
    if text == "off":
        return text
    try:
        return str(number(0, LONGEST_HSTS)(text))
    except ValueError:
        raise ValueError(
            f"{quoted(text)}: is not known; write off, or a number of seconds, as in 86400 (0 has "
            "browsers forget it)"
        ) from None


def conflicts(found: Mapping[str, Any]) -> Iterator[str]:
    """Describe what cannot be together, with its remedy."""
    certificate, key = found["tls_certificate_file"], found["tls_key_file"]
    if bool(certificate) != bool(key):
        given, missing = ("TLS_CERTIFICATE_FILE", "TLS_KEY_FILE")[:: 1 if certificate else -1]
        yield f"{given}: {quoted(certificate or key)}: {missing} is not set; set both or neither"
    if found["tls_client_ca_file"] and not certificate:
        yield (
            f"TLS_CLIENT_CA_FILE: {quoted(found['tls_client_ca_file'])}: asks for client "
            "certificates, and without TLS_CERTIFICATE_FILE nobody can show one; set that too"
        )
    if found["tls_client_ca_file"] and found["tls_redirect"] == "off":
        yield (
            "TLS_REDIRECT: 'off': the plain port would serve clients without a certificate, and "
            "TLS_CLIENT_CA_FILE is set; unset one of them"
        )
    if certificate and found["tls_port"] == found["listen_port"]:
        yield (
            f"TLS_PORT: '{found['tls_port']}': is LISTEN_PORT too, and plain HTTP needs a port of "
            "its own; choose another"
        )
    if found["hsts"] != "off" and not certificate and not believes_in_tls(found):
        yield (
            f"HSTS: '{found['hsts']}': would never be sent, because nothing comes by TLS; set "
            "TLS_CERTIFICATE_FILE, or TRUSTED_PROXIES for a proxy that has the certificate"
        )


def believes_in_tls(found: Mapping[str, Any]) -> bool:
    """Say whether a proxy can be believed that a client came to it by TLS."""
    return bool(found["trusted_proxies"]) and "X-Forwarded-Proto" in found["trusted_headers"]
