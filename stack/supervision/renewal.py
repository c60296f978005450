"""The certificate's files, looked at every few seconds: a renewal needs no command."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from stack.machine import changes, regular
from stack.machine.clock import DAY, ending

# What is served now, written by whoever has given it to nginx (stack/nginx/certificates.py).
FACTS = Path("run/certificate.json")
LONGEST = 64 << 10  # bytes

# Takes what has changed, if it is a pair, and says why if it is not.
RENEW = "stack.commands.renew"

# Seconds after which it is tried again with files that were no pair.
AGAIN = 60


class Renewal:
    """Notices new files, and has another process read them: that can take long, or never end.

    Here the file system is only asked whether anything has changed. One that does not answer, as a
    network's whose server is away, would stop supervisord too.
    """

    def __init__(self, logger: Any) -> None:
        """Find out which files there are; without TLS, none."""
        self.logger = logger
        self.files: list[str] = []
        self.served = self.last = self.tried = ""
        self.ends = 0.0
        self.process, self.tried_at, self.warned_at = 0, 0.0, time.monotonic()
        self.remember()

    def remember(self) -> None:
        """Read what is served now."""
        try:
            facts = json.loads(regular.content(FACTS, LONGEST))
        except FileNotFoundError:
            return
        self.files, self.served, self.ends = facts["files"], facts["seen"], facts["ends"]

    def look(self) -> None:
        """Notice a change; to be called every few seconds. An error must not reach supervisord."""
        try:
            if self.files:
                self.warn()
                self.follow()
        except (OSError, ValueError) as error:
            self.logger.warn(f"the certificate's files could not be looked after: {error}")

    def follow(self) -> None:
        """Have changed files read, once they look the same twice: half a renewal is no pair."""
        seen = changes.look(self.files)
        settled, self.last = seen == self.last, seen
        if seen == self.served or not settled or renewing(self.process):
            return
        self.remember()
        now = time.monotonic()
        if seen == self.served or (seen == self.tried and now - self.tried_at < AGAIN):
            return
        self.tried, self.tried_at = seen, now
        command = [sys.executable, "-E", "-s", "-B", "-m", RENEW]
        self.process = os.posix_spawn(command[0], command, os.environ)

    def warn(self) -> None:
        """Warn once a day of a certificate that ends soon; the start has done so already."""
        if time.monotonic() - self.warned_at < DAY:
            return
        self.warned_at = time.monotonic()
        self.remember()
        if news := ending(self.ends, time.time()):
            self.logger.warn(news)


def renewing(pid: int) -> bool:
    """Say whether a process still renews; its number may be another's by now."""
    try:
        return pid > 0 and RENEW.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
