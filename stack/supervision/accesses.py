"""What nginx writes to its stdout: the access log, and with it what it tells of a request."""

from __future__ import annotations

import codecs
import json
import re

from stack.machine.text import safe
from stack.nginx.output import EVENT, is_event

# How a line of conf/nginx.conf's JSON begins and ends. What a client sends has no such quotes.
BEGIN, END = b'{"time":"', b'"}\n'

# Lines of the other format.
COMBINED = re.compile(rb"(?:[0-9a-f.:]+ - [^\n]*\n)+")

# Bytes of a line that is shown as it is, and of each field of a longer one.
LONGEST = 8192
MOST = 1000

# In the combined format: nginx has escaped the quotes that are a client's.
QUOTED = re.compile(rb'"[^"]*"')


# Bytes that are no UTF-8, as `\xff` in JSON's own words: with two backslashes. As a table, because
# a client can send thousands, and they come one by one.
ESCAPED = [f"\\\\x{byte:02x}" for byte in range(256)]


def as_escape(error: UnicodeError) -> tuple[str, int]:
    """Write bytes that are no UTF-8 as text."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    odd = error.object[error.start : error.end]
    return "".join([ESCAPED[byte] for byte in odd]), error.end


codecs.register_error("as_escape", as_escape)


def parted(block: bytes) -> tuple[bytes, list[bytes]]:
    """Part whole lines into those of the access log, as a block, and those that tell something."""
    if EVENT not in block:
        return block, []
    accesses: list[bytes] = []
    told: list[bytes] = []
    for line in block.split(b"\n")[:-1]:
        (told if is_event(line) else accesses).append(line)
    return b"".join(b"%b\n" % line for line in accesses), told


class Accesses:
    """The access log's lines, made fit to be shown: none is endless; JSON is JSON, in UTF-8."""

    def __init__(self) -> None:
        """Wait for the first line, which shows the format."""
        self.in_json = False

    def good(self, block: bytes) -> bytes:
        """Take whole lines, and return them as they are, but for those that are not fit."""
        if BEGIN in block:
            self.in_json = True
        elif self.in_json and COMBINED.fullmatch(block):
            self.in_json = False  # a reload has changed it
        short = len(max(block.split(b"\n"), key=len)) <= LONGEST
        if short and (not self.in_json or whole(block)):
            return block
        mend = as_json if self.in_json else cut
        return b"".join(b"%b\n" % mend(line) for line in block.split(b"\n")[:-1])


def whole(block: bytes) -> bool:
    """Say whether all lines are as nginx wrote them, at little cost.

    Where a pipe is full, the kernel can put one worker's line into the midst of another's, if that
    is longer than 4096 bytes.
    """
    count = block.count(b"\n")
    if not (
        block.startswith(BEGIN)
        and block.count(BEGIN) == block.count(END) == count
        and block.count(b"\n" + BEGIN) == count - 1
        and EVENT not in block
    ):
        return not block
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def as_json(line: bytes) -> bytes:
    """Mend a line that is no JSON, or longer than it may be."""
    text = line.decode(errors="as_escape")
    try:
        found = json.loads(text, parse_constant=float.fromhex)  # NaN is no JSON
        if not isinstance(found, dict):
            raise ValueError
    except (ValueError, RecursionError):
        found = {"unreadable": safe(line, MOST)}
    if len(line) > LONGEST:
        for name, value in found.items():
            if isinstance(value, str) and len(value) > MOST:
                found[name] = f"{value[:MOST]}... ({len(value)})"
    elif "unreadable" not in found:
        return text.encode()
    return json.dumps(found, separators=(",", ":")).encode()


def cut(line: bytes) -> bytes:
    """Cut a long line's fields."""
    if len(line) <= LONGEST:
        return line
    shorter = QUOTED.sub(lambda field: shortened(field[0]), line)
    return shorter if len(shorter) <= LONGEST else safe(line, LONGEST).encode()


def shortened(field: bytes) -> bytes:
    """Cut a field between quotes, without leaving a part of an escape."""
    if len(field) <= MOST:
        return field
    kept = re.sub(rb"\\x?[0-9A-F]?$", b"", field[:MOST])
    return b'%b... (%d)"' % (kept, len(field) - 2)
