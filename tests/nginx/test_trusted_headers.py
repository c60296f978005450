"""Which headers of a trusted proxy are believed: those that it is known to overwrite."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stack.settings.errors import ConfigError
from stack.settings.table import Settings
from tests.support import raw
from tests.support.launching import Launch, Plan
from tests.support.stacks import ROOT, Stack

PROXY = "127.0.0.1"
PLAN = Plan({"TRUSTED_PROXIES": PROXY, "TRUSTED_HEADERS": "X-Forwarded-Host,X-Forwarded-Port"})
FAULTS = ROOT / "tests/apps/faults"
OWN = "shop.example"
FORGED = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "4433",
    "X-Forwarded-For": "198.51.100.7",
    "X-Real-IP": "198.51.100.8",
    "X-Request-Id": "forged",
}
NEVER = {"Forwarded": "for=198.51.100.9", "X-Forwarded-Prefix": "/x", "X-Forwarded-Ssl": "on"}


def sent(**more: str) -> str:
    """Write what a client forged and its proxy passed on."""
    headers = {"Host": OWN, **FORGED, **NEVER, **more}
    return "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())


def ask(stack: Stack, first: str) -> Any:
    """Send a request as the proxy does, and read what the application makes of it."""
    head = f"{first}POST /received HTTP/1.1\r\n{sent()}Content-Length: 0\r\nConnection: close\r\n"
    answer = raw.send(stack, f"{head}\r\n".encode(), PROXY)
    assert raw.statuses(answer) == [200], answer
    return json.loads(raw.body(answer))


# Settings, the line that begins the connection, and the headers that are believed.
MODES: dict[str, tuple[dict[str, str], str, set[str]]] = {
    "X-Forwarded-For": ({}, "", {"X-Forwarded-For", "X-Forwarded-Proto"}),
    "X-Real-IP": ({"REAL_IP_HEADER": "X-Real-IP"}, "", {"X-Real-IP"}),
    "proxy_protocol": (
        {"REAL_IP_HEADER": "proxy_protocol"},
        "PROXY TCP4 203.0.113.5 127.0.0.1 1000 80\r\n",
        set(),
    ),
    "none": ({"TRUSTED_HEADERS": ""}, "", {"X-Forwarded-For"}),
    "named": (
        {"TRUSTED_HEADERS": "x-forwarded-host, X-Forwarded-Port;X-Request-Id"},
        "",
        {"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Request-Id"},
    ),
    "all": (
        {"TRUSTED_HEADERS": ",".join(FORGED), "REAL_IP_HEADER": "proxy_protocol"},
        "PROXY TCP4 203.0.113.5 127.0.0.1 1000 80\r\n",
        {*FORGED},
    ),
}


@pytest.mark.parametrize("mode", MODES)
def test_a_header_that_is_not_named_is_dropped_and_changes_nothing(
    launch: Launch, mode: str
) -> None:
    settings, first, believed = MODES[mode]
    stack = launch(app=FAULTS, APP_MODULE="faults:application", TRUSTED_PROXIES=PROXY, **settings)
    seen = ask(stack, first)
    ours = {name.lower() for name in believed} | {"x-request-id"}
    assert set(seen["headers"]) & {name.lower() for name in (*FORGED, *NEVER)} == ours
    host = FORGED["X-Forwarded-Host"] if "X-Forwarded-Host" in believed else OWN
    assert seen["host"].partition(":")[0] == host
    assert seen["scheme"] == ("https" if "X-Forwarded-Proto" in believed else "http")
    assert (seen["request_id"] == "forged") == ("X-Request-Id" in believed)


@pytest.mark.parametrize(
    "forged",
    [
        "shop.example/page/a",
        "shop.example?x",
        "shop.example#x",
        "user@shop.example",
        "shop.example, evil.example",
        "shop.example evil.example",
        'shop.example"><script>',
        "shop.example\\x",
        "shop.example:80/x",
        "shop.example:port",
        "[::1]/x",
        "[::1",
        ":80",
        "//",
        "shop.example;x",
        "shop.example%2fx",
        "sh\u00f6p.example",
    ],
)
def test_only_a_host_is_taken_for_one(served: Stack, forged: str) -> None:
    for name in ("X-Forwarded-Host", "X-Forwarded-Port"):
        headers = {name: forged.encode(), "Host": OWN}
        assert served.get("/request", headers=headers).json()["host"] == OWN
    answer = raw.send(served, raw.get("/request", f"Host: {forged}"))
    assert raw.statuses(answer) == [400]


@pytest.mark.parametrize(
    "host", ["shop.example", "SHOP.example:8080", "my_shop", "192.0.2.1:1", "[2001:db8::1]:80"]
)
def test_a_host_is(served: Stack, host: str) -> None:
    named = served.get("/request", headers={"X-Forwarded-Host": host, "Host": OWN})
    assert raw.statuses(raw.send(served, raw.get("/request", f"Host: {host}"))) == [200]
    # Werkzeug itself takes no underscore for a host's.
    assert named.json()["host"].lower() in {host.lower(), host.removesuffix(":80"), ""}


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"TRUSTED_HEADERS": "Forwarded"}, "'Forwarded': is not a header that can be believed"),
        ({"TRUSTED_HEADERS": "X-Forwarded-Prefix"}, "is not a header that can be believed"),
        ({"TRUSTED_HEADERS": "X-Forwarded-Host X-Real-IP"}, "write names with commas between"),
        ({"TRUSTED_HEADERS": "X-Forwarded-Host"}, "believed from nobody without TRUSTED_PROXIES"),
    ],
)
def test_a_mistake_is_reported(environ: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Settings.from_environ(environ)
    assert message in refused.value.args[0]
    assert refused.value.args[0].startswith("TRUSTED_HEADERS: ")
