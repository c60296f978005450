"""ALLOWED as nginx's access rules, and as a variable."""

from __future__ import annotations

from pathlib import Path

from stack.settings.errors import ConfigError
from stack.settings.networks import Network, network, written


def permissions(allowed: tuple[Network, ...] | None) -> str:
    """Render permissions.conf: only what was parsed, in the order given, never the input's text."""
    if allowed is None:
        return "allow all;\n"
    return "".join(f"allow {written(network)};\n" for network in allowed) + "deny all;\n"


def rules(allowed: tuple[Network, ...] | None) -> dict[str, str]:
    """Render the two files that say who may connect: for the server, and for the http block.

    Both say the same. `geo` looks a client up in a tree, so that conf/access.conf can ask it first
    of all; `allow` lines are asked by nginx itself in its access phase, one by one.
    """
    everyone = "default 1;\n" if allowed is None else "default 0;\n"
    listed = "".join(f"    {written(network)} 1;\n" for network in dict.fromkeys(allowed or ()))
    return {
        "permissions.conf": permissions(allowed),
        "allowed.conf": f"geo $remote_addr $listed {{\n    {everyone}{listed}}}\n",
    }


def running(root: Path) -> tuple[Network, ...] | None:
    """Read the list that the stack below a root decides by now, as `permissions` has written it.

    ConfigError if something else has written there.
    """
    file = root / "run/permissions.conf"
    try:
        rules = [line.split() for line in file.read_text().splitlines() if line[:1] != "#"]
        named = [who.rstrip(";") for rule, who in rules if rule == "allow"]
        return None if named == ["all"] else tuple(network(each) for each in named)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{file}: is not what the stack has written there ({error}); reload writes it again"
        ) from None
