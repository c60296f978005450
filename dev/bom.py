"""A bill of materials of the image's Python packages: python3 -m dev.bom [IMAGE].

It is CycloneDX's JSON. What Alpine and nginx.org bring is in the one that BuildKit attaches to an
image that is published.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv as virtual
from pathlib import Path
from typing import Any

from dev import finish, image, venv


def main(arguments: list[str]) -> int:
    """Print that of an image, of one that is built now unless one is named."""
    venv.prepare("dev")
    if arguments and arguments[0]:
        name = arguments[0]
    else:
        name = image.TAG
        image.build(name, image.base())
    json.dump(made(name, venv.VENV / "bin" / "cyclonedx-py"), sys.stdout, indent=2)
    print()
    return 0


def made(name: str, tool: Path) -> dict[str, Any]:
    """Lay out the packages of an image on this machine, and have cyclonedx-py list them."""
    with tempfile.TemporaryDirectory() as folder:
        # The image's Python need not run here: cyclonedx-py reads what is beside an interpreter.
        virtual.create(folder, symlinks=True)
        (packages,) = Path(folder).glob("lib/python3.*/site-packages")
        copy(name, packages)
        command: list[str | Path] = [tool, "environment", "--output-reproducible"]
        command.append(Path(folder, "bin", "python3"))
        quiet = subprocess.DEVNULL
        answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=quiet, check=True)
    bill: dict[str, Any] = json.loads(answer.stdout)
    return bill


def copy(name: str, packages: Path) -> None:
    """Copy what is installed in both of the image's environments."""
    where = "import json, stack.machine.venvs as v; print(json.dumps(v.packages()))"
    run = ["docker", "run", "--rm", "--entrypoint=/opt/venv/bin/python3", name, "-c", where]
    folders = json.loads(subprocess.run(run, stdout=subprocess.PIPE, check=True).stdout)
    create = subprocess.run(["docker", "create", name], stdout=subprocess.PIPE, text=True)
    container = create.stdout.strip()
    try:
        for each in folders:
            command = ["docker", "cp", f"{container}:{each}/.", str(packages)]
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    finally:
        subprocess.run(["docker", "rm", container], stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    finish(main)
