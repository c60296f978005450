"""Requests as bytes, for what no HTTP client would send."""

from __future__ import annotations

import re
import socket

from tests.support.stacks import Stack
from tests.support.wait import HANGS

CLIENT = "127.0.0.1"


def get(target: str = "/", headers: str = "Host: test", version: str = " HTTP/1.1") -> bytes:
    """Write a GET request after which the connection is closed."""
    return f"GET {target}{version}\r\n{headers}\r\nConnection: close\r\n\r\n".encode()


def with_headers(headers: str, target: str = "/") -> bytes:
    """Write a GET request with more headers."""
    host = "" if headers.startswith("Host:") else "Host: test\r\n"
    return get(target, headers=f"{host}{headers}")


def with_body(headers: str, body: str, target: str = "/") -> bytes:
    """Write a POST request."""
    first = f"POST {target} HTTP/1.1\r\nHost: test\r\nConnection: close"
    return f"{first}\r\n{headers}\r\n\r\n{body}".encode()


def connect(
    stack: Stack, client: str = CLIENT, server: str = CLIENT, timeout: float = HANGS
) -> socket.socket:
    """Open a connection from an address."""
    return socket.create_connection((server, stack.port), timeout, (client, 0))


def rest(connection: socket.socket) -> bytes:
    """Return all that comes until the connection is closed."""
    answer = b""
    try:
        while more := connection.recv(65536):
            answer += more
    except ConnectionResetError:
        pass  # what was not read when nginx closed the connection; the answer came before
    return answer


def send(
    stack: Stack, data: bytes, client: str = CLIENT, server: str = CLIENT, all_of_it: bool = True
) -> bytes:
    """Send bytes from an address, and return all that comes back until the connection is closed."""
    with connect(stack, client, server) as connection:
        try:
            connection.sendall(data)
            if not all_of_it:
                connection.shutdown(socket.SHUT_WR)
        except (ConnectionResetError, BrokenPipeError):
            pass  # nginx has answered, and does not wait for the end
        return rest(connection)


def statuses(answer: bytes) -> list[int]:
    """Find the statuses of all answers in what came over a connection, in their order."""
    return [int(status) for status in re.findall(rb"^HTTP/1\.1 (\d{3}) ", answer, re.MULTILINE)]


def body(answer: bytes) -> bytes:
    """Return what follows the headers of the only answer in what came over a connection."""
    return answer.partition(b"\r\n\r\n")[2]
