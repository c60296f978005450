"""A renewed certificate is taken by itself, and nothing else ever is."""

from __future__ import annotations

import contextlib
import os
import signal
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from stack.machine.clock import DAY
from stack.supervision import renewal
from tests.support.certificates import Certificates, put
from tests.support.launching import Launch
from tests.support.stacks import Stack
from tests.support.wait import HANGS


def serial(stack: Stack) -> bytes:
    """Read which certificate is served; none while nobody serves."""
    with contextlib.suppress(ConnectionError):
        return ssl.PEM_cert_to_DER_cert(
            ssl.get_server_certificate(("127.0.0.1", stack.tls_port), timeout=60)
        )
    return b""


def renewed(stack: Stack, pair: Certificates, change: Callable[[], object]) -> bytes:
    """Change a pair's files, and wait until what is in them is served; say what that is.

    For a moment nginx's old workers still accept connections, and show the one from before.
    """
    change()
    first, end, _ = pair.chain.read_text().partition(ssl.PEM_FOOTER)
    given = ssl.PEM_cert_to_DER_cert(first + end)
    stack.wait_until(lambda: serial(stack) == given)
    return given


def in_place(pair: Certificates) -> None:
    """Write a pair over the old one, the key some time after the certificate."""
    leaf = pair.issue()
    pair.chain.write_bytes(b"".join(each.bytes() for each in leaf.cert_chain_pems))
    pair.key.write_bytes(leaf.private_key_pem.bytes())


def by_link(pair: Certificates, number: int) -> None:
    """Swap a folder's link, as Kubernetes does with secrets."""
    folder = pair.folder / f"..{number}"
    folder.mkdir(mode=0o755)
    others = Certificates(folder)
    others.write()
    link = pair.folder / "..new"
    link.symlink_to(folder.name)
    link.replace(pair.folder / "..data")


def test_a_renewal_is_taken_however_it_is_written(launch: Launch, pair: Certificates) -> None:
    by_link(pair, 0)
    for path in (pair.chain, pair.key):
        path.unlink()
        path.symlink_to(f"..data/{path.name}")
    stack = launch(files=pair.folder, ALLOWED="127.0.0.1", **pair.settings())
    renewed(stack, pair, lambda: by_link(pair, 1))
    renewed(stack, pair, pair.write)
    last = renewed(stack, pair, lambda: in_place(pair))
    assert len(stack.says("entrypoint: the certificate was renewed: localhost", count=3)) == 3
    assert not stack.lines("stays")
    # What nginx has is what its next start will have.
    os.kill(stack.processes("nginx")[0], signal.SIGKILL)
    stack.wait_until(lambda: serial(stack) == last)


def test_half_a_renewal_is_never_taken_and_is_named(launch: Launch, pair: Certificates) -> None:
    stack = launch(files=pair.folder, ALLOWED="127.0.0.1", **pair.settings())
    first = serial(stack)
    leaf = pair.issue()
    put(pair.key, leaf.private_key_pem.bytes())
    stack.says("error: TLS_CERTIFICATE_FILE: ", "the key is not this certificate's", "stays")
    # Neither a reload nor a new nginx takes it.
    answer = stack.run("./entrypoint.py", "reload")
    assert answer.returncode == 0
    assert "warning: TLS_CERTIFICATE_FILE: " in answer.stderr
    assert "the certificate from before stays" in answer.stderr
    os.kill(stack.processes("nginx")[0], signal.SIGKILL)
    stack.wait_until(lambda: serial(stack) == first)
    renewed(stack, pair, lambda: pair.write(leaf))
    stack.says("entrypoint: the certificate was renewed: localhost")


def test_a_new_authority_of_clients_is_taken_too(launch: Launch, pair: Certificates) -> None:
    clients = Certificates(pair.folder / "clients")
    ann = clients.client("ann", clients.issue())
    ca = pair.folder / "clients.pem"
    put(ca, pair.ca.read_bytes())
    stack = launch(files=pair.folder, **pair.settings(TLS_CLIENT_CA_FILE=str(ca)))
    assert stack.https(cert=ann).status_code == 400
    put(ca, clients.ca.read_bytes())
    stack.wait_until(lambda: stack.https(cert=ann).status_code == 200)


def test_no_request_is_lost_to_a_renewal(launch: Launch, pair: Certificates) -> None:
    stack = launch(files=pair.folder, ALLOWED="127.0.0.1", **pair.settings())
    enough = threading.Event()

    context = ssl.create_default_context(cadata=pair.ca.read_text())

    def ask() -> set[int]:
        # A connection each: one that nginx closes while it is idle is the client's to open anew.
        # With a pause: some eighty a second leave something of the machine for the renewals.
        seen = set()
        while not enough.wait(0.05):
            port = stack.tls_port
            client = HTTPSConnection("127.0.0.1", port, timeout=HANGS, context=context)
            with contextlib.closing(client):
                client.request("GET", "/")
                seen.add(client.getresponse().status)
        return seen

    with ThreadPoolExecutor() as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        try:
            renewed(stack, pair, pair.write)
            renewed(stack, pair, pair.write)
        finally:
            enough.set()
        assert [each.result() for each in asking] == [{200}] * 4


class Logger:
    """Keeps what supervisord would log."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self.said: list[str] = []

    def warn(self, text: str) -> None:
        """Keep a warning."""
        self.said.append(text)


def test_an_end_that_is_near_is_warned_of_once_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    ends = time.time() + 3.2 * DAY
    (tmp_path / renewal.FACTS).write_text(f'{{"files": ["x"], "seen": "E2", "ends": {ends}}}')
    monkeypatch.chdir(tmp_path)
    logger = Logger()
    looked = renewal.Renewal(logger)
    looked.look()
    assert not logger.said
    for days in (1, 2, 3):
        looked.warned_at -= DAY
        looked.look()
        looked.look()
        assert len(logger.said) == days
    assert logger.said[0].startswith("the certificate ends in 3 days, on ")


def test_files_that_are_no_pair_are_tried_again_after_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / renewal.FACTS).write_text('{"files": ["x"], "seen": "", "ends": 4e9}')
    monkeypatch.chdir(tmp_path)
    started: list[str] = []

    def spawn(program: str, *_: object) -> int:
        started.append(program)
        return 0

    monkeypatch.setattr(os, "posix_spawn", spawn)
    looked = renewal.Renewal(Logger())
    for _ in range(4):
        looked.look()
    assert len(started) == 1
    looked.tried_at -= renewal.AGAIN
    looked.look()
    looked.look()
    assert len(started) == 2
