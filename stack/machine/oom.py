"""Which process the kernel kills when memory runs out (proc_pid_oom_score_adj(5))."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

# In thousandths of the limit that are added to what a process has. First goes a uWSGI that is
# tried, or whose requests are done; then a command beside the stack, which can tell of the first;
# then a uWSGI that finishes its requests; last one that serves.
FIRST, SECOND, THIRD, LAST = 1000, 900, 800, 0


def rank(pid: int | str, score: int) -> None:
    """Say when the kernel is to kill a process; without an effect on one that is gone."""
    with suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text(f"{score}")
