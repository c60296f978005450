"""What an import can find in a folder; asked before the start as well as in the workers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def module(path: Path) -> str | None:
    """Name the module that a file is, or the package that a folder is; None if it is neither."""
    name = path.name.removesuffix(".py")
    is_module = path.suffix == ".py" or (path / "__init__.py").exists()
    return name if is_module and name.isidentifier() else None


def namespace(path: Path) -> str | None:
    """Name the package that a folder without __init__.py is, if there are modules in it."""
    if not path.is_dir() or not path.name.isidentifier() or path.name == "__pycache__":
        return None
    return path.name if any(path.glob("*.py")) or any(path.glob("*/*.py")) else None


def modules(folder: Path) -> list[str]:
    """Name the modules and packages in a folder, sorted; none in one that cannot be read."""
    return named(folder, module)


def importable(folder: Path) -> list[str]:
    """Name whatever an import finds in a folder: namespace packages too."""
    return named(folder, lambda path: module(path) or namespace(path))


def named(folder: Path, name: Callable[[Path], str | None]) -> list[str]:
    """Collect the names that a function gives to what is in a folder."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        return []
    return [found for path in paths if (found := name(path))]
