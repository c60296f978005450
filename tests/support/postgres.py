"""A PostgreSQL server of a test's own, on 127.0.0.1."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.skips import leave_out
from tests.support.stacks import reserve
from tests.support.wait import wait_until


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Run one whose data goes with it, and give its URL."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        leave_out("there is no PostgreSQL here")
    data = tempfile.mkdtemp()  # where its user can enter: a test's own folder is for one user
    # It refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    shutil.chown(data, user)
    options = ("--auth=trust", "--username=test", "--no-sync", f"--pgdata={data}")
    made = subprocess.run([str(programs[-1] / "initdb"), *options], user=user, capture_output=True)
    assert made.returncode == 0, made.stderr
    with reserve() as reserved:
        port = reserved.getsockname()[1]
    settings = ("-h", "127.0.0.1", "-p", str(port), "-k", "", "-F")
    command = [str(programs[-1] / "postgres"), "-D", data, *settings]
    with subprocess.Popen(command, user=user, stderr=subprocess.DEVNULL) as process:
        try:
            asked = [str(programs[-1] / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
            wait_until(
                lambda: subprocess.run(asked).returncode == 0, alive=lambda: process.poll() is None
            )
            yield f"postgresql://test@127.0.0.1:{port}/postgres"
        finally:
            process.terminate()
            process.wait()
            shutil.rmtree(data)
