"""HTTPS: what is served by it, what redirects to it, and what clients are told."""

from __future__ import annotations

import socket
import ssl
import warnings
from collections.abc import Iterator

import pytest

from tests.support import raw
from tests.support.certificates import Certificates
from tests.support.http2 import Connection
from tests.support.launching import Launch, Plan, shared
from tests.support.stacks import ROOT, Stack
from tests.support.wait import HANGS

APP = ROOT / "tests/apps/secured"
DENIED = "127.0.0.2"
# The log shows a client that is turned away once, and then counts: of this one it has no line yet.
UNCOUNTED = "127.0.0.3"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make one pair for all tests of this module."""
    made = Certificates(tmp_path_factory.mktemp("certificates") / "tls")
    made.write()
    return made


@pytest.fixture(scope="module", params=["host", "image"])
def served(
    request: pytest.FixtureRequest,
    certificates: Certificates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """Run a stack with TLS, and defaults otherwise."""
    settings = certificates.settings(
        ALLOWED=f"127.0.0.1;{UNCOUNTED};::1", HSTS="86400", RESPONSE_CACHE="on"
    )
    plan = Plan(settings, APP, files=certificates.folder)
    yield from shared(plan, request, tmp_path_factory)


def handshake(
    stack: Stack, certificates: Certificates, *offered: str, **options: str
) -> ssl.SSLSocket:
    """Connect by TLS as a client that trusts the authority, and offers these protocols."""
    context = ssl.create_default_context(cafile=str(certificates.ca))
    if offered:
        context.set_alpn_protocols(offered)
    for name, value in options.items():
        setattr(context, name, getattr(ssl.TLSVersion, value))
    plain = socket.create_connection(("127.0.0.1", stack.tls_port), HANGS)
    return context.wrap_socket(plain, server_hostname="localhost")


def agreed(stack: Stack, ciphers: str, version: ssl.TLSVersion) -> str | None:
    """Name the suite that a client with these and one version gets, if it gets one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers(ciphers)
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", stack.tls_port), HANGS) as plain:
        try:
            with context.wrap_socket(plain) as connection:
                suite = connection.cipher()
        except (ssl.SSLError, ConnectionError):
            return None
    return suite[0] if suite else None


def test_the_application_is_served_by_tls_and_knows_it(
    served: Stack, certificates: Certificates
) -> None:
    answer = served.https("/seen", verify=str(certificates.ca))
    assert answer.json()["scheme"] == "https"
    assert answer.json()["url"] == f"https://127.0.0.1:{served.tls_port}/seen"
    assert answer.json()["tls"] == {}
    assert "; Secure;" in answer.headers["Set-Cookie"]
    assert served.https("/seen", "::1").json()["client"] == "::1"


def test_the_plain_port_redirects_to_the_same_place(served: Stack) -> None:
    for method in ("GET", "HEAD", "POST", "DELETE"):
        answer = served.request(method, "/a//b%2F?c=d&e", allow_redirects=False)
        assert answer.status_code == 308
        location = answer.headers["Location"]
        assert location == f"https://127.0.0.1:{served.tls_port}/a//b%2F?c=d&e"
        assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize(
    ("request_line", "headers", "host"),
    [
        ("GET / HTTP/1.1", "Host: shop.example", "shop.example"),
        ("GET / HTTP/1.1", "Host: SHOP.example:8080", "shop.example"),
        ("GET / HTTP/1.1", "Host: [2001:db8::1]:80", "[2001:db8::1]"),
        ("GET http://shop.example/ HTTP/1.1", "Host: other.example", "shop.example"),
        ("GET / HTTP/1.1", "Host: a.example\r\nX-Forwarded-Host: b.example", "a.example"),
        ("GET / HTTP/1.1", "Host: a.example\r\nX-Forwarded-Proto: https", "a.example"),
        ("GET / HTTP/1.0", "X: x", "127.0.0.1"),
    ],
)
def test_a_redirect_names_the_host_that_was_asked_for(
    served: Stack, request_line: str, headers: str, host: str
) -> None:
    request = f"{request_line}\r\n{headers}\r\nConnection: close\r\n\r\n".encode()
    answer = raw.send(served, request).decode()
    assert f"\r\nLocation: https://{host}:{served.tls_port}/\r\n" in answer


def test_a_host_that_is_none_is_not_redirected_to(served: Stack) -> None:
    for host in ("evil.example/", "a@b", "a b", "a%0d%0ab"):
        assert raw.statuses(raw.send(served, raw.get(headers=f"Host: {host}"))) == [400]


def test_a_denied_client_gets_403_on_both_ports(served: Stack) -> None:
    for answer in (served.get("/", DENIED, allow_redirects=False), served.https("/", DENIED)):
        assert answer.status_code == 403
        assert "Location" not in answer.headers
    assert served.says("denied: ALLOWED does not contain", DENIED)


def test_http_2_is_spoken_by_tls_and_by_tls_only(served: Stack, certificates: Certificates) -> None:
    with handshake(served, certificates, "h2", "http/1.1") as connection:
        assert connection.selected_alpn_protocol() == "h2"
    with handshake(served, certificates, "http/1.1") as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"
    with Connection(served.tls_port) as connection:
        (answer,) = connection.ask([connection.get("/seen")])
        assert answer.status == 200
        assert b'"protocol":"HTTP/2.0"' in answer.body
        assert f'"url":"https://localhost:{served.tls_port}/seen"'.encode() in answer.body
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
    assert raw.statuses(raw.send(served, preface)) in ([400], [405])


def test_old_versions_are_refused(served: Stack) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that is what is tested
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            assert agreed(served, "ALL:@SECLEVEL=0", version) is None
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        assert agreed(served, "ALL", version)


def test_only_suites_of_the_intermediate_profile_are_taken(served: Stack) -> None:
    every = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    every.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    old = [each["name"] for each in every.get_ciphers() if each["protocol"] != "TLSv1.3"]
    assert {"AES256-SHA", "ECDHE-ECDSA-AES128-SHA256", "DHE-RSA-AES128-GCM-SHA256"} <= set(old)
    taken = {agreed(served, f"{each}:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2) for each in old}
    kinds = ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    assert taken == {None, *(f"ECDHE-ECDSA-{kind}" for kind in kinds)}


def test_a_client_that_comes_back_resumes_its_session(
    served: Stack, certificates: Certificates
) -> None:
    for version in ("TLSv1_2", "TLSv1_3"):
        with handshake(served, certificates, maximum_version=version) as first:
            first.sendall(raw.get("/seen"))
            raw.rest(first)
            session = first.session
        plain = socket.create_connection(("127.0.0.1", served.tls_port), HANGS)
        with first.context.wrap_socket(
            plain, server_hostname="localhost", session=session
        ) as again:
            assert again.session_reused


def test_hsts_is_sent_over_tls_where_the_application_sets_none(served: Stack) -> None:
    assert served.https("/seen").headers["Strict-Transport-Security"] == "max-age=86400"
    own = served.https("/seen?hsts=max-age=1").headers["Strict-Transport-Security"]
    assert own == "max-age=1"


def test_plain_http_on_the_tls_port_is_turned_away_and_named(served: Stack) -> None:
    for client in (UNCOUNTED, DENIED):
        with socket.create_connection(("127.0.0.1", served.tls_port), HANGS, (client, 0)) as plain:
            plain.sendall(raw.get("/said"))
            assert raw.statuses(raw.rest(plain)) == [400]
        assert served.says(f"turned away: plain HTTP on the TLS port: {client} ", '"GET /said HTTP')


def test_health_checks_stay_plain_and_on_loopback(served: Stack) -> None:
    for command in ("healthy", "alive"):
        assert served.run("./entrypoint.py", command).returncode == 0
    assert served.run("cat", "run/health.conf").stdout == f"listen 127.255.255.254:{served.port};\n"


def test_the_key_is_shown_to_nobody(served: Stack, certificates: Certificates) -> None:
    shown = served.run("./entrypoint.py", "check")
    assert shown.returncode == 0, shown.stderr
    assert "certificate: localhost, 127.0.0.1" in shown.stdout
    assert "-----BEGIN" not in shown.stdout + shown.stderr + served.log()
    assert served.run("stat", "-c%a", "run/certificate.pem").stdout == "600\n"


def test_long_answers_and_uploads_arrive_whole(served: Stack) -> None:
    assert served.https("/stream").content == b"x" * 2**20
    body = b"x" * 900_000
    assert served.https("/seen", method="POST", data=body).json()["length"] == len(body)
    with Connection(served.tls_port) as connection:
        stream, upload = connection.get("/stream"), connection.post("/seen", body)
        answers = connection.ask([stream, upload])
        assert answers[0].body == b"x" * 2**20
        assert f'"length":{len(body)}'.encode() in answers[1].body


# With settings of their own.


def test_both_ports_serve_where_nothing_redirects(
    launch: Launch, certificates: Certificates
) -> None:
    settings = certificates.settings(TLS_REDIRECT="off", HSTS="60")
    stack = launch(app=APP, files=certificates.folder, **settings)
    plain, secured = stack.get("/seen"), stack.https("/seen")
    assert (plain.json()["scheme"], secured.json()["scheme"]) == ("http", "https")
    assert "Strict-Transport-Security" not in plain.headers
    assert secured.headers["Strict-Transport-Security"] == "max-age=60"


def test_the_published_port_is_redirected_to(launch: Launch, certificates: Certificates) -> None:
    settings = certificates.settings(TLS_REDIRECT="443")
    stack = launch(app=APP, files=certificates.folder, **settings)
    answer = stack.get("/x", allow_redirects=False)
    assert answer.headers["Location"] == "https://127.0.0.1/x"
