"""HTTP/2 by TLS, as a client that can do what no browser would."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)

from tests.support.wait import HANGS

Headers = list[tuple[str, str]]


@dataclass
class Answer:
    """What came on one stream; status 0 is none."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    reset: int | None = None
    ended: bool = False


class Connection:
    """One connection, from an address; it does not ask who the server is."""

    def __init__(self, port: int, client: str = "127.0.0.1", first: bytes = b"") -> None:
        """Connect; first is sent before TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", port), HANGS, (client, 0))
        plain.sendall(first)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self.authority = f"localhost:{port}"
        # What is no header is the server's to refuse, not this client's.
        self.h2 = H2Connection(
            H2Configuration(
                header_encoding="utf-8",
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(2**30)
        self.answers: dict[int, Answer] = {}
        self.bodies: dict[int, bytes] = {}
        self.terminated = False
        self.flush()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.socket.close()

    def get(self, path: str = "/", method: str = "GET", **pseudo: str) -> int:
        """Send a request without a body, and return its stream."""
        return self.send(self.head(method, path, **pseudo))

    def post(self, path: str, body: bytes) -> int:
        """Send a request with a body, as far as windows allow, and return its stream."""
        head = [*self.head("POST", path), ("content-length", str(len(body)))]
        stream = self.send(head, ends=False)
        self.bodies[stream] = body
        self.push(stream)
        return stream

    def head(self, method: str, path: str, **pseudo: str) -> Headers:
        """Write the headers that every request has."""
        found = {"method": method, "path": path, "scheme": "https", "authority": self.authority}
        return [(f":{name}", value) for name, value in {**found, **pseudo}.items()]

    def send(self, headers: Headers, ends: bool = True) -> int:
        """Send headers, and return their stream."""
        stream: int = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, headers, end_stream=ends)
        self.h2.increment_flow_control_window(2**24, stream)
        self.answers[stream] = Answer()
        self.flush()
        return stream

    def push(self, stream: int) -> None:
        """Send what may be sent now of a body."""
        body = self.bodies.get(stream, b"")
        while body and (room := self.h2.local_flow_control_window(stream)):
            size = min(room, self.h2.max_outbound_frame_size, len(body))
            self.h2.send_data(stream, body[:size], end_stream=size == len(body))
            body = body[size:]
        self.bodies[stream] = body
        self.flush()

    def flush(self) -> None:
        """Send what h2 has written."""
        self.socket.sendall(self.h2.data_to_send())

    def ask(self, streams: Iterable[int]) -> list[Answer]:
        """Wait until these streams have been answered whole, or ended otherwise."""
        wanted = [self.answers[stream] for stream in streams]
        while not all(answer.ended for answer in wanted) and self.receive():
            pass
        return wanted

    def receive(self) -> bool:
        """Take what comes next, and say whether anything did."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        for event in self.h2.receive_data(data) if data else []:
            self.take(event)
        for stream in [each for each, body in self.bodies.items() if body]:
            self.push(stream)
        return bool(data)

    def take(self, event: Event) -> None:
        """Note what happened on a stream."""
        if isinstance(event, ConnectionTerminated):
            self.terminated = True
        answer = self.answers.get(getattr(event, "stream_id", 0) or 0)
        if answer is None:
            return
        if isinstance(event, ResponseReceived):
            answer.headers = {str(name): str(value) for name, value in event.headers or []}
            answer.status = int(answer.headers[":status"])
        elif isinstance(event, DataReceived):
            answer.body += event.data or b""
            self.h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
        elif isinstance(event, StreamEnded):
            answer.ended = True
        elif isinstance(event, StreamReset):
            answer.reset, answer.ended = int(event.error_code or 0), True
            self.bodies.pop(event.stream_id, None)
