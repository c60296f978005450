"""A question to a uWSGI at its own socket, past nginx."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

# Seconds: the first request to an application may take longer than later ones.
PATIENCE = 30.0

LENGTH = struct.Struct("<H")
# modifier1, size of the variables, modifier2 (https://uwsgi-docs.readthedocs.io/en/latest/Protocol.html)
HEADER = struct.Struct("<BHB")


def status(path: Path, page: str) -> int:
    """Ask for a page, as the health check does by way of nginx; 0 if there is no answer."""
    variables = {
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": page,
        "PATH_INFO": page,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "",
        "CONTENT_LENGTH": "",
        "REQUEST_SCHEME": "http",
        "SERVER_PROTOCOL": "HTTP/1.0",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": "localhost",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "0",
    }
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(os.path.relpath(path))  # a socket's path has 107 bytes at most
            connection.sendall(packet(variables))
            line = connection.makefile("rb").readline()
        return int(line.split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def packet(variables: dict[str, str]) -> bytes:
    """Write a request without a body in uWSGI's protocol."""
    body = b"".join(
        LENGTH.pack(len(text)) + text
        for pair in variables.items()
        for text in (each.encode() for each in pair)
    )
    return HEADER.pack(0, len(body), 0) + body
