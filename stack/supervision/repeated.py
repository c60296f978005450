"""nginx's error lines that come by the thousand, cut down to the first and a count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

# What nginx says, and what it comes to. Its "access forbidden" is never shown: conf/nginx.conf has
# a line for that which says more, and nothing unescaped from the client.
KINDS = {
    b"no live upstreams while connecting": "as many as MAX_QUEUED_REQUESTS allows were waiting",
    b" connect() to unix:run/uwsgi.sock failed": "uWSGI was away",
    b" access forbidden by rule": None,
}


class Condenser:
    """Passes on what nginx says, and counts what it repeats."""

    def __init__(self) -> None:
        """Have nothing counted yet."""
        self.unfinished = b""
        self.counts: Counter[bytes] = Counter()

    def pass_on(self, data: bytes) -> bytes:
        """Take what was said, and give what is worth reading of it."""
        *lines, self.unfinished = (self.unfinished + data).split(b"\n")
        return b"".join(line + b"\n" for line in lines if self.is_news(line))

    def is_news(self, line: bytes) -> bool:
        """Say whether a line need be shown, and count it if it is one of many."""
        kind = next((kind for kind in KINDS if kind in line), None)
        if kind is None:
            return True
        self.counts[kind] += 1
        return bool(KINDS[kind]) and self.counts[kind] == 1

    def summaries(self) -> Iterator[str]:
        """Say what was counted since the last time, but for lines that were shown."""
        for kind, meaning in KINDS.items():
            if meaning and self.counts[kind] > 1:
                yield f"{self.counts[kind]} requests were answered with 503: {meaning}"
        self.counts.clear()
