"""Variables that look like settings and are none.

Most are warned of. One that was probably meant for a setting that says who gets in is refused: left
alone, it would let in everyone.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping

from stack.settings import networks, tls
from stack.settings.errors import quoted

# The settings that say who gets in.
CLOSING = ("ALLOWED", "TRUSTED_PROXIES", "REAL_IP_HEADER", "TLS_CLIENT_CA_FILE")

# How alike two names must be, as difflib counts, from 0 to 1. ALLOW and ALLOWED are 0.83.
ALIKE, ALIKE_CLOSING = 0.85, 0.82

# Names that are often meant for ALLOWED, if there are addresses in the value.
OF_ADDRESSES = re.compile(r"(IPS?_)?ALLOW", re.IGNORECASE)
# Django's list of host names, and among them may be addresses.
OWN = {"ALLOWED_HOSTS"}


def suspects(environ: Mapping[str, str], settings: Iterable[str]) -> dict[str, str]:
    """Map variables that look like a setting, but are none, to the one they look like."""
    known = tuple(settings)
    found = {}
    for name in sorted(set(environ) - set(known)):
        longer = [ours for ours in known if name.startswith(f"{ours}_")]
        close = difflib.get_close_matches(name.upper(), known, n=1, cutoff=ALIKE)
        if longer or close:
            found[name] = (longer + close)[0]
    return found


def refused(environ: Mapping[str, str], settings: Iterable[str]) -> Iterator[str]:
    """Describe each variable in whose place a setting of CLOSING was probably meant."""
    missing = [name for name in CLOSING if name not in environ and f"{name}_FILE" not in environ]
    for name in sorted(set(environ) & set(tls.INLINE)):
        yield (
            f"{name}: is not a setting: certificates and keys are given as files, never in the "
            f"environment; write {name}_FILE with a path, or, if the application has such a "
            f"variable, UNCHECKED={name}"
        )
    for name in sorted(set(environ) - set(settings) - OWN - set(tls.INLINE)):
        meant = nearest(name, missing)
        if not meant and "ALLOWED" in missing and OF_ADDRESSES.match(name):
            meant = "ALLOWED" if any(map(is_address, re.split(r"[;,\s]+", environ[name]))) else None
        if meant:
            yield (
                f"{name}: {quoted(environ[name])}: is not a setting, and {meant} is not set; write "
                f"{meant}, or, if the application has such a variable, UNCHECKED={name}"
            )


def nearest(name: str, settings: list[str]) -> str | None:
    """Find the setting that a name nearly is, or whose NAME_FILE it nearly is."""
    known = {form: each for each in settings for form in (each, f"{each}_FILE")}
    close = difflib.get_close_matches(name.upper(), known, n=1, cutoff=ALIKE_CLOSING)
    return known[close[0]] if close else None


def is_address(text: str) -> bool:
    """Say whether a text is an address or a range."""
    try:
        networks.network(text)
    except ValueError:
        return False
    return True
