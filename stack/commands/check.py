"""What a start would do, and whom ALLOWED lets in; nothing is started or changed.

Beside a running stack it is that stack's next start, and that stack's decision.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stack.application import prestart, syntax
from stack.commands import beside, tls
from stack.commands.prepare import prepare, require, with_programs
from stack.commands.words import OPEN, say, warn
from stack.machine import kernel
from stack.nginx import access, configuration
from stack.nginx import program as nginx
from stack.run import files
from stack.settings import networks, static
from stack.settings.errors import ConfigError
from stack.settings.shutdown import Budget
from stack.settings.table import Settings, names, table
from stack.settings.targets import Mount


def check(root: Path, environ: Mapping[str, str], as_json: bool = False) -> int:
    """Print what a start would do; start nothing and change nothing."""
    if as_json:
        return check_as_json(root, environ)
    settings, generated = would_be(root, environ, say)
    for attribute, about in table().items():
        name = about.name
        print(f"{name} = {shown(getattr(settings, attribute))}  ({settings.sources[name]})")
    if tls.FACTS in generated:
        print(f"certificate: {tls.described(generated[tls.FACTS])}")
    for name, text in generated.items():
        print(f"\n# run/{name}\n{text}", end="")
    return os.EX_OK


def check_as_json(root: Path, environ: Mapping[str, str]) -> int:
    """Print the same as an object, mistakes too; docs/operating.md promises its form."""
    said: list[str] = []
    found: dict[str, Any] = {"settings": {}, "files": {}, "mistakes": [], "status": os.EX_OK}
    try:
        settings, found["files"] = would_be(root, environ, said.append)
        for attribute, about in table().items():
            value = getattr(settings, attribute)
            found["settings"][about.name] = {
                "value": None if value is None else shown(value),
                "source": settings.sources[about.name],
            }
    except ConfigError as error:
        found |= {"mistakes": error.args, "status": os.EX_CONFIG}
    found["warnings"] = [each.removeprefix("warning: ") for each in said]
    print(json.dumps(found, indent=2))
    return int(found["status"])


def would_be(
    root: Path, environ: Mapping[str, str], say: Callable[[str], None]
) -> tuple[Settings, dict[str, str]]:
    """Find the settings and files of a start here and now; ConfigError if there would be none."""
    require(files.of_others(root))
    stack = beside.environment(root, "check")
    if stack is not None:
        given = beside.as_given(stack)
        if others := differing(environ, given):
            say(
                f"warning: {', '.join(others)}: set otherwise in the stack that runs here; what "
                "follows is about that one"
            )
        environ = given
    environ = with_programs(environ)
    settings = Settings.from_environ(environ)
    if stack is None:
        nginx.claim(settings)
    certificate = tls.certificate(settings)
    generated = prepare(root, settings, environ, tls.files(certificate), say).files
    warn(root, settings, environ, say)
    tls.warn(certificate, say)
    for what in syntax.elsewhere(root / settings.app_dir):
        say(f"warning: {what}")
    for what in static.missing(vars(settings)):
        say(f"warning: {what}; a start looks at it after {prestart.NAME}")
    if stack is not None:
        warn_of_others(root, generated, say)
    # The key is shown to nobody.
    return settings, {name: text for name, text in generated.items() if not name.endswith(".pem")}


def warn_of_others(root: Path, generated: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Warn of files of the nginx that runs here that say something else than the settings do."""
    for name in files.differing(root / "run", generated):
        say(
            f"warning: run/{name} is not what these settings give: they have changed since the "
            "last reload, or something else has written it; what nginx does may differ from what "
            "is said here until the next reload"
        )


def differing(environ: Mapping[str, str], given: Mapping[str, str]) -> list[str]:
    """Name the settings that are set here, and otherwise in the stack that runs."""
    return [name for name in names() if name in environ and environ[name] != given.get(name)]


def check_client(root: Path, environ: Mapping[str, str], client: str, as_json: bool = False) -> int:
    """Say whether a client is let in, and by which entry; 1 if not.

    A running stack decides by its files; what a reload would make of it is said too.
    """
    try:
        networks.entry_for(client, ())
    except ValueError:
        raise ConfigError(f"--client: {client!r}: is not an address; write one") from None
    stack = beside.environment(root, "check")
    allowed = Settings.from_environ(environ).allowed if stack is None else access.running(root)
    let_in, why = decision(client, allowed)
    found = {"client": client, "running": stack is not None, "allowed": let_in, "why": why}
    news: list[str] = []
    if stack is not None:
        found["after_reload"], news = after_reload(root, client, let_in, beside.as_given(stack))
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        print("\n".join([f"{client} is {'let in' if let_in else 'denied'}: {why}", *news]))
    return os.EX_OK if let_in else 1


def decision(client: str, allowed: tuple[networks.Network, ...] | None) -> tuple[bool, str]:
    """Say whether a list lets a client in, and why."""
    if allowed is None:
        return True, OPEN
    if entry := networks.entry_for(client, allowed):
        return True, f"ALLOWED has {networks.written(entry)}"
    return False, "ALLOWED does not contain it"


def after_reload(
    root: Path, client: str, now: bool, given: Mapping[str, str]
) -> tuple[bool | None, list[str]]:
    """Decide again by what a reload would read (None if it could not), with what to say of it."""
    try:
        settings = Settings.from_environ(given)
    except ConfigError as error:
        return None, [f"a reload would be refused: {mistake}" for mistake in error.args]
    version = nginx.version(with_programs(given))
    budget = Budget.given(given) or Budget.of(settings.shutdown_timeout)
    generated = configuration.files(settings, budget, version, kernel.room(root / "run"))
    warn_of_others(root, generated, say)
    then, why = decision(client, settings.allowed)
    if then == now:
        return then, []
    return then, [f"a reload would change that: {'let in' if then else 'denied'}: {why}"]


def shown(value: object) -> str:
    """Write a setting's value as it would be given."""
    if isinstance(value, tuple):
        text = [
            str(each) if isinstance(each, Mount | str) else networks.written(each) for each in value
        ]
        return ";".join(text)
    return "not set" if value is None else str(value)
