"""What a client that is not let in may try: paths, methods, headers, and requests that are none."""

from __future__ import annotations

import re

from tests.support.raw import get, with_body, with_headers
from tests.support.stacks import ROOT

ALLOWED, DENIED = "127.0.0.1", "127.0.0.2"
HEALTH = "127.255.255.254"
HEALTH_PATH = "/asked-by-the-health-check"

# Statuses with which nginx turns down what is no request to it, before it looks at any rule.
NO_REQUEST = {400, 403, 405, 408, 413, 414, 417, 421, 431, 501, 505}


def paths() -> list[str]:
    """Name every location of our configuration, and other paths that might be special."""
    conf = "".join(file.read_text() for file in sorted((ROOT / "conf").glob("*.conf")))
    locations = re.findall(r"location (?:[=~^*]+ )?(\S+) \{", conf)
    assert {"/", "/alive", "/ready", "@unavailable"} <= set(locations)
    return [
        *dict.fromkeys(f"/{each.lstrip('/')}" for each in locations),
        *("/.unavailable", "/no/such/path", "/static/x", "/favicon.ico", "/403.html", "/50x.html"),
        *("/index.html", "/nginx_status", "/.git/config", "/run/permissions.conf", "/count", "//"),
        *("///ready", "//ready", "/./ready", "/x/../ready", "/%2e/ready", "/x/%2e%2e/ready"),
        *("/%2fready", "/ready/", "/ready%20", "/ready;x", "/ready/../x", "/READY", "/r%65ady"),
        *(
            "/ready?x=1",
            "/?x=/ready",
            "/ready#x",
            "/ready%3f",
            "/ready%23",
            "/\\ready",
            "/%5cready",
        ),
        *(HEALTH_PATH, "/a%0d%0ab", "/%ff", "/ü", f"/{'x' * 4000}", f"/?{'x' * 4000}"),
    ]


METHODS = (
    *("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "COPY", "LOCK", "MKCOL", "MOVE"),
    *("PROPFIND", "PROPPATCH", "PURGE", "SEARCH", "UNLOCK", "X", "GETS", "M-SEARCH", "A_B"),
)

FORGED = (
    *(f"X-Forwarded-For: {client}" for client in (ALLOWED, "127.0.0.3", "::1", "10.0.0.1")),
    f"X-Forwarded-For: {ALLOWED}, {ALLOWED}",
    f"X-Forwarded-For: {ALLOWED}\r\nX-Forwarded-For: {ALLOWED}",
    f"X-Forwarded-For: ::ffff:{ALLOWED}",
    f"X-Forwarded-For: {ALLOWED}:80",
    "X-Forwarded-For: unix:",
    "X-Forwarded-For:",
    f"X_Forwarded_For: {ALLOWED}",
    f"x-forwarded-for: {ALLOWED}",
    f"X-Real-IP: {ALLOWED}",
    f"Forwarded: for={ALLOWED};host=test;proto=https",
    f"X-Client-IP: {ALLOWED}\r\nTrue-Client-IP: {ALLOWED}\r\nCF-Connecting-IP: {ALLOWED}",
    f"Via: 1.1 {ALLOWED}\r\nX-Cluster-Client-IP: {ALLOWED}\r\nX-ProxyUser-Ip: {ALLOWED}",
    "X-Accel-Redirect: /ready",
    "X-Original-URL: /ready\r\nX-Rewrite-URL: /ready",
    "X-HTTP-Method-Override: GET",
    "Authorization: Basic YWRtaW46YWRtaW4=",
    f"Remote-Addr: {ALLOWED}\r\nREMOTE_ADDR: {ALLOWED}",
    f"Host: {HEALTH}",
    "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13",
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
    "Connection: close, X-Forwarded-For",
    "Range: bytes=0-1",
    'If-None-Match: "x"',
    "If-Match: x",
    "If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT",
)

# What an allowed client could ask the application: a denied one gets 403, and that alone.
REQUESTS: dict[str, bytes] = {
    **{f"path {path[:40]}": get(path) for path in paths()},
    **{f"method {method}": get().replace(b"GET", method.encode()) for method in METHODS},
    **{" ".join(headers.split()): with_headers(headers) for headers in FORGED},
    "a port in Host": get(headers=f"Host: {HEALTH}:80"),
    "HTTP/1.0": get(version=" HTTP/1.0"),
    "HTTP/1.0 without Host": b"GET / HTTP/1.0\r\n\r\n",
    "HTTP/1.0 kept alive": b"GET / HTTP/1.0\r\n\r\n",
    "HTTP/1.9": get(version=" HTTP/1.9"),
    "bare line feeds": get().replace(b"\r\n", b"\n"),
    "empty lines first": b"\r\n\r\n" + get(),
    "absolute target": get("http://test/"),
    "absolute target, other host": get("http://localhost/ready"),
    "absolute target, health": get(f"http://{HEALTH}/ready"),
    "absolute target, https": get("https://test/"),
    "absolute target, upper case": get("HTTP://TEST/"),
    "a body": with_body("Content-Length: 5", "hello"),
    "a body that waits for 100": with_body("Expect: 100-continue\r\nContent-Length: 5", "hello"),
    "a body in chunks": with_body("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
    "a long body": with_body("Content-Length: 500000", "x" * 500_000),
    "two in a row": get().replace(b"Connection: close", b"X: x") + get(),
    "a request as the body": with_body(f"Content-Length: {len(get())}", get().decode()),
    "three in a row, with bodies": (
        2 * with_body("Content-Length: 5", "hello").replace(b"Connection: close", b"X: x") + get()
    ),
}

# What is no request, or none that nginx takes: neither 403 nor anything else of it matters.
NO_REQUESTS: dict[str, bytes] = {
    **{
        f"method {method}": get().replace(b"GET", method.encode())
        for method in ("TRACE", "get", "G\0T")
    },
    "CONNECT": b"CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n",
    "CONNECT to the health checks": f"CONNECT {HEALTH}:80 HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "OPTIONS *": b"OPTIONS * HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
    "target without a slash": get("ready"),
    "target with a NUL": get("/\0"),
    "target with %00": get("/%00"),
    "target above the root": get("/../ready"),
    "target with a space": get("/ ready"),
    "target of 9 KB": get(f"/{'x' * 9000}"),
    "target of 100 KB": get(f"/{'x' * 100_000}"),
    "absolute target without a host": get("http:///ready"),
    "absolute target with another scheme": get("file:///etc/passwd"),
    "no Host": get(headers="X: x"),
    "two Hosts": get(headers="Host: test\r\nHost: 127.0.0.1"),
    "several hosts in one": get(headers="Host: test, 127.0.0.1"),
    "no name in Host": get(headers="Host:"),
    "a wrong Host": get(headers="Host: /ready"),
    "a Host with a space": get(headers="Host: a b"),
    "HTTP/2.0": get(version=" HTTP/2.0"),
    "HTTP/1.1 in lower case": get(version=" http/1.1"),
    "HTTP/2 from the start": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\0" * 32,
    "PROXY, version 1": b"PROXY TCP4 127.0.0.1 127.0.0.1 1 80\r\n" + get(),
    "PROXY, version 2": (
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\0\x01\0\x50" + get()
    ),
    "two lengths": with_body("Content-Length: 5\r\nContent-Length: 6", "hello"),
    "a length and chunks": with_body(
        "Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n" + get().decode()
    ),
    "an unknown coding": with_body("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"),
    "a negative length": with_body("Content-Length: -1", ""),
    "wrong chunks": with_body("Transfer-Encoding: chunked", "nothing\r\n"),
    "an unknown expectation": with_headers("Expect: everything"),
    "a header without a name": with_headers(": x"),
    "a header with a space": with_headers(f"X-Forwarded-For : {ALLOWED}"),
    "a folded header": with_headers(f"X: x\r\n X-Forwarded-For: {ALLOWED}"),
    "a header with a NUL": with_headers("X: \0"),
    "headers of 50 KB": with_headers("\r\n".join(f"X-{i}: {'x' * 1000}" for i in range(50))),
    "500 headers": with_headers("\r\n".join(f"X-{i}: x" for i in range(500))),
}

# Requests that never become whole: the client sends this and no more.
HALVES: dict[str, bytes] = {
    "nothing": b"",
    "half a line": b"GET /rea",
    "a line": b"GET /ready HTTP/1.1\r\n",
    "half the headers": b"GET / HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: 127",
    "all but the last line feed": get()[:-1],
    "half a body": with_body("Content-Length: 5", "he"),
    "a body that is too large": with_body("Content-Length: 99999999999", "x"),
    "half a chunk": with_body("Transfer-Encoding: chunked", "5\r\nhe"),
    "a request and a half": get().replace(b"Connection: close", b"X: x") + b"GET / HT",
}
