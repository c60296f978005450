"""What a setting is, before anybody gives it a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stack.settings.sizes import Detected

# A default that follows from the machine, or from the settings before it, by attribute.
Default = Callable[[Mapping[str, Any]], Detected]


@dataclass(frozen=True)
class Setting:
    """All there is to know about a setting, in one place."""

    name: str
    """The variable; NAME_FILE can name a file with the value instead."""
    default: str | Default | None
    """As it would be given; None for none."""
    parse: Callable[[str], Any]
    """Gives the value, or ValueError with an argument for each mistake."""
    help: str
    """What README.md says of it."""
    shown: str | None = None
    """The default as README.md has it, where it is not the text itself."""
    parse_file: Callable[[str], Any] | None = None
    """For lists, which files may hold in another form."""
    is_a_file: bool = False
    """The value is the name of a file already, and no NAME_FILE can give it."""

    def variables(self) -> tuple[str, ...]:
        """Name the variables that can give its value."""
        return (self.name,) if self.is_a_file else (self.name, f"{self.name}_FILE")


def setting(*args: Any, **kwargs: Any) -> Any:
    """Declare a setting as a dataclass's field."""
    return field(metadata={"setting": Setting(*args, **kwargs)})


class Unknown(Exception):
    """A default follows from a setting that has no value, because it is wrong."""


class Found(dict[str, Any]):
    """The values so far, by attribute."""

    def __missing__(self, attribute: str) -> Any:
        """Tell a value that is missing from any other mistake."""
        raise Unknown(attribute)
