"""The user's own nginx lines: conf/server.d and conf/http.d."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.launching import Launch
from tests.support.stacks import reserve


def test_a_line_that_escapes_the_list_is_named(launch: Launch, conf: Path) -> None:
    (conf / "server.d/mine.conf").write_text(
        "location = /open {\n    allow all;\n    uwsgi_pass unix:run/uwsgi.sock;\n}\n"
        "location = /ping {\n    return 204;\n}\n"
        "location = /closed {\n    uwsgi_pass unix:run/uwsgi.sock;\n}\n"
        "real_ip_header X-Foo;\n"
    )
    stack = launch(conf=conf, ALLOWED="192.0.2.1")
    assert stack.says("warning: conf/server.d/mine.conf:2: allow all: replaces ALLOWED")
    assert stack.says("warning: conf/server.d/mine.conf:6: return 204: answers clients")
    assert stack.says("mine.conf:11: real_ip_header X-Foo: changes who is taken for the client")
    assert len(stack.says("mine.conf", count=3)) == 3
    assert [stack.get(path).status_code for path in ("/open", "/ping", "/closed")] == [
        404,
        204,
        403,
    ]


def test_lines_for_the_whole_of_nginx_can_be_added(launch: Launch, conf: Path) -> None:
    (conf / "http.d/mine.conf").write_text('map $arg_x $answer { default "no"; y "yes"; }\n')
    (conf / "server.d/mine.conf").write_text("add_header X-Answer $answer;\n")
    stack = launch(conf=conf)
    assert stack.get("/?x=y").headers["X-Answer"] == "yes"


@pytest.fixture
def reserved() -> Iterator[socket.socket]:
    """A port that nobody else is given, and nginx can take."""
    with reserve() as reserved:
        yield reserved


def test_a_server_without_the_rules_is_named(
    launch: Launch, conf: Path, reserved: socket.socket
) -> None:
    port = reserved.getsockname()[1]
    for name, rules in (("open", ""), ("closed", "include ../run/permissions.conf;")):
        (conf / f"http.d/{name}.conf").write_text(
            f"server {{\n    listen 127.0.0.1:{port};\n    server_name {name};\n    {rules}\n"
            "    location / {\n        include application.conf;\n    }\n"
            "    location @unavailable {\n        try_files /none =503;\n    }\n}\n"
        )
    stack = launch(conf=conf, ALLOWED="192.0.2.1")
    assert stack.says("warning: conf/http.d/open.conf:1: server: is open to clients")
    assert not stack.lines("warning: conf/http.d/closed.conf")
    statuses = [
        requests.get(f"http://127.0.0.1:{port}/", headers={"Host": host}, timeout=60).status_code
        for host in ("open", "closed")
    ]
    assert statuses == [200, 403]


@pytest.mark.parametrize("folder", ["server.d", "http.d"])
def test_a_mistake_is_shown_with_its_file_and_line(launch: Launch, conf: Path, folder: str) -> None:
    (conf / f"{folder}/mine.conf").write_text("# mine\nadd_headr X-A b;\n")
    stack = launch(ready=False, alarms=True, conf=conf)
    assert stack.wait_until_gone() == 78
    assert stack.says("add_headr", f"conf/{folder}/mine.conf:2")
