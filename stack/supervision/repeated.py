"""nginx's error lines that come by the thousand, cut down to the first and a count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

# Texts by which nginx's lines are counted, with what to say of many. "access forbidden" is never
# shown (None): conf/nginx.conf logs denied clients itself, with more in it and all of it escaped.
KINDS = {
    b"no live upstreams while connecting": "as many as MAX_QUEUED_REQUESTS allows were waiting",
    b" connect() to unix:run/uwsgi.sock failed": "uWSGI was away",
    b" access forbidden by rule": None,
}


class Condenser:
    """Passes on what nginx says, and counts what it repeats."""

    def __init__(self) -> None:
        """Start with no line and no count."""
        self.unfinished = b""
        self.counts: Counter[bytes] = Counter()
        self.due: set[bytes] = set()

    def pass_on(self, data: bytes) -> bytes:
        """Take output in pieces of any length, and return the whole lines that are to be shown."""
        *lines, self.unfinished = (self.unfinished + data).split(b"\n")
        return b"".join(line + b"\n" for line in lines if self.is_news(line))

    def is_news(self, line: bytes) -> bool:
        """Count a line of a known kind, and say whether to show it."""
        kind = next((kind for kind in KINDS if kind in line), None)
        if kind is None:
            return True
        self.counts[kind] += 1
        return bool(KINDS[kind]) and self.counts[kind] == 1

    def summaries(self, at_once: bool = False) -> Iterator[str]:
        """Describe what was counted and not shown; to be called every five seconds.

        What began since the last call waits for the next, unless at_once is set. So a short burst
        is one count, even if a call comes in the middle of it.
        """
        for kind in [kind for kind in self.counts if at_once or kind in self.due]:
            count, meaning = self.counts.pop(kind), KINDS[kind]
            if meaning and count > 1:
                yield f"{count} requests were answered with 503: {meaning}"
        self.due = set(self.counts)
