"""The certificate, as each command needs it.

What reads certificates is imported only where there are some: it takes as long as half of a start.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from stack.commands.words import say
from stack.machine.clock import date, ending
from stack.settings.errors import ConfigError
from stack.settings.table import Settings

if TYPE_CHECKING:
    from stack.nginx.certificates import Certificate

# What certificates.Certificate.generated() may write below run/; the last holds no secret.
FACTS = "certificate.json"
FILES = ("certificate.pem", "client_ca.pem", FACTS)


def certificate(settings: Settings) -> Certificate | None:
    """Read and test the certificate, if there is to be one; ConfigError if it cannot be served."""
    if not settings.tls_certificate_file:
        return None
    from stack.nginx import certificates

    return certificates.read(vars(settings), time.time())


def files(found: Certificate | None) -> Mapping[str, str]:
    """Render its files below run/."""
    return found.generated() if found else {}


def warn(found: Certificate | None, say: Callable[[str], None]) -> None:
    """Warn of what can be served now, and should be looked after."""
    if found:
        for each in (*found.doubts, ending(found.ends, time.time())):
            if each:
                say(f"warning: {each}")


def described(text: str) -> str:
    """Say in one line what run/certificate.json has of a certificate."""
    facts = json.loads(text)
    names, chain = ", ".join(facts["names"]), ", by ".join(facts["chain"])
    return f"{names}; issued by {chain}; ends on {date(facts['ends'])}"


def newest(root: Path, settings: Settings) -> Mapping[str, str]:
    """Render the files of a certificate for a reload: the old one's, if the new cannot be served.

    What else a reload is for, a list of clients say, does not wait for a renewal to be whole.
    """
    try:
        return files(certificate(settings))
    except ConfigError as error:
        for mistake in error.args:
            say(f"warning: {mistake}; the certificate from before stays")
        run = root / "run"
        return {name: (run / name).read_text() for name in FILES if (run / name).exists()}
