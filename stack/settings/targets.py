"""Which applications are meant: APP_MODULE, and APPS with a prefix for each."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any

from stack.settings.errors import quoted

MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
PREFIX = re.compile(r"(/|(/[A-Za-z0-9._~-]+)+)")

# A `;` between quotes belongs to an argument.
ENTRY = re.compile(r"""(?:[^;'"]|'[^']*'|"[^"]*"|['"])+""")

HOW = 'write module:callable, as in shop.web:app, or a call, as in shop:create_app("production")'


@dataclass(frozen=True)
class Target:
    """A callable in a module, or what a call of it with literal arguments returns."""

    text: str
    module: str
    attribute: str
    call: dict[str, Any] | None = None

    def __str__(self) -> str:
        """Write it as it was given."""
        return self.text


@dataclass(frozen=True)
class Mount:
    """An application and the prefix that it is served below."""

    prefix: str
    target: Target

    def __str__(self) -> str:
        """Write it as it was given."""
        return f"{self.prefix}={self.target}"


def target(text: str) -> Target:
    """Parse `module:attribute` or `module:factory(literals)`, as WSGI servers and Flask have it."""
    module, _, expression = text.partition(":")
    if not MODULE.fullmatch(module) or not expression.isprintable():
        raise ValueError(f"{quoted(text)}: does not name an application; {HOW}")
    if module.endswith(".py"):
        raise ValueError(
            f"{quoted(text)}: names a file, and a module is wanted; leave out the .py: "
            f"{module.removesuffix('.py')}:{expression or 'app'}"
        )
    try:
        node = ast.parse(expression, mode="eval").body
        call = None
        if isinstance(node, ast.Call):
            call = {
                "args": [literal(each) for each in node.args],
                "kwargs": {each.arg: literal(each.value) for each in node.keywords if named(each)},
            }
            node = node.func
        return Target(text, module, dotted(node), call)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = "does not name a callable" if isinstance(error, SyntaxError) else error
        raise ValueError(f"{quoted(text)}: {reason}; {HOW}") from None


def named(keyword: ast.keyword) -> bool:
    """Refuse `**`, which has no name."""
    if keyword.arg is None:
        raise ValueError("** is not a literal argument")
    return True


def dotted(node: ast.expr) -> str:
    """Write a name, or a name's attribute, as text."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Name):
        return node.id
    raise ValueError("does not name a callable")


def literal(node: ast.expr) -> Any:
    """Evaluate an argument that is written out, of a kind that JSON has too."""
    try:
        return plain(ast.literal_eval(node))
    except ValueError:
        raise ValueError(
            "has an argument that is not text, a number, True, False, None, a list or a dict"
        ) from None


def plain(value: Any) -> Any:
    """Return a value that JSON gives back as it was; ValueError for any other."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list():
            return [plain(each) for each in value]
        case dict() if all(isinstance(key, str) for key in value):
            return {key: plain(each) for key, each in value.items()}
    raise ValueError


def mounts(text: str) -> tuple[Mount, ...]:
    """Parse `/=module:callable;/admin=...`; the mistakes of all entries are reported at once."""
    found: dict[str, Mount] = {}
    mistakes: list[str] = []
    entries = [entry for each in ENTRY.findall(text) if (entry := each.strip())]
    for number, entry in enumerate(entries, 1):
        try:
            mount = parsed(entry)
            if mount.prefix in found:
                raise ValueError(f"{mount.prefix!r}: has an application already; name each once")
            found[mount.prefix] = mount
        except ValueError as error:
            mistakes.append(f"entry {number}, {error}")
    if not entries:
        mistakes.append(f"{quoted(text)}: names no application; unset it, or {EXAMPLE}")
    if mistakes:
        raise ValueError(*mistakes)
    return tuple(found.values())


EXAMPLE = "write prefix=module:callable, as in /=shop.web:app;/admin=backoffice:create_app()"


def parsed(entry: str) -> Mount:
    """Parse one entry of APPS."""
    prefix, equals, text = (part.strip() for part in entry.partition("="))
    if not equals or not PREFIX.fullmatch(prefix):
        raise ValueError(f"{quoted(entry)}: does not begin with a path; {EXAMPLE}")
    return Mount(prefix, target(text))
