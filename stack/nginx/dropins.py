"""The user's own nginx lines: what in the effective configuration escapes ALLOWED."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import crossplane

# These change the address that ALLOWED is asked about; only run/server.conf may have them.
IDENTITY = {"set_real_ip_from", "real_ip_header", "real_ip_recursive"}

# Three more ways past ALLOWED: a location's own allow and deny replace the server's; return and
# redirects answer before access rules are asked; `satisfy any` lets in whoever has a password.
RULES = {"allow", "deny"}
REDIRECTS = {"redirect", "permanent"}


def escapes(root: Path) -> list[str]:
    """Describe, with file and line, every directive by which ALLOWED does not hold.

    The root is one with all generated files in it. Only servers that include permissions.conf
    count: the health checks' does not.
    """
    parsed = crossplane.parse(str(root / "conf/nginx.conf"), combine=True, check_ctx=False)
    found: list[str] = []
    for server in servers(parsed["config"][0]["parsed"]):
        if any(each["file"].endswith("run/permissions.conf") for each in server["block"]):
            found += walk(server["block"], "")
        elif Path(server["file"]).parent.name == "http.d":
            where = f"{server['file']}:{server['line']}: server"
            found.append(f"{where}: is open to clients that ALLOWED does not contain")
    return [each.removeprefix(f"{root}/") for each in found]


def servers(block: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Find all server blocks."""
    for directive in block:
        if directive["directive"] == "server":
            yield directive
        elif directive["directive"] == "http":
            yield from servers(directive["block"])


def walk(block: list[dict[str, Any]], location: str) -> Iterator[str]:
    """Describe the escapes in a block and in all blocks within it."""
    for directive in block:
        name, words = directive["directive"], directive["args"]
        here = " ".join([f"{directive['file']}:{directive['line']}: {name}", *words])
        if name in RULES and location:
            yield f"{here}: replaces ALLOWED{location}"
        elif name == "satisfy" and words == ["any"]:
            yield f"{here}: lets in clients that ALLOWED does not contain{location}"
        elif name in IDENTITY and not directive["file"].endswith("run/server.conf"):
            yield f"{here}: changes who is taken for the client{location}"
        elif answers(name, words):
            yield f"{here}: answers clients that ALLOWED does not contain{location}"
        within = f" in location {' '.join(words)}" if name == "location" else location
        yield from walk(directive.get("block", []), within)


def answers(name: str, words: list[str]) -> bool:
    """Say whether a directive answers by itself, before access rules are looked at."""
    away = name == "rewrite" and words[1].startswith(("http://", "https://", "$scheme"))
    return name == "return" or away or (name == "rewrite" and words[-1] in REDIRECTS)
