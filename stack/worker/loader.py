"""Loaded by uWSGI in each worker, by its path: make stack/worker/ known under a name of its own.

So nothing of ours is on the module path: no application can import it by accident, and none of its
own modules, whatever their names are, stands in our way or we in theirs.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

NAME = "_nginx_python3"


def main_module() -> ModuleType:
    """Import what makes the process a worker of the application's."""
    import importlib.util
    from pathlib import Path

    folder = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(NAME, folder / "__init__.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder}: is no package")
    package = sys.modules[NAME] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    return importlib.import_module(f"{NAME}.main")


try:
    application = main_module().main()
except KeyboardInterrupt:  # the master ends us: another worker has said why
    os._exit(22)
