"""The user's own nginx lines: conf/server.d and conf/http.d."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
import requests

from tests.support.launching import Launch
from tests.support.stacks import reserve

# What an operator might write into the server; none of it helps a client that is not listed.
LINES = r"""
location = /allow { allow all; uwsgi_pass unix:run/uwsgi.sock; }
location = /return { return 200; }
location = /redirect { rewrite ^ https://elsewhere.example/ redirect; }
location = /satisfy { satisfy any; auth_basic x; auth_basic_user_file /dev/null; return 204; }
location = /pub { allow all; return 200; }
location @pub { allow all; uwsgi_pass unix:run/uwsgi.sock; }
location @said { return 200; }
location = /page { error_page 403 =200 @pub; deny all; }
location ~ ^/regex { error_page 403 =200 /pub; try_files /none =403; }
location /files/ { alias conf/; autoindex on; allow all; }
location = /missing { allow all; try_files /none @said; }
error_page 403 =200 @pub;
error_page 403 /pub;
error_page 404 413 =200 @said;
if ($arg_x) { return 200; }
rewrite ^/old /pub redirect;
return 200;
"""
ASKED = [*re.findall(r"/[a-z]+", LINES), "/", "/static/hello.txt", "/files/nginx.conf", "/?x=1"]
MANY = ";".join(f"10.{n >> 8}.{n & 255}.0/25" for n in range(5000))


@pytest.mark.parametrize("allowed", ["192.0.2.1", MANY], ids=["short", "long"])
def test_no_line_in_the_server_lets_in_a_client_that_is_not_listed(
    launch: Launch, conf: Path, allowed: str
) -> None:
    (conf / "server.d/mine.conf").write_text(LINES)
    stack = launch(conf=conf, ALLOWED=f"{allowed};127.0.0.3")
    for method, path in product(("GET", "POST", "HEAD", "OPTIONS"), dict.fromkeys(ASKED)):
        answer = stack.request(method, path, "127.0.0.2", allow_redirects=False)
        assert answer.status_code == 403, (method, path)
    assert stack.get("/return", "127.0.0.3").status_code == 200
    assert stack.says("warning: conf/server.d/mine.conf:7: allow all: answers clients")
    assert stack.says("warning: conf/server.d/mine.conf:8: return 200: answers clients", "@said")
    assert len(stack.lines("mine.conf")) == 2


ESCAPES = {
    "real_ip_header X-Foo;": "real_ip_header X-Foo: changes who is taken for the client",
    "location /x { set_real_ip_from 0.0.0.0/0; }": "set_real_ip_from 0.0.0.0/0: changes who",
    "set $listed 1;": "set $listed 1: changes $listed",
    'if ($uri ~ "^/(?<listed>1)") { set $x 1; }': "changes $listed",
}
ABOVE = {
    "set_real_ip_from 0.0.0.0/0;": "set_real_ip_from 0.0.0.0/0: changes who is taken",
    "map $uri $listed { default 1; }": "map $uri $listed: changes $listed",
    "geo $trusted_peer { default 1; }": "geo $trusted_peer: changes $trusted_peer",
    "map $uri $mine { ~^/(?<client_host>.*) 1; }": "changes $client_host",
}


def test_what_changes_who_is_asked_for_is_named(launch: Launch, conf: Path) -> None:
    (conf / "server.d/mine.conf").write_text("\n".join(ESCAPES))
    (conf / "http.d/mine.conf").write_text("\n".join(ABOVE))
    (conf / "http.d/fine.conf").write_text("map $uri $mine { default 1; }\nlimit_rate 1m;\n")
    stack = launch(conf=conf, ALLOWED="192.0.2.1")
    for folder, lines in (("server.d", ESCAPES), ("http.d", ABOVE)):
        for number, (_, reason) in enumerate(lines.items(), 1):
            assert stack.says(f"warning: conf/{folder}/mine.conf:{number}: ", reason)
    assert not stack.lines("warning: conf/http.d/fine.conf")
    assert not stack.lines("warning: conf/nginx.conf")
    assert not stack.lines("warning: conf/answers.conf")
    # Two locks: with the variable that the first one asks forged, the second one holds.
    assert stack.get(client="127.0.0.2").status_code == 403


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
    for name, rules in (("open", ""), ("closed", "include access.conf;")):
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
