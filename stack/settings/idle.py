"""Settings that were given and have no effect without another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# Each with the attribute and the name of the one that it needs, and what that one is.
NEEDS = {
    "REAL_IP_HEADER": ("trusted_proxies", "TRUSTED_PROXIES", "the addresses of your proxies"),
    "RATE_BURST": ("rate_limit", "RATE_LIMIT", "a rate, as in 20/s"),
    "SPA_API_PREFIX": ("spa_fallback", "SPA_FALLBACK", "the page's file, as in index.html"),
    "STATIC_URL": ("static_path", "STATIC_PATH", "the folder of the files"),
}


def idle(found: Mapping[str, Any], sources: Mapping[str, str]) -> Iterator[str]:
    """Describe each, complete with its remedy; one that was not given is nobody's mistake."""
    for name, (attribute, other, what) in NEEDS.items():
        given = not sources[name].startswith(("default", "detected"))
        if given and not found[attribute]:
            yield f"{name} has no effect without {other}; set it to {what}, or unset {name}"
