"""Text that anybody may have written."""

from __future__ import annotations

import re

# What a terminal could take for a command, and what is no ASCII.
ODD = re.compile(rb"[^\x20-\x7e]")


def safe(text: bytes, most: int) -> str:
    """Write it in printable ASCII, and cut it to so many characters."""
    cut = text[:most]
    escaped = ODD.sub(lambda odd: rb"\x%02x" % odd[0][0], cut) if ODD.search(cut) else cut
    if len(text) <= most and len(escaped) <= most:
        return escaped.decode()
    return f"{escaped[:most].decode()}..."
