"""Behind real proxies: who the client is, by what scheme he came, and that all of it arrives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.support.certificates import Certificates
from tests.support.launching import Plan, shared
from tests.support.proxies import CADDY, HAPROXY, NGINX, PASSING, running
from tests.support.stacks import ROOT, From, Stack
from tests.support.wait import HANGS

CLIENT, DENIED = "127.0.0.2", "127.0.0.4"
FORGED = {"X-Forwarded-For": "127.0.0.9", "X-Request-Id": "forged", "Forwarded": "for=127.0.0.9"}
COMMON = {"ALLOWED": CLIENT, "TRUSTED_PROXIES": "127.0.0.1", "CLIENT_MAX_BODY_SIZE": "20m"}

# TLS at the proxy, TLS at the proxy and here, and TLS here, which the proxy passes through.
FORWARDED = ("caddy", "haproxy", "nginx", "nginx_to_tls")
PASSED = ("v1", "v2")
KINDS = {"forwarded": {}, "passed": {"REAL_IP_HEADER": "proxy_protocol"}}


@dataclass
class Front:
    """A stack, and the ports of what stands before it."""

    stack: Stack
    ports: dict[str, int]

    def ask(self, way: str, path: str, client: str = CLIENT, **options: Any) -> requests.Response:
        """Make a request to a proxy, by TLS unless the way is a plain one."""
        scheme = "http" if way.endswith("_plain") else "https"
        method = "POST" if "data" in options else "GET"
        with requests.Session() as session:
            session.trust_env = False
            session.mount(f"{scheme}://", From(client))
            return session.request(
                method, self.url(way, path, scheme), timeout=HANGS, allow_redirects=False, **options
            )

    def url(self, way: str, path: str, scheme: str = "https") -> str:
        """Write the URL that a client knows."""
        return f"{scheme}://127.0.0.1:{self.ports[way]}{path}"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make a pair, for the stack and for what stands before it."""
    made = Certificates(tmp_path_factory.mktemp("certificates") / "tls")
    made.client("both.pem", made.write())
    return made


@pytest.fixture(scope="module", params=["host", "image"])
def guarded(
    request: pytest.FixtureRequest,
    certificates: Certificates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Front]]:
    """Run two stacks and all proxies: for headers, and for the PROXY protocol."""
    words = {
        "chain": str(certificates.chain),
        "key": str(certificates.key),
        "pem": str(certificates.folder / "both.pem"),
    }
    plans = [
        Plan(certificates.settings(**COMMON, **more), ROOT / "tests/apps/secured")
        for more in KINDS.values()
    ]
    for plan in plans:
        plan.files = certificates.folder
    starting = [shared(plan, request, tmp_path_factory) for plan in plans]
    stacks = [next(each) for each in starting]
    speaking, passing = (
        {"plain": str(stack.port), "tls": str(stack.tls_port), **words} for stack in stacks
    )
    folders = [tmp_path_factory.mktemp("proxies") for _ in stacks]
    both = {"caddy": CADDY, "nginx": NGINX, "haproxy": HAPROXY}
    with (
        running(both, (*FORWARDED, "nginx_plain"), folders[0], **speaking) as forwarded,
        running({"haproxy": PASSING}, (*PASSED, "v2_plain"), folders[1], **passing) as passed,
    ):
        ports = {**forwarded, **passed}
        fronts = [Front(stack, ports) for stack in stacks]
        yield {
            **dict.fromkeys(forwarded, fronts[0]),
            **dict.fromkeys(passed, fronts[1]),
        }
    for each in starting:
        next(each, None)


@pytest.mark.parametrize("way", [*FORWARDED, *PASSED])
def test_the_application_sees_the_client_and_how_he_came(
    guarded: dict[str, Front], certificates: Certificates, way: str
) -> None:
    front = guarded[way]
    answer = front.ask(way, "/seen", headers=FORGED, verify=str(certificates.ca))
    seen = answer.json()
    assert seen["client"] == CLIENT
    assert seen["scheme"] == "https"
    assert seen["url"] == front.url(way, "/seen")
    assert "; Secure;" in answer.headers["Set-Cookie"]
    assert seen["id"] == answer.headers["X-Request-Id"] != "forged"
    assert "forwarded" not in seen["headers"]


@pytest.mark.parametrize("way", [*FORWARDED, *PASSED])
def test_a_client_that_is_not_listed_gets_403_and_no_redirect(
    guarded: dict[str, Front], certificates: Certificates, way: str
) -> None:
    front = guarded[way]
    for headers in ({}, {"X-Forwarded-For": CLIENT}):
        answer = front.ask(way, "/said", DENIED, headers=headers, verify=str(certificates.ca))
        assert answer.status_code == 403
        assert "Location" not in answer.headers
    assert front.stack.says("denied: ALLOWED does not contain", DENIED)


@pytest.mark.parametrize("way", [*FORWARDED, *PASSED])
def test_long_bodies_and_streams_arrive_whole(
    guarded: dict[str, Front], certificates: Certificates, way: str
) -> None:
    front, verify = guarded[way], str(certificates.ca)
    body = b"x" * 15_000_000
    assert front.ask(way, "/seen", data=body, verify=verify).json()["length"] == len(body)
    assert front.ask(way, "/stream", verify=verify).content == b"x" * 2**20


@pytest.mark.parametrize("way", ["nginx_plain", "v2_plain"])
def test_who_comes_to_a_proxy_without_tls_is_redirected(
    guarded: dict[str, Front], way: str
) -> None:
    front = guarded[way]
    answer = front.ask(way, "/said?x=1", headers=FORGED)
    assert answer.status_code == 308
    assert answer.headers["Location"] == f"https://127.0.0.1:{front.stack.tls_port}/said?x=1"
    assert front.ask(way, "/said", DENIED).status_code == 403


def test_a_peer_that_is_no_proxy_is_nobody_but_itself(guarded: dict[str, Front]) -> None:
    answer = guarded["caddy"].stack.https("/seen", CLIENT, headers=FORGED).json()
    assert answer["client"] == CLIENT
    denied = {**FORGED, "X-Forwarded-For": CLIENT}
    assert guarded["caddy"].stack.https("/seen", DENIED, headers=denied).status_code == 403
