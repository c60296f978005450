"""A stack on this machine."""

from __future__ import annotations

import atexit
import compileall
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from dev import tree
from tests.support import processes
from tests.support.skips import leave_out
from tests.support.stacks import Stack
from tests.support.wait import wait_until


@functools.cache
def compiled() -> Path:
    """Lay out the tree once, with byte code as the image has it: else each start would compile."""
    kept = tempfile.TemporaryDirectory(prefix="nginx-python3-")
    atexit.register(kept.cleanup)
    tree.lay(laid := Path(kept.name) / "tree")
    compileall.compile_dir(laid / "stack", quiet=1)
    return laid


class HostStack(Stack):
    """The entrypoint in a copy of the tree, on this machine."""

    launcher = "host"
    limited = False

    def __init__(self, settings: Mapping[str, str], folder: Path, port: int = 0) -> None:
        """Lay out the tree in an empty folder."""
        super().__init__(settings, port)
        self.root = folder / "tree"
        code = compiled() / "stack"
        shutil.copytree(
            compiled(), self.root, symlinks=True, ignore=shutil.ignore_patterns(code.name)
        )
        (self.root / code.name).symlink_to(code)  # a copy takes 17 ms of CPU
        self.output = folder / "log"
        self.python = Path(sys.executable)
        self.environ = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            **self.settings,
        }
        self.sessions: set[int] = set()

    def use(self, app: Path | None, conf: Path | None) -> None:
        """Put other folders in the place of app/ and conf/."""
        if app:
            (self.root / "app").unlink()
            (self.root / "app").symlink_to(app)
        if conf:
            shutil.rmtree(self.root / "conf")
            shutil.copytree(conf, self.root / "conf", symlinks=True)

    def limit(self, size: str) -> None:
        """Make run/ a tmpfs of this size, which root alone can."""
        run = self.root / "run"
        run.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(run)]
        mounted = subprocess.run(command, capture_output=True, text=True)
        if mounted.returncode:
            leave_out(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
        self.limited = True

    def start(self) -> None:
        """Start the entrypoint in a session of its own, its output in a file."""
        self.before = self.files()
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [self.python, "entrypoint.py"],
                cwd=self.root,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.pid = self.process.pid
        self.sessions.add(self.pid)

    def start_again(self) -> None:
        """Start, when nothing is left of the run before: in a container all dies with PID 1."""
        processes.kill(self.pids())
        wait_until(lambda: not self.pids())
        self.start()
        self.wait_until_ready()

    def alive(self) -> bool:
        """Ask for the entrypoint's process, which became supervisord."""
        return self.process.poll() is None

    def exit_status(self) -> int:
        """Return what the process left with; a signal's number counts below zero."""
        return self.process.wait(0)

    def signal(self, number: signal.Signals) -> None:
        """Signal the process that was started."""
        self.process.send_signal(number)

    def log(self) -> str:
        """Read the file that the output went to."""
        return self.output.read_text(errors="replace")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run with the virtual environment's programs first, as the image does."""
        path = os.pathsep.join([str(self.python.parent), self.environ["PATH"]])
        return subprocess.run(
            command,
            cwd=self.root,
            env={**self.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=300,
        )

    def pids(self) -> list[int]:
        """Find the processes of our session, and those that work in the tree: nothing else does.

        The application itself works in its own folder, which other stacks may have too.
        """
        return processes.at_work(self.sessions, self.root)

    def files(self) -> dict[str, float]:
        """Map every path outside run/ to the time of its last change."""
        paths = [self.root, *self.root.rglob("*")]
        names = {
            path.relative_to(self.root): path for path in paths if "__pycache__" not in str(path)
        }
        return {
            str(name): path.lstat().st_mtime
            for name, path in names.items()
            if name.parts[:1] not in ((), ("run",))
        }

    def changed(self) -> set[str]:
        """Compare with what was laid out."""
        now = self.files()
        return {name for name in now | self.before if now.get(name) != self.before.get(name)}

    def remove(self) -> None:
        """Kill what is left, and say so: nothing may be, a moment after it was killed."""
        try:
            left = processes.outlived(self.pids)
        finally:
            if self.limited:
                subprocess.run(["umount", self.root / "run"], check=True)
        assert not left, f"processes {left} outlived the stack\n{self.log()}"
