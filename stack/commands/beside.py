"""The stack that runs below a root, as a command beside it sees it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from stack.settings.errors import ConfigError

# In supervisord's environment: the variables UWSGI_... as the operator gave them, as JSON. uWSGI
# reads its options from there, so that what was found by the start stands among them.
GIVEN = "GIVEN_UWSGI"


def environment(root: Path, command: str) -> dict[str, str] | None:
    """Return the environment of the supervisord that runs below a root; None if none does.

    ConfigError if it is another user's: what a command does would be done with this one's rights.
    """
    try:
        file = root / "run/supervisord.pid"
        # Whoever wrote the file has a say in what it names, and so in what is read there.
        owner = file.lstat().st_uid
        if owner != os.geteuid():
            raise ConfigError(
                f"the stack in {root} runs as uid {owner}, and this is uid {os.geteuid()}; "
                f"{command} as that user, as with docker exec --user {owner} NAME {command}"
            )
        process = Path(f"/proc/{int(file.read_text())}")
        here = (process / "cwd").samefile(root)
        environ = (process / "environ").read_bytes()
    except (OSError, ValueError):
        return None
    if not here:
        return None
    pairs = (os.fsdecode(pair).partition("=") for pair in environ.split(b"\0") if pair)
    return {name: value for name, _, value in pairs}


def to_keep(environ: Mapping[str, str]) -> str:
    """Write the variables that the start is to keep, as `as_given` reads them."""
    return json.dumps({name: environ[name] for name in environ if name.startswith("UWSGI_")})


def as_given(environ: Mapping[str, str]) -> dict[str, str]:
    """Take out of a supervisord's environment what its start has put there for uWSGI."""
    if GIVEN not in environ:  # it has not become supervisord yet
        return dict(environ)
    kept = {name: environ[name] for name in environ if not name.startswith("UWSGI_")}
    given: dict[str, str] = json.loads(kept.pop(GIVEN))
    return {**kept, **given}
