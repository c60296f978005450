"""conf/supervisor.d/*.conf, read as supervisor does; each mistake with its file and line."""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stack.settings.errors import ConfigError

FOLDER = "conf/supervisor.d"

OURS = ("uwsgi", "nginx")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Section:
    """A program as it is written."""

    name: str
    file: str
    given: Mapping[str, str]
    lines: Mapping[str, int]
    """Of each option, and by "" of the section itself."""

    def at(self, option: str = "") -> str:
        """Name the file and the line of an option, or of the section if it has none."""
        return f"{self.file}:{self.lines.get(option, self.lines[''])}"


def sections(root: Path) -> list[Section]:
    """Read all files; ConfigError lists the mistakes in their form."""
    found: dict[str, Section] = {}
    mistakes: list[str] = []
    for path in sorted((root / FOLDER).glob("*.conf")):
        try:
            new = of_file(path, f"{FOLDER}/{path.name}")
        except ConfigError as error:
            mistakes += error.args
            continue
        for each in new:
            if (first := found.setdefault(each.name, each)) is not each:
                mistakes.append(
                    f"{each.at()}: [program:{each.name}] is in {first.file} too; give one of them "
                    "another name"
                )
    if mistakes:
        raise ConfigError(*mistakes)
    return list(found.values())


def of_file(path: Path, file: str) -> list[Section]:
    """Read one file, which messages call by the second name."""
    # As supervisor's own, but for `strict`, which finds what stands there twice.
    parser = configparser.RawConfigParser(
        inline_comment_prefixes=(";", "#"), default_section="", strict=True
    )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(f"{file}: cannot be read ({reason}); make it readable for all") from None
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ConfigError(f"{file}:{explained(error, text)}") from None
    lines = numbered(text)
    sections = [
        Section(name.partition(":")[2].strip(), file, dict(parser.items(name)), lines[name])
        for name in parser.sections()
    ]
    mistakes = [
        f"{file}:{lines[name]['']}: [{name}]: {wrong}"
        for name in parser.sections()
        if (wrong := misnamed(name))
    ]
    if mistakes:
        raise ConfigError(*mistakes)
    return sections


def misnamed(section: str) -> str | None:
    """Say what is wrong with a section's name; None if nothing is."""
    kind, _, name = section.partition(":")
    if kind != "program":
        return "is not taken; write [program:NAME], and nothing else"
    if not NAME.fullmatch(name.strip()):
        return "is no name; write letters and digits, and - _ . between them"
    if name.strip() in OURS:
        return "is a program of ours; choose another name"
    return None


def explained(error: configparser.Error, text: str) -> str:
    """Say, after the file's name, in which line a parser's error is, and what it is."""
    if isinstance(error, configparser.DuplicateSectionError):
        return f"{error.lineno}: [{error.section}] is there twice; put both into one"
    if isinstance(error, configparser.DuplicateOptionError):
        return f"{error.lineno}: {error.option} is there twice; leave one out"
    if isinstance(error, configparser.MissingSectionHeaderError):
        return f"{error.lineno}: stands before any section; begin with [program:NAME]"
    if isinstance(error, configparser.ParsingError):
        number, _ = error.errors[0]
        line = text.splitlines()[number - 1].strip()
        return f"{number}: {line}: is neither a section nor an option; write option = value"
    return f" {error}"


def numbered(text: str) -> dict[str, dict[str, int]]:
    """Map each section's options to their lines, and "" to its own."""
    found: dict[str, dict[str, int]] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[(.+)\]", line):
            lines = found.setdefault(header[1], {"": number})
        elif option := re.match(r"([^\s=:;#][^=:]*?)\s*[=:]", line):
            lines.setdefault(option[1].lower(), number)
    return found
