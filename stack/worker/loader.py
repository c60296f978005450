"""uWSGI loads this file in each worker, by its path.

It imports the package stack/worker under a private name, without putting our tree on the module
path: so an application may have a module of any name, `stack` too, and never imports ours instead.
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
except KeyboardInterrupt:  # the master stops all workers, after one has reported
    os._exit(22)
