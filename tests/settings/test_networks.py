"""ALLOWED: what is accepted, what is refused and how it is rendered."""

from __future__ import annotations

import pytest

from stack.nginx.access import permissions
from stack.settings.networks import networks


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("172.18.0.2;172.18.0.5;", ["172.18.0.2", "172.18.0.5"]),
        ("172.18.0.0/16;172.17.0.3;", ["172.18.0.0/16", "172.17.0.3"]),
        ("  10.0.0.1 ;\t10.0.0.2 ", ["10.0.0.1", "10.0.0.2"]),
        ("10.0.0.2;10.0.0.1;10.0.0.2", ["10.0.0.2", "10.0.0.1", "10.0.0.2"]),
        (";;10.0.0.1;;", ["10.0.0.1"]),
        ("10.0.0.1/32", ["10.0.0.1"]),
        ("0.0.0.0/0;::/0", ["0.0.0.0/0", "::/0"]),
        ("2001:DB8:0::/32;::1", ["2001:db8::/32", "::1"]),
        ("fe80::/10", ["fe80::/10"]),
        ("2001:0db8::0001", ["2001:db8::1"]),
        ("::ffff:10.0.0.0/104", ["10.0.0.0/8"]),
        ("::ffff:10.1.2.3", ["10.1.2.3"]),
        ("::FFFF:0:0/96", ["0.0.0.0/0"]),
        ("255.255.255.254", ["255.255.255.254"]),
    ],
)
def test_what_is_listed_is_allowed_in_the_order_given_and_nobody_else(
    text: str, rules: list[str]
) -> None:
    rendered = permissions(networks(text))
    assert rendered == "".join(f"allow {rule};\n" for rule in rules) + "deny all;\n"


def test_without_a_list_everyone_is_allowed() -> None:
    assert permissions(None) == "allow all;\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("example.org", "names are not looked up"),
        ("localhost", "names are not looked up"),
        ("all", "0.0.0.0/0;::/0"),
        ("unix:", "over IP"),
        ("unix:/run/x.sock", "over IP"),
        ("10.0.0.1}", "not an address"),
        ("{10.0.0.1", "not an address"),
        ('"10.0.0.1"', "not an address"),
        ("'10.0.0.1'", "not an address"),
        ("10.0.0.1#", "not an address"),
        ("10.0.0.1 10.0.0.2", "holds a blank"),
        ("10.0.0.1\n", "control character"),
        ("10.0.0.1\r10.0.0.2", "control character"),
        ("10.0.0.1\x00", "control character"),
        ("10.0.0.1\x85", "control character"),
        ("10.0.0.1\u00a0", "not ASCII"),
        ("\u0661\u0660.0.0.1", "not ASCII"),
        ("fe80::1%eth0", "zone id"),
        ("fe80::1%;", "zone id"),
        ("fe80::%}", "zone id"),
        ("10.0.0.1/8", "write 10.0.0.0/8 for the range or 10.0.0.1 for the host"),
        ("2001:db8::1/64", "write 2001:db8::/64 for the range or 2001:db8::1 for the host"),
        ("::ffff:10.0.0.1/104", "write 10.0.0.0/8 for the range or 10.0.0.1 for the host"),
        ("256.1.1.1", "256"),
        ("1.2.3", "4 octets"),
        ("1.2.3.4/33", "33"),
        ("::/129", "129"),
        ("1.2.3.4/", "not an address or range"),
        ("1.2.3.4/-1", "not an address"),
        ("1", "not an address or range"),
        ("010.0.0.1", "eading zeros"),
        ("10.0.0.0/08", "eading zeros"),
        ("1..2.3", "not an address or range"),
        ("10.0.0.0/255.0.0.0", "prefix length"),
        ("10.0.0.0/0.255.255.255", "prefix length"),
        ("10.1.2.3/0.0.0.0", "prefix length"),
        ("10.0.0.1,10.0.0.2", "separate the entries with ;"),
        ("10.0.0.1:80", "port"),
        ("[::1]", "brackets"),
        ("[::1]:80", "brackets"),
        ("255.255.255.255", "refused by nginx"),
        ("255.255.255.255/32", "refused by nginx"),
        ("::ffff:255.255.255.255", "refused by nginx"),
        ("10.0.0.*", "in another form"),
        ("10.0.0.1-10.0.0.9", "in another form"),
    ],
)
def test_refuses_with_the_number_the_text_the_reason_and_a_remedy(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match="entry 2") as refused:
        networks(f"127.0.0.1;{text}")
    assert reason in refused.value.args[0]
    assert repr(text.split(";")[0].strip(" \t")) in refused.value.args[0]


@pytest.mark.parametrize("text", ["", ";", " ; \t;", "   "])
def test_a_list_without_an_entry_is_a_mistake_and_not_an_open_door(text: str) -> None:
    with pytest.raises(ValueError, match=r"unset it or write 0\.0\.0\.0/0;::/0"):
        networks(text)


def test_every_wrong_entry_is_reported() -> None:
    with pytest.raises(ValueError, match="entry 1") as refused:
        networks("no;10.0.0.1;10.0.0.1/8;")
    assert [mistake.split(",")[0] for mistake in refused.value.args] == ["entry 1", "entry 3"]


def test_a_long_entry_is_not_printed_whole() -> None:
    with pytest.raises(ValueError, match="entry 1") as refused:
        networks("x" * 100_000)
    assert len(refused.value.args[0]) < 300
