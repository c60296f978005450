"""Text that comes in pieces of any length, made into lines."""

from __future__ import annotations

# Bytes of a line that is kept until its end comes. nginx's longest has less: 32 KiB of headers, of
# which each byte becomes six at most.
LONGEST = 256 << 10


class Lines:
    """Whole lines out of one program's output."""

    def __init__(self) -> None:
        """Begin at the start of a line."""
        self.unfinished = b""

    def whole(self, data: bytes) -> bytes:
        """Take a piece, and return the lines that it ends, each with its line end."""
        end = data.rfind(b"\n") + 1
        if end:
            lines, self.unfinished = self.unfinished + data[:end], data[end:]
        else:
            lines, self.unfinished = b"", self.unfinished + data
        return lines + self.rest() if len(self.unfinished) > LONGEST else lines

    def rest(self) -> bytes:
        """Return what has come of a line whose end will not come."""
        rest, self.unfinished = self.unfinished, b""
        return rest and rest + b"\n"
