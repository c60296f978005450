"""Files of the application that are not valid Python, found without importing anything.

A file that the workers are certain to import ends the start. Any other may be meant for another
Python, be a template or belong to nobody: it is in nobody's way, and `check` names it.
"""

from __future__ import annotations

import ast
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from stack.machine import regular, venvs
from stack.settings.errors import ConfigError, quoted
from stack.worker.modules import importable
from stack.worker.plan import Plan

# Bytes of source that a start looks at, for which it takes a quarter of a second, and `check`.
MOST_AT_START, MOST_IN_CHECK = 1_000_000, 20_000_000
# Files that are named; more are counted.
MOST_NAMED = 5

# A file that has these words may change what an import finds: what follows is not certain.
HOOKS = (b"sys.modules", b"meta_path", b"path_hooks")


def examine(plan: Plan) -> None:
    """Raise ConfigError for each file that the workers will import and cannot."""
    roots = [each.module for each in plan.named] or plan.candidates[:1]
    if mistakes := list(certain(Path(plan.folder), roots)):
        raise ConfigError(*mistakes)


def certain(folder: Path, modules: Iterable[str]) -> Iterator[str]:
    """Follow the imports that nothing can keep from being made, and describe what is no Python."""
    waiting, left = [part for each in modules for part in line(each)], MOST_AT_START
    seen: set[str] = set()
    taken = sys.stdlib_module_names | {
        name for place in venvs.packages() for name in importable(Path(place))
    }
    while waiting and left > 0:
        module = waiting.pop(0)
        if module in seen or module.partition(".")[0] in taken:
            continue
        seen.add(module)
        file = file_of(folder, module)
        if file is None:
            continue
        source = content(file)
        left -= len(source)
        mistake, tree = parsed(file, source)
        if mistake:
            yield mistake
        if any(word in source for word in HOOKS):
            return
        if tree:
            named = imports(folder, module, file.name == "__init__.py", tree)
            waiting += [part for each in named for part in line(each)]


def line(module: str) -> list[str]:
    """List what is imported for a module: all that it is in, and itself."""
    parts = module.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def imports(folder: Path, module: str, is_package: bool, tree: ast.Module) -> Iterator[str]:
    """Name what a module imports in any case: not within try, if or a function."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = module.split(".") if is_package else module.split(".")[:-1]
            if node.level > len(parents):
                continue  # beyond the top: the import itself says so
            base = parents[: len(parents) - node.level + 1] if node.level else []
            base += [node.module] if node.module else []
            package = ".".join(base)
            yield package
            # `from package import name` imports a module only where the package has no such name.
            if binds_nothing(folder, package):
                yield from (f"{package}.{each.name}" for each in node.names)


def binds_nothing(folder: Path, package: str) -> bool:
    """Say whether a package's own file is empty, or there is none."""
    file = file_of(folder, package)
    return file is None or (file.name == "__init__.py" and not content(file).strip())


def file_of(folder: Path, module: str) -> Path | None:
    """Find a module's file in the application's folder."""
    path = folder.joinpath(*module.split("."))
    for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
        if file.is_file():
            return file
    return None


def content(file: Path) -> bytes:
    """Read a file; one that cannot be read is somebody else's to report."""
    try:
        return regular.content(file, regular.SOURCE)
    except OSError:
        return b""


def parsed(file: Path, source: bytes) -> tuple[str, ast.Module | None]:
    """Describe what keeps a source from being Python, or parse it."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(source, str(file))
            compile(tree, str(file), "exec", dont_inherit=True)
    except SyntaxError as error:
        number, text = error.lineno or 1, (error.text or "").strip()
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return (
            f"{file}, line {number}: {quoted(text)}: is not valid Python {version} "
            f"({error.msg}); correct it"
        ), None
    except (ValueError, RecursionError, MemoryError) as error:
        return f"{file}: is not valid Python ({error}); correct it", None
    return "", tree


def elsewhere(folder: Path) -> Iterator[str]:
    """Describe files of the whole folder that are no Python, but for packages installed there."""
    found, left = [], MOST_IN_CHECK
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if is_own(Path(place, each)))
        for name in sorted(each for each in names if each.endswith(".py")):
            source = content(Path(place, name))
            left -= len(source)
            if left > 0 and (mistake := parsed(Path(place, name), source)[0]):
                found.append(mistake.removesuffix("; correct it"))
    for mistake in found[:MOST_NAMED]:
        yield f"{mistake}; whatever imports it fails"
    if len(found) > MOST_NAMED:
        yield f"{len(found) - MOST_NAMED} more files in {folder} are not valid Python"
    if left <= 0:
        yield f"{folder} has more source than was looked at, {MOST_IN_CHECK // 10**6} MB"


def is_own(folder: Path) -> bool:
    """Say whether a folder's files are the application's: neither caches nor installed packages."""
    skipped = folder.name.startswith(".") or folder.name in (
        "__pycache__", "node_modules", "site-packages"
    )  # fmt: skip
    return not skipped and not (folder / "pyvenv.cfg").exists()
