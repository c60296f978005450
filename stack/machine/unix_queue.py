"""How many connections wait on a unix socket that a process listens on: the kernel's own count.

uWSGI itself says 0 for unix sockets. The kernel is asked by netlink (sock_diag(7)), which takes a
tenth of a millisecond and no privilege; where that is not allowed, /proc/net/unix is counted.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

# linux/netlink.h, linux/sock_diag.h and linux/unix_diag.h
NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
REQUEST_DUMP = 0x1 | 0x300
LISTEN = 1 << 10
NAME, RQLEN = 0, 4
SHOW_NAME, SHOW_RQLEN = 1 << NAME, 1 << RQLEN

HEADER = struct.Struct("=IHHII")
REQUEST = struct.Struct("=BBHIIIII")
MESSAGE = struct.Struct("=BBBBIII")
ATTRIBUTE = struct.Struct("=HH")
LENGTHS = struct.Struct("=II")

# In /proc/net/unix, a connection that nobody has accepted yet.
WAITING = "02"


class Queue(NamedTuple):
    """Connections that wait, and how many may; None where that is not known."""

    length: int
    limit: int | None


def queue(path: str, listener: int) -> Queue | None:
    """Look at the socket that a process has bound to a path, as it wrote it; None if unknown."""
    with suppress(OSError, struct.error):
        found = [(inode, each) for inode, name, each in listening() if name == path]
        if len(found) > 1:  # of other stacks in the same network
            mine = inodes(listener)
            found = [(inode, each) for inode, each in found if inode in mine]
        if found:
            return found[0][1]
    with suppress(OSError):
        rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
        return Queue(sum(row[5] == WAITING and row[7:] == [path] for row in rows), None)
    return None


def listening() -> Iterator[tuple[int, str, Queue]]:
    """Ask the kernel for every listening unix socket: its inode, its path and its queue."""
    request = REQUEST.pack(socket.AF_UNIX, 0, 0, LISTEN, 0, SHOW_NAME | SHOW_RQLEN, 0, 0)
    header = HEADER.pack(HEADER.size + len(request), SOCK_DIAG_BY_FAMILY, REQUEST_DUMP, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
        kernel.setblocking(False)  # the answer is there when send returns
        kernel.send(header + request)
        while True:
            data = kernel.recv(1 << 16)
            while data:
                length, kind, *_ = HEADER.unpack_from(data)
                if kind != SOCK_DIAG_BY_FAMILY:  # the end, or an error
                    return
                yield read(data[HEADER.size : length])
                data = data[aligned(length) :]


def read(message: bytes) -> tuple[int, str, Queue]:
    """Read what the kernel says of one socket."""
    inode, name, lengths = MESSAGE.unpack_from(message)[4], "", (0, 0)
    rest = message[MESSAGE.size :]
    while len(rest) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(rest)
        value = rest[ATTRIBUTE.size : length]
        if kind == NAME:
            name = os.fsdecode(value.rstrip(b"\0"))
        elif kind == RQLEN:
            lengths = LENGTHS.unpack(value)
        rest = rest[max(aligned(length), ATTRIBUTE.size) :]
    return inode, name, Queue(*lengths)


def aligned(length: int) -> int:
    """Round up to a multiple of four, as netlink does."""
    return (length + 3) & ~3


def inodes(pid: int) -> set[int]:
    """List the sockets that a process has open."""
    found = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            kind, _, inode = str(each.readlink()).partition(":[")
            if kind == "socket":
                found.add(int(inode.rstrip("]")))
    return found
