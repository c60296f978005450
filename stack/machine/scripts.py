"""Console scripts, made when the image is built or an application's environment on a host.

python -m stack.machine.scripts applications OURS THEIRS    the packages' scripts, see remake()
python -m stack.machine.scripts own ROOT FOLDER NAME...     the entrypoint's commands, see own()
python -m stack.machine.scripts others FOLDER THEIRS        other programs by name, see others()
"""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

REMADE = """\
#!{python}
import sys
from {module} import {name}
sys.exit({attribute}())
"""

# Isolated (-I): neither PYTHONPATH, which holds the application's folder for the application's
# programs, nor a user's packages can put a module in the place of one of ours.
OWN = """\
#!{python} -I
import sys
sys.path.insert(0, {root!r})
from entrypoint import main
sys.exit(main({name!r}, sys.argv[1:]))
"""

SUPERVISORCTL = """\
#!{python} -I
import sys
from supervisor.supervisorctl import main
sys.exit(main())
"""

PYTHON = """\
#!{python} -I
import os
import sys
# The application's user can change what the application's Python imports, and PYTHONPATH may name
# the application's folder: so root is given ours, isolated.
python = [sys.executable, "-E", "-s"] if os.geteuid() == 0 else [{theirs!r}]
os.execv(python[0], [*python, *sys.argv[1:]])
"""


def remake(ours: Path, theirs: Path) -> None:
    """Give the application's environment the scripts of the packages that it sees in ours.

    A script runs in the environment whose interpreter its first line names. /opt/venv/bin/flask
    sees nothing that `pip install` has put into /opt/venv-app, and where Flask itself was already
    there, pip makes no other: `flask db upgrade` does not find Flask-Migrate.
    """
    packages = [str(each) for each in ours.glob("lib/python3.*/site-packages")]
    for distribution in metadata.distributions(path=packages):
        for entry in distribution.entry_points.select(group="console_scripts"):
            name = entry.attr.partition(".")[0]
            text = REMADE.format(
                python=theirs / "bin/python3",
                module=entry.module,
                name=name,
                attribute=entry.attr,
            )
            write(theirs / "bin" / entry.name, text)
    for pip in theirs.glob("bin/pip*"):
        # Without -B, pip would leave 5 MB of its own byte code in an image at its first use.
        first, _, rest = pip.read_text().partition("\n")
        write(pip, f"{first} -B\n{rest}")


def own(root: Path, folder: Path, names: list[str]) -> None:
    """Make the entrypoint's commands, run by the interpreter that runs this.

    Links to entrypoint.py would be run by the first python3 on the PATH: the application's, which
    the application's user can change, and root may be who calls them.
    """
    for name in names:
        write(folder / name, OWN.format(python=sys.executable, root=str(root), name=name))


def others(folder: Path, theirs: Path) -> None:
    """Make what root may call as well, and finds before what the application's user can change."""
    python = sys.executable
    write(folder / "supervisorctl", SUPERVISORCTL.format(python=python))
    for name in ("python", "python3"):
        its = str(theirs / "bin" / name)
        write(folder / name, PYTHON.format(python=python, theirs=its))


def write(path: Path, text: str) -> None:
    """Write a script that everybody may run."""
    path.write_text(text)
    path.chmod(0o755)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["applications", ours, theirs]:
            remake(Path(ours), Path(theirs))
        case ["own", root, folder, *names]:
            own(Path(root), Path(folder), names)
        case ["others", folder, theirs]:
            others(Path(folder), Path(theirs))
        case _:
            sys.exit(__doc__)
