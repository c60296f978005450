"""TLS_CLIENT_CA_FILE: without a certificate of that authority nobody is served."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import trustme

from tests.support.certificates import Certificates
from tests.support.launching import Plan, shared
from tests.support.stacks import ROOT, Stack

DENIED = "127.0.0.2"
PROXY = "127.0.0.3"
FORGED = {
    "SSL_CLIENT_VERIFY": "SUCCESS",
    "SSL-Client-Verify": "SUCCESS",
    "Ssl-Client-S-Dn": "CN=root",
    "X-SSL-Client-Verify": "SUCCESS",
    "X-Forwarded-Proto": "https",
}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make a pair, an authority for clients, and certificates of it and of others."""
    made = Certificates(tmp_path_factory.mktemp("certificates") / "tls")
    made.write()
    clients = Certificates(made.folder / "clients")
    for name in ("ann", "bob"):
        made.client(name, clients.authority.issue_cert(common_name=name))
    made.client("below", clients.authority.create_child_ca().issue_cert(common_name="below"))
    made.client("ended", clients.issue(until=-0.5, since=-2, common_name="ended"))
    made.client("foreign", trustme.CA().issue_cert(common_name="ann"))
    return made


@pytest.fixture(scope="module", params=["host", "image"])
def served(
    request: pytest.FixtureRequest,
    certificates: Certificates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """Run a stack that wants certificates of its clients, and believes a proxy."""
    settings = certificates.settings(
        TLS_CLIENT_CA_FILE=str(certificates.folder / "clients/ca.pem"),
        ALLOWED="127.0.0.1",
        TRUSTED_PROXIES=PROXY,
        RESPONSE_CACHE="on",
    )
    plan = Plan(settings, ROOT / "tests/apps/secured", files=certificates.folder)
    yield from shared(plan, request, tmp_path_factory)


def cert(certificates: Certificates, name: str) -> str:
    """Name the file of a client's certificate."""
    return str(certificates.folder / name)


def test_a_client_of_the_authority_is_served_and_named(
    served: Stack, certificates: Certificates
) -> None:
    answer = served.https("/seen", cert=cert(certificates, "ann"), headers=FORGED)
    told = answer.json()["tls"]
    assert told.pop("SSL_CLIENT_S_DN").startswith("CN=ann,")
    assert len(told.pop("SSL_CLIENT_FINGERPRINT")) == 40
    assert int(told.pop("SSL_CLIENT_SERIAL"), 16)
    assert "Testing CA" in told.pop("SSL_CLIENT_I_DN")
    assert told == {"SSL_CLIENT_VERIFY": "SUCCESS"}
    below = served.https("/seen", cert=cert(certificates, "below")).json()
    assert below["tls"]["SSL_CLIENT_S_DN"].startswith("CN=below,")


# From an address each, because the log shows the first line of a client's and counts the rest.
@pytest.mark.parametrize(
    ("client", "name", "why"),
    [
        ("127.0.0.11", "", "no client certificate: "),
        ("127.0.0.12", "foreign", "client certificate: unable to verify the first certificate: "),
        ("127.0.0.13", "ended", "client certificate: certificate has expired: "),
    ],
)
def test_every_other_client_is_turned_away_and_named(
    served: Stack, certificates: Certificates, client: str, name: str, why: str
) -> None:
    shown = cert(certificates, name) if name else None
    for path in ("/seen", "/who", "/static/x", "/ready", "//", "/.git"):
        answer = served.https(path, client, cert=shown, headers=FORGED)
        assert answer.status_code == 400
        assert "Set-Cookie" not in answer.headers
    # Of nginx's workers each has its own first.
    assert served.says(f"turned away: {why}{client} ")


def test_the_plain_port_serves_nobody(served: Stack) -> None:
    for path in ("/seen", "/who", "/static/x", "/ready", "//"):
        for headers in ({}, FORGED):
            answer = served.get(path, headers=headers, allow_redirects=False)
            assert answer.status_code == 308


def test_a_proxy_that_is_believed_on_tls_cannot_vouch_for_a_certificate(served: Stack) -> None:
    headers = {**FORGED, "X-Forwarded-For": "127.0.0.1"}
    answer = served.get("/seen", PROXY, headers=headers, allow_redirects=False)
    assert answer.status_code == 403
    assert served.says("turned away: no client certificate, which a proxy", f"(peer {PROXY})")


def test_a_certificate_does_not_open_the_list(served: Stack, certificates: Certificates) -> None:
    for path in ("/seen", "/who", "/static/x"):
        answer = served.https(path, DENIED, cert=cert(certificates, "ann"), headers=FORGED)
        assert answer.status_code == 403


def test_the_cache_gives_nobody_what_was_meant_for_another(
    served: Stack, certificates: Certificates
) -> None:
    for _ in range(2):
        for name in ("ann", "bob"):
            answer = served.https("/who", cert=cert(certificates, name))
            assert answer.text.startswith(f"CN={name},")


def test_health_checks_need_no_certificate(served: Stack) -> None:
    assert served.run("./entrypoint.py", "healthy").returncode == 0
