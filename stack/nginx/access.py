"""ALLOWED as nginx's access rules."""

from __future__ import annotations

from stack.settings.networks import Network, written

# Up to so many entries the list is rendered as allow lines.
LARGE = 1000


def permissions(allowed: tuple[Network, ...] | None) -> str:
    """Render permissions.conf: only what was parsed, in the order given, never the input's text."""
    if allowed is None:
        return "allow all;\n"
    return "".join(f"allow {written(network)};\n" for network in allowed) + "deny all;\n"


def rules(allowed: tuple[Network, ...] | None) -> dict[str, str]:
    """Render the two files that say who may connect: for the server, and for the http block.

    nginx goes through `allow` lines one by one, which costs a few percent of the throughput from
    some thousand on; `geo` looks them up in a tree, but is not as easy to read.
    """
    if allowed is None or len(allowed) <= LARGE:
        return {"permissions.conf": permissions(allowed), "allowed.conf": ""}
    networks = "".join(f"    {written(network)} 1;\n" for network in dict.fromkeys(allowed))
    return {
        "permissions.conf": "# The list is long: see allowed.conf.\n"
        "if ($listed != 1) {\n    return 403;\n}\n",
        "allowed.conf": f"geo $remote_addr $listed {{\n{networks}}}\n",
    }
