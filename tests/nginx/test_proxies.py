"""Behind a proxy: who is believed, and what the application sees."""

from __future__ import annotations

import socket

import pytest

from stack.settings.networks import networks
from stack.settings.proxies import header, trusted
from tests.support.launching import Launch
from tests.support.stacks import ROOT, Stack

PROXY = "127.0.0.1"
FAULTS = ROOT / "tests/apps/faults"


def forwarded(stack: Stack, client: str, via: str = PROXY, **headers: str) -> int:
    """Say how a request is answered that a proxy passes on for a client."""
    return stack.get(client=via, headers={"X-Forwarded-For": client, **headers}).status_code


def test_without_trusted_proxies_a_header_changes_nothing(launch: Launch) -> None:
    stack = launch(ALLOWED="127.0.0.1")
    assert forwarded(stack, "203.0.113.5") == 200
    assert forwarded(stack, "127.0.0.1", via="127.0.0.2") == 403
    spoofed = {
        "X-Forwarded-For": "203.0.113.5",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Ssl": "on",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Port": "8443",
        "X-Real-IP": "203.0.113.5",
        "Forwarded": "for=203.0.113.5;proto=https",
        "Host": "shop.example",
    }
    seen = stack.get("/request", headers=spoofed).json()
    del seen["request_id"]
    assert seen == {"client": "127.0.0.1", "scheme": "http", "host": "shop.example"}


def test_behind_a_trusted_proxy_the_real_client_counts(launch: Launch) -> None:
    stack = launch(ALLOWED="203.0.113.0/24;2001:db8::/32", TRUSTED_PROXIES="127.0.0.1;127.0.0.9")
    assert forwarded(stack, "203.0.113.5") == 200
    assert forwarded(stack, "2001:db8::7") == 200
    assert forwarded(stack, "198.51.100.1") == 403
    # What a client sends itself stands before what the proxies add.
    assert forwarded(stack, "203.0.113.5, 198.51.100.1") == 403
    assert forwarded(stack, "198.51.100.1, 203.0.113.5, 127.0.0.9") == 200
    assert forwarded(stack, "203.0.113.5", via="127.0.0.2") == 403
    assert stack.get().status_code == 403
    stack.wait_until(
        lambda: stack.lines("denied", "198.51.100.1, taken from X-Forwarded-For (peer 127.0.0.1")
    )
    assert stack.says("denied", "127.0.0.2, taken from the connection (peer 127.0.0.2")


def test_the_application_sees_what_the_client_asked_for(launch: Launch) -> None:
    stack = launch(
        TRUSTED_PROXIES=PROXY,
        TRUSTED_HEADERS="X-Forwarded-Host,X-Forwarded-Port,X-Forwarded-Proto",
    )

    def seen(**headers: str) -> tuple[str, str, str]:
        sent = {"Host": "inner:8000", **{n.replace("_", "-"): v for n, v in headers.items()}}
        answer = stack.get("/request", headers={"X-Forwarded-For": "203.0.113.5", **sent}).json()
        return answer["client"], answer["scheme"], answer["host"]

    assert seen() == ("203.0.113.5", "http", "inner:8000")
    assert seen(X_Forwarded_Proto="https") == ("203.0.113.5", "https", "inner:8000")
    assert seen(X_Forwarded_Proto="javascript")[1] == "http"
    assert seen(X_Forwarded_Host="shop.example")[2] == "shop.example"
    assert seen(X_Forwarded_Proto="https", X_Forwarded_Port="443")[2] == "inner"
    assert seen(X_Forwarded_Proto="https", X_Forwarded_Port="8443")[2] == "inner:8443"


def test_what_nobody_may_send_never_arrives(launch: Launch) -> None:
    stack = launch(app=FAULTS, APP_MODULE="faults:application", TRUSTED_PROXIES="192.0.2.1")
    sent = ("Proxy", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "X-Mine")
    body = iter([b"x" * 1000] * 3)  # sent in chunks, which nginx puts together
    headers = dict.fromkeys(sent, "127.0.0.9")
    answer = stack.request("POST", "/received", headers=headers, data=body).json()
    assert answer["length"] == 3000
    assert "x-mine" in answer["headers"]
    assert not {name.lower() for name in (*sent[:-1], "Transfer-Encoding")} & {*answer["headers"]}


def test_another_header_can_be_believed(launch: Launch) -> None:
    stack = launch(ALLOWED="203.0.113.5", TRUSTED_PROXIES=PROXY, REAL_IP_HEADER="x-real-ip")
    assert stack.get(headers={"X-Real-IP": "203.0.113.5"}).status_code == 200
    assert forwarded(stack, "203.0.113.5") == 403


def test_the_proxy_protocol_can_be_believed(launch: Launch) -> None:
    stack = launch(
        ALLOWED="203.0.113.5;127.0.0.2", TRUSTED_PROXIES=PROXY, REAL_IP_HEADER="proxy_protocol"
    )

    def answer(client: str, via: str) -> bytes:
        with socket.create_connection(("127.0.0.1", stack.port), 10, (via, 0)) as connection:
            connection.sendall(
                f"PROXY TCP4 {client} 127.0.0.1 1000 80\r\n"
                "GET /request HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
            )
            return connection.makefile("rb").read()

    assert b'"client":"203.0.113.5"' in answer("203.0.113.5", via=PROXY)
    assert b" 403 " in answer("198.51.100.1", via=PROXY)
    assert b'"client":"127.0.0.2"' in answer("203.0.113.5", via="127.0.0.2")
    assert b" 403 " in answer("203.0.113.5", via="127.0.0.3")


@pytest.mark.parametrize("text", ["0.0.0.0/0", "10.0.0.0/8;::/0", "0.0.0.0/1;128.0.0.0/1"])
def test_nobody_can_trust_everyone(text: str) -> None:
    with pytest.raises(ValueError, match="who is believed can be anyone"):
        trusted(networks)(text)


@pytest.mark.parametrize("text", ["Forwarded", "forwarded", "CF-Connecting-IP", "", "X-Real-IP;"])
def test_other_headers_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write X-Forwarded-For, X-Real-IP, proxy_protocol"):
        header(text)
