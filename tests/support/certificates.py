"""Certificates for tests: an authority, and pairs of files that it has issued."""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme

# The image's user, who must be able to read a key.
USER = 101


def days(number: float) -> datetime:
    """Name the time so many days from now."""
    return datetime.now(UTC) + timedelta(days=number)


class Certificates:
    """A folder with a pair of files, and the authority of their certificate."""

    def __init__(self, folder: Path) -> None:
        """Make an authority, and the folder if there is none."""
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        self.folder = folder
        self.authority = trustme.CA()
        self.chain, self.key = folder / "tls.crt", folder / "tls.key"
        self.ca = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca))

    def settings(self, **more: str) -> dict[str, str]:
        """Name the pair."""
        return {"TLS_CERTIFICATE_FILE": str(self.chain), "TLS_KEY_FILE": str(self.key), **more}

    def issue(self, until: float = 90, since: float = -1, **options: Any) -> trustme.LeafCert:
        """Issue a certificate for these days."""
        return self.authority.issue_cert(
            "localhost", "127.0.0.1", "::1",
            not_before=days(since), not_after=days(until), **options,
        )  # fmt: skip

    def write(self, leaf: trustme.LeafCert | None = None) -> trustme.LeafCert:
        """Put a pair in the place of the one before, each file in one step."""
        leaf = leaf or self.issue()
        put(self.key, leaf.private_key_pem.bytes())
        put(self.chain, b"".join(each.bytes() for each in leaf.cert_chain_pems))
        return leaf

    def client(self, name: str, leaf: trustme.LeafCert) -> str:
        """Write a client's key and certificate into one file."""
        path = self.folder / name
        leaf.private_key_and_cert_chain_pem.write_to_path(str(path))
        return str(path)

    def served(self, port: int, host: str = "127.0.0.1") -> bytes:
        """Ask which certificate is served, as DER."""
        return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((host, port), timeout=60))


def put(path: Path, text: bytes) -> None:
    """Replace a file in one step; those with keys are for the image's user alone."""
    new = path.with_name(f".{path.name}")
    new.write_bytes(text)
    if os.geteuid() == 0:
        os.chown(new, USER, USER)
        new.chmod(0o600)
    else:
        new.chmod(0o644)
    new.replace(path)
