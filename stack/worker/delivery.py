"""How an answer gets to nginx: whole, or so that the client sees that it is not."""

from __future__ import annotations

import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import uwsgi  # made by uWSGI itself

from . import files, streams
from .choice import Application
from .reports import told

Headers = list[tuple[str, str]]

# Pieces are gathered up to so many bytes, while they come fast, in seconds: each would cost as much
# to send, and nginx would not send less on either. An answer that is gathered whole has a length.
GATHERED = 1 << 16
GATHERING = 0.1

# What ends a header, for nginx or for a client.
BREAKING = re.compile(r"[\r\n\0]")

# Bytes of the status line and the headers. nginx reads them into 64 KiB (uwsgi_buffer_size).
MOST_HEADERS = 65_000

# Concern a connection, and so are nginx's and ours (RFC 9110, 7.6.1).
OF_CONNECTION = {"connection", "keep-alive", "transfer-encoding"}


class Delivery:
    """The application, with what makes its answers whole."""

    def __init__(self, application: Application, folder: Path, seconds: int) -> None:
        """Take an application, the folder for streams, and how long it may think; 0 is for ever.

        It may think so long until it answers, and again for each piece: uWSGI's master looks at the
        clock (harakiri). Nobody does while nginx takes a piece, for it leaves by itself when its
        client does not read (send_timeout).
        """
        self.application = application
        self.streams = streams.Streams(folder) if uwsgi.masterpid() else None
        clock = uwsgi.set_user_harakiri if seconds else int
        # Begins to count the application's time, and ends it: then it is up to the client.
        self.think = partial(clock, seconds)
        self.rest = partial(clock, 0)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer a request."""
        now = time.time()
        waited = now - float(environ.pop("HANDED_OVER", now))
        self.think()
        answer = Answer(self, environ, start_response, waited)
        try:
            return answer.made()
        except (Exception, SystemExit) as error:
            answer.close()
            return answer.failed(error)


class Answer:
    """One answer on its way."""

    def __init__(
        self, delivery: Delivery, environ: dict[str, Any], start_response: Any, waited: float
    ) -> None:
        """Take a request, and how many seconds it waited for a worker."""
        self.delivery = delivery
        self.environ = environ
        self.start_response = start_response
        # Clocks can be set back.
        self.waited = max(0.0, waited)
        # Now: the environment is the application's, which may change it.
        self.id = environ.get("HTTP_X_REQUEST_ID", "-")
        self.method = environ["REQUEST_METHOD"]
        self.status = ""
        self.headers: Headers = []
        self.names: dict[str, str] = {}
        self.written: list[bytes] = []
        self.iterable: Any = ()
        self.sent = 0

    def start(self, status: str, headers: Headers, exc_info: Any = None) -> Callable[..., None]:
        """Be told the status and the headers, as PEP 3333 has it; nothing is sent yet."""
        try:
            if exc_info and self.sent:
                raise exc_info[1].with_traceback(exc_info[2])
            if self.status and not exc_info:
                raise AssertionError("start_response() is called a second time")
        finally:
            exc_info = None
        self.status, self.headers = status, headers
        return self.written.append

    def made(self) -> Any:
        """Have the application make it; give what uWSGI is to send."""
        self.environ["wsgi.file_wrapper"] = files.File
        self.iterable = self.delivery.application(self.environ, self.start)
        if isinstance(self.iterable, list):
            return self.of_list(b"".join(self.iterable))
        part = files.part(self.iterable)
        if part and self.status:
            return self.of_file(part)
        pieces = iter(self.iterable)
        first = self.first(pieces)
        if refused := self.looked_at():
            return refused
        if self.bodiless():
            return self.through_uwsgi(b"", iter(()))
        length = self.names.get("content-length")
        if length is None:
            return self.of_unknown_length(first, pieces)
        if len(first) <= GATHERED and length == str(len(first)):
            return self.of_one_piece(first, pieces)
        return self.through_uwsgi(first, pieces)

    def of_list(self, body: bytes) -> Any:
        """Send a body that is here as a whole."""
        if self.written:
            body = b"".join([*self.written, body])
        if refused := self.looked_at():
            return refused
        if "content-length" not in self.names and not self.bodiless():
            self.headers.append(("Content-Length", str(len(body))))
        # The list is the server's to change (PEP 3333).
        self.headers.append(self.queue_time())
        self.start_response(self.status, self.headers)
        self.delivery.rest()
        return [body]

    def of_one_piece(self, body: bytes, pieces: Iterator[bytes]) -> Any:
        """Send a small body that is here, with little of ours between it and uWSGI: the usual case.

        nginx has room for it, so that the time can be counted on, for what is done after it.
        """
        self.headers.append(self.queue_time())
        self.start_response(self.status, self.headers)
        return Piece(self, chain((body,), pieces))

    def first(self, pieces: Iterator[bytes]) -> bytes:
        """Wait for the first piece: until then an error can be told as such."""
        if self.written:
            first = b"".join(self.written)
            self.written.clear()
            return first
        for piece in pieces:
            if piece:
                return piece
        return b""

    def bodiless(self) -> bool:
        """Say whether nothing may follow the headers."""
        return self.method == "HEAD" or self.status[:3] in ("204", "304") or self.status[:1] == "1"

    def of_length(self, body: bytes) -> Any:
        """Tell the length of a body that is known as a whole."""
        self.headers.append(("Content-Length", str(len(body))))
        return self.through_uwsgi(body, iter(()))

    def of_unknown_length(self, first: bytes, pieces: Iterator[bytes]) -> Any:
        """Collect an answer that is soon at its end; else have it called for as a stream."""
        if self.at_once():
            self.stream(first, pieces, 0)
            return ()
        start, ended = gathered(first, pieces, GATHERING)
        if ended:
            return self.of_length(start)
        self.stream(start, pieces, GATHERING)
        return ()

    def at_once(self) -> bool:
        """Say whether each piece is for the client as soon as it is there."""
        events = self.names.get("content-type", "").lower().startswith("text/event-stream")
        return events or self.names.get("x-accel-buffering", "").lower() == "no"

    def stream(self, ready: bytes, pieces: Iterator[bytes], seconds: float) -> None:
        """Send an answer in chunks; one that lacks the last is seen to be cut."""
        extra = [("Transfer-Encoding", "chunked")]
        if not seconds:
            extra.append(("X-Accel-Buffering", "no"))
        connection = self.called_for(extra)
        if connection is None:
            self.close()
            return
        ended = False
        with connection:
            try:
                while not ended:
                    if not self.passed_on(connection, streams.chunk(ready), len(ready)):
                        return
                    ready, ended = gathered(b"", pieces, seconds)
                self.passed_on(connection, streams.chunk(ready) + streams.LAST_CHUNK, len(ready))
            except Exception as error:
                self.cut(error)
            finally:
                self.close()

    def passed_on(self, connection: socket.socket, chunk: bytes, size: int) -> bool:
        """Send a chunk with so many bytes; say whether nginx, and so the client, is there."""
        self.delivery.rest()
        try:
            connection.sendall(chunk)
        except OSError:
            return False
        self.sent += size
        self.delivery.think()
        return True

    def of_file(self, part: files.Part) -> Any:
        """Have a file sent beside the worker, if that is worth it."""
        if refused := self.looked_at():
            return refused
        if "content-length" not in self.names:
            self.headers.append(("Content-Length", str(part.length)))
        elif self.names["content-length"].isdigit():
            part = part._replace(length=min(part.length, int(self.names["content-length"])))
        if self.bodiless():
            return self.through_uwsgi(b"", iter(()))
        if part.length <= files.SHORT:
            return self.through_uwsgi(b"", iter(self.iterable))
        # The client takes it from the file as it reads; nginx need not store it a second time.
        connection = self.called_for([("X-Accel-Buffering", "no")])
        if connection is None:
            self.close()
        else:
            files.send(connection, part, self.over)
        return ()

    def called_for(self, extra: Headers) -> Any:
        """Have nginx come for the answer, and give it the status and the headers."""
        if self.delivery.streams is None:
            raise RuntimeError("there is no server")
        own = [each for each in self.headers if each[0].lower() not in OF_CONNECTION]
        headers = [*own, *extra, ("Connection", "close"), self.queue_time()]
        head = [f"HTTP/1.1 {self.status}", *(f"{name}: {value}" for name, value in headers)]
        text = "\r\n".join([*head, "", ""])
        if text.count("\n") != len(head) + 1 or text.count("\r") != len(head) + 1:
            raise ValueError("a header of the answer holds a line end")
        encoded = text.encode("latin-1")
        connection = self.delivery.streams.called_for()
        if connection is not None:
            try:
                connection.sendall(encoded)
            except OSError:
                connection.close()
                return None
        return connection

    def queue_time(self) -> tuple[str, str]:
        """Say how long the request waited for a worker: for the access log."""
        return ("X-Queue-Time", f"{self.waited:.3f}")

    def through_uwsgi(self, first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Give uWSGI an answer whose length nginx knows, so that it sees whether all has come."""
        self.headers.append(self.queue_time())
        self.start_response(self.status, self.headers)
        return self.pieces(first, pieces)

    def pieces(self, first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Give the pieces, and see how long the application takes for each."""
        think, rest = self.delivery.think, self.delivery.rest
        try:
            if first:
                rest()
                self.sent = len(first)
                yield first
                think()
            for piece in pieces:
                rest()
                self.sent += len(piece)
                yield piece
                think()
        except Exception as error:
            self.cut(error)
        finally:
            self.close()

    def looked_at(self) -> Any:
        """Look at the headers; an answer in their place if nginx has no room for them.

        It would only say that they are too big.
        """
        if not self.status:
            raise AssertionError("the application has not called start_response()")
        size, names, parts = len(self.status), self.names, [self.status]
        for name, value in self.headers:
            names[name.lower()] = value
            size += len(name) + len(value) + 4
            parts += (name, value)
        # uWSGI would send it, and whoever has a say in it would write headers of their own.
        if BREAKING.search("".join(parts)):
            raise ValueError("the status or a header of the answer holds a line end or a NUL")
        # Nobody but us says where nginx is to call (conf/answers.conf).
        if "x-accel-stream" in names:
            self.headers[:] = [each for each in self.headers if each[0].lower() != "x-accel-stream"]
        if size <= MOST_HEADERS:
            return None
        says = f"{size} bytes of headers, and may have {MOST_HEADERS}"
        say(f"error: the answer to {self.id} has {says}; the client gets a 502")
        self.close()
        return self.instead("502 Bad Gateway", b"Bad Gateway\n")

    def failed(self, error: BaseException) -> Any:
        """Say 500 for an exception that came before the first byte."""
        print(told(error), end="", file=sys.stderr, flush=True)
        return self.instead("500 Internal Server Error", b"Internal Server Error\n")

    def instead(self, status: str, body: bytes) -> Any:
        """Send an answer of ours."""
        headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
        self.start_response(status, [*headers, self.queue_time()])
        return [b"" if self.method == "HEAD" else body]

    def cut(self, error: Exception) -> None:
        """Say that an answer ends in the midst, and why."""
        print(told(error), end="", file=sys.stderr, flush=True)
        say(f"error: the answer to {self.id} was cut after {self.sent} bytes, see above")

    def close(self) -> None:
        """Tell the application that its answer is over, and see how long it takes for that."""
        self.delivery.think()
        self.over()

    def over(self) -> None:
        """Tell the application that its answer is over; once.

        After a file it is another thread that says so, when the worker has other things to do.
        """
        iterable, self.iterable = self.iterable, ()
        try:
            if hasattr(iterable, "close"):
                iterable.close()
        except Exception as error:
            print(told(error), end="", file=sys.stderr, flush=True)


class Piece:
    """The only piece of an answer, and the end of the application's work on it."""

    def __init__(self, answer: Answer, pieces: Iterator[bytes]) -> None:
        """Take the answer, and what uWSGI is to send."""
        self.close = answer.close
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        """Give what is to be sent."""
        return self.pieces


def gathered(start: bytes, pieces: Iterator[bytes], seconds: float) -> tuple[bytes, bool]:
    """Take pieces until they are many bytes, or for so long; say whether they are at their end."""
    taken, size, until = [start], len(start), time.monotonic() + seconds
    for piece in pieces:
        taken.append(piece)
        size += len(piece)
        if size >= GATHERED or time.monotonic() >= until:
            return b"".join(taken), False
    return b"".join(taken), True


def say(text: str) -> None:
    """Write a line to the log."""
    print(f"entrypoint: {text}", file=sys.stderr, flush=True)
