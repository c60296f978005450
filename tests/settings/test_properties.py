"""Whatever text ALLOWED holds: it is refused with a reason, or what it says is what is rendered.

`make fuzz` goes on with other texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from stack.nginx.access import permissions, rules
from stack.settings.errors import ConfigError
from stack.settings.networks import Network, lines, networks
from stack.settings.proxies import trusted
from stack.settings.table import Settings
from tests.support.decisions import network, numbered
from tests.support.launching import Launch

T = TypeVar("T")
Parser = Callable[[str], tuple[Network, ...]]

RULE = re.compile(r"allow ([0-9a-f.:]+(?:/[0-9]{1,3})?);\n")

# How many examples there are otherwise, and which, is the profile's choice (tests/conftest.py).
MANY = settings(max_examples=10 * settings().max_examples)

# What addresses are made of, and what could be mistaken for a part of one, by nginx or by us.
FRAGMENTS = [
    *("0", "1", "10", "127", "255", "256", "a", "ffff", "FFFF", "0x7f", "010", "1e1"),
    *("::", ":", ".", "/", "//", ";", "%", "-", "+", "_", ",", "*", "[", "]", "{", "}", "#", "$"),
    *("'", '"', "\\", " ", "\t", "\n", "\r", "\x00", "\x0b", "\x1c", "\x7f", "\x85", "\xa0"),
    *("\u2003", "\u2028", "\u0661", "\uff11", "\ufeff", "\ud800", "\udcff"),
    *("/0", "/8", "/08", "/32", "/33", "/128", "/129", "/255.0.0.0", "/0.0.0.255", "/0.0.0.0"),
    *("10.0.0.0/8", "127.0.0.1", "0.0.0.0/0", "255.255.255.255", "::1", "::/0", "fe80::/10"),
    *("::ffff:10.0.0.1", "::ffff:0:0/96", "fe80::1%eth0", "[::1]", "10.0.0.1:80"),
    *("all", "unix:", "allow", "deny", "include", "${ALLOWED}", "localhost", "example.org"),
    *("0.0.0.0/0; } location /x { return 200", "\nallow all"),
]

LETTERS = "0123456789abcdefABCDEF.:/; \t%"
# All but the halves of surrogates, which is what UTF-8 has; to ask its codec takes seconds.
CHARACTER = st.characters(exclude_categories=["Cs"])
IPV4 = st.integers(1, 2**32 - 2)  # neither of the two that are no client's
IPV6 = st.integers(1, 2**128 - 1)
ENTRY = st.one_of(
    IPV4.map(lambda number: str(IPv4Address(number))),
    IPV6.map(lambda number: str(IPv6Address(number))),
    IPV6.map(lambda number: IPv6Address(number).exploded.upper()),
    IPV4.map(lambda number: f"::ffff:{IPv4Address(number)}"),
    st.tuples(IPV4, st.integers(0, 31)).map(lambda each: str(numbered(4, *each))),
    st.tuples(IPV6, st.integers(0, 128)).map(lambda each: str(numbered(6, *each))),
)


def some(each: st.SearchStrategy[T], most: int) -> st.SearchStrategy[tuple[T, ...]]:
    """Draw one to so many of these, with fewer choices than st.lists makes."""
    return st.one_of(*(st.tuples(*[each] * count) for count in range(1, most + 1)))


def fragments(most: int) -> st.SearchStrategy[list[str]]:
    """Draw up to so many of FRAGMENTS: as a text, which is one choice for all of them."""
    numbers = st.text(st.characters(max_codepoint=len(FRAGMENTS) - 1), max_size=most)
    return numbers.map(lambda text: [FRAGMENTS[ord(number)] for number in text])


VALID = some(ENTRY, 4).map(";".join)
WRONG = st.sampled_from([*FRAGMENTS, *LETTERS, ""]) | CHARACTER
EDITS = some(st.tuples(st.integers(0, 200), WRONG, st.integers(0, 3)), 3)


def mutated(text: str, edits: tuple[tuple[int, str, int], ...]) -> str:
    """Put a few things into a valid list, each in the place of up to three characters."""
    for number, wrong, length in edits:
        place = number % (len(text) + 1)
        text = text[:place] + wrong + text[place + length :]
    return text


MUTATED = st.builds(mutated, VALID, EDITS)
ANYTHING = st.one_of(
    st.text(CHARACTER, max_size=20),
    st.text(LETTERS, max_size=20),
    fragments(6).map("".join),
    fragments(4).map(";".join),
    MUTATED,
    MUTATED,
    VALID,
)


def parsed(text: str, parse: Parser = networks) -> tuple[Network, ...] | None:
    """Parse a list; without one, make sure that there are reasons that can be printed."""
    try:
        return parse(text)
    except ValueError as error:
        refused = error
    assert refused.args
    assert all(isinstance(reason, str) and reason.isprintable() for reason in refused.args)
    return None


@MANY
@given(ANYTHING)
def test_any_text_is_refused_or_renders_to_the_rules_that_ipaddress_reads_in_it(text: str) -> None:
    if not (found := parsed(text)):
        return
    *allow, deny = permissions(found).splitlines(keepends=True)
    assert deny == "deny all;\n"
    matches = [RULE.fullmatch(line) for line in allow]
    rendered = [match[1] if match else "" for match in matches]
    read = [ip_network(each) for each in rendered]
    entries = [entry.strip(" \t") for entry in text.split(";") if entry.strip(" \t")]
    assert read == [network(entry) for entry in entries]
    for each, meant in zip(rendered, read, strict=True):
        assert each in (str(meant), str(meant[0]))


@given(ANYTHING)
def test_any_text_in_the_environment_is_a_setting_or_a_mistake(text: str) -> None:
    allowed, mistakes = None, tuple[str, ...]()
    # Else the machine is asked each time how many CPUs there are.
    given = {"UWSGI_PROCESSES": "1", "NGINX_WORKER_PROCESSES": "1"}
    try:
        allowed = Settings.from_environ({"ALLOWED": text, **given}).allowed
    except ConfigError as error:
        mistakes = error.args
    assert allowed == parsed(text)
    assert bool(mistakes) != bool(allowed)
    assert all(mistake.startswith("ALLOWED: ") for mistake in mistakes)


@given(VALID)
def test_no_valid_list_is_refused(text: str) -> None:
    assert parsed(text)


@given(ANYTHING)
def test_a_file_is_read_as_the_variable_is_but_for_comments_and_line_ends(text: str) -> None:
    line = re.sub(r"[\n#]", "", text)
    assert parsed(line.replace(";", "\n# 10.0.0.1;\n"), lines) == parsed(line)


@given(VALID, st.permutations(["0.0.0.0/0", "0.0.0.0/1;128.0.0.0/1", "::/0", "::/1;8000::/1"]))
def test_no_list_of_proxies_makes_everyone_one(text: str, everyone: list[str]) -> None:
    assert not parsed(f"{text};{everyone[0]}", trusted(networks))


@settings(max_examples=25)
@given(VALID)
def test_a_long_list_renders_to_the_same_networks(text: str) -> None:
    long = ";".join([text, *(f"10.0.{i >> 8}.{i & 255}" for i in range(1000))])
    allowed = networks(long)
    found = re.fullmatch(
        r"geo \$remote_addr \$listed \{\n    default 0;\n((?:    \S+ 1;\n)+)\}\n",
        rules(allowed)["allowed.conf"],
    )
    assert found
    rendered = [ip_network(line.split()[0]) for line in found[1].splitlines()]
    assert len(rendered) == len(set(rendered))
    assert set(rendered) == {network(entry) for entry in long.split(";")}


def accepted(count: int) -> list[str]:
    """Collect what is rendered from lists that are accepted, some of them odd."""
    found: list[str] = []

    @settings(max_examples=count)
    @given(VALID | MUTATED)
    def collect(text: str) -> None:
        if allowed := parsed(text):
            found.append(permissions(allowed))

    collect()
    return found


def test_nginx_accepts_what_is_rendered(launch: Launch, conf: Path) -> None:
    everything = accepted(1000)
    assert len(everything) > 400
    locations = [f"location /{i} {{\n{rules}}}\n" for i, rules in enumerate(everything)]
    (conf / "good.conf").write_text(configuration("".join(locations)))
    (conf / "bad.conf").write_text(configuration("allow 255.255.255.255;"))
    stack = launch(conf=conf)
    nginx = ("nginx", "-t", "-e", "stderr", "-p", ".", "-c")
    good = stack.run(*nginx, "conf/good.conf")
    assert good.returncode == 0, good.stderr
    assert "[warn]" not in good.stderr
    assert "[emerg]" in stack.run(*nginx, "conf/bad.conf").stderr


def configuration(text: str) -> str:
    """Put something into the server of a configuration."""
    return (
        "error_log stderr; pid run/properties.pid; events {} http { access_log off;\n"
        "client_body_temp_path run/tmp; proxy_temp_path run/tmp; fastcgi_temp_path run/tmp;\n"
        "uwsgi_temp_path run/tmp; scgi_temp_path run/tmp;\n"
        f"server {{ listen 127.255.255.253:65000;\n{text}}} }}\n"
    )
