"""The user's own nginx lines: what in the effective configuration escapes ALLOWED.

conf/access.conf answers a denied client before nginx looks for a location, so that nothing in one
is of use to them. What is left: a server without it, lines that stand before it, another client or
another variable in the place of ours, and named locations, where nginx goes on after an error of a
request that is none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import crossplane

Directive = dict[str, Any]

# These decide who is taken for the client, which only run/server.conf and run/tls.conf may.
IDENTITY = {"set_real_ip_from", "real_ip_header", "real_ip_recursive"}
OF_PORTS = ("/run/server.conf", "/run/tls.conf")

# What answers by itself in nginx's rewrite phase, or changes what is asked there.
REWRITES = {"return", "rewrite", "if", "set", "break"}

# nginx: rules of a location's own replace the server's; what answers in the rewrite phase does so
# before rules are looked at; `satisfy any` lets in whoever has a password.
RULES = {"allow", "deny"}
REDIRECTS = {"redirect", "permanent"}

# Where each directive that defines a variable has its name; parts of a regular expression can too.
DEFINES = {"map": 1, "geo": -1, "split_clients": 1, "set": 0, "auth_request_set": 0}
CAPTURE = re.compile(r"\(\?P?[<'](\w+)[>']")

OPEN = "is open to clients that ALLOWED does not contain; begin it with: include access.conf;"


def escapes(root: Path) -> list[str]:
    """Describe, with file and line, every directive by which ALLOWED does not hold.

    The root is one with all generated files in it.
    """
    parsed = crossplane.parse(str(root / "conf/nginx.conf"), combine=True, check_ctx=False)
    block = parsed["config"][0]["parsed"]
    found = [*identities(block), *redefinitions(root, block)]
    for each in everything(block):
        # Those of ours answer nobody that ALLOWED is for; an upstream's has no block.
        if each["directive"] == "server" and "block" in each and not ours(each):
            found += of_server(each)
    # With TLS there are two servers that include the same.
    return [each.removeprefix(f"{root}/") for each in dict.fromkeys(found)]


def everything(block: list[Directive]) -> Iterator[Directive]:
    """Go through a block's directives, and those of the blocks in it."""
    for directive in block:
        yield directive
        yield from everything(directive.get("block", []))


def place(directive: Directive) -> str:
    """Name the file, with no detours in its path."""
    return os.path.normpath(str(directive["file"]))


def described(directive: Directive) -> str:
    """Write a directive with its place."""
    words = [directive["directive"], *directive["args"]]
    return f"{place(directive)}:{directive['line']}: {' '.join(words)}"


def ours(server: Directive) -> bool:
    """Say whether a server is ours for the health checks, or for METRICS_PORT."""
    if place(server).endswith("/conf/nginx.conf"):
        return any(place(each).endswith("/run/health.conf") for each in server["block"])
    return place(server).endswith("/run/metrics.conf")


def identities(block: list[Directive]) -> Iterator[str]:
    """Find what changes who is taken for the client, anywhere."""
    for each in everything(block):
        if each["directive"] in IDENTITY and not place(each).endswith(OF_PORTS):
            yield f"{described(each)}: changes who is taken for the client"


def redefinitions(root: Path, block: list[Directive]) -> Iterator[str]:
    """Find variables of ours that are defined once more: nginx takes the last without a word."""
    ours: set[str] = set()
    for each in everything(block):
        own = place(each).startswith(f"{root}/run/") or Path(place(each)).parent == root / "conf"
        for name in defined(each):
            if name in ours and not own:
                yield f"{described(each)}: changes ${name}, on which our configuration relies"
            elif own:
                ours.add(name)


def defined(directive: Directive) -> Iterator[str]:
    """Name the variables that a directive defines."""
    words = directive["args"]
    if (index := DEFINES.get(directive["directive"])) is not None and len(words) > max(index, 0):
        yield words[index].removeprefix("$")
    for word in (directive["directive"], *words):
        yield from CAPTURE.findall(word)


def of_server(server: Directive) -> Iterator[str]:
    """Find what is served without the list, or before it is asked."""
    places = [place(each).endswith("/conf/access.conf") for each in server["block"]]
    if True not in places:
        yield f"{place(server)}:{server['line']}: server: {OPEN}"
        return
    for each in server["block"][: places.index(True)]:
        if each["directive"] in {*REWRITES, "error_page"}:
            yield f"{described(each)}: comes before ALLOWED is asked"
    for each in server["block"]:
        if each["directive"] == "location" and each["args"][0].startswith("@"):
            named = each["args"][0]
            for inner in everything([] if named == "@denied" else each["block"]):
                if answers(inner):
                    yield (
                        f"{described(inner)}: answers clients that ALLOWED does not contain, if an "
                        f"error_page for what is no request leads to {named}"
                    )


def answers(directive: Directive) -> bool:
    """Say whether a directive answers before the access rules are asked, or replaces them."""
    name, words = directive["directive"], directive["args"]
    if name == "rewrite":
        return words[1].startswith(("http://", "https://", "$scheme")) or words[-1] in REDIRECTS
    return name == "return" or name in RULES or (name, words) == ("satisfy", ["any"])
