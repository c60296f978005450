"""The settings of TLS, and what is seen of a certificate before anything is started with it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID

from stack.commands import tls
from stack.machine.clock import date
from stack.nginx import certificates
from stack.settings.errors import ConfigError, quoted
from stack.settings.table import Settings
from tests.support.certificates import Certificates, put
from tests.support.launching import Launch

PAIR = {"TLS_CERTIFICATE_FILE": "/tls.crt", "TLS_KEY_FILE": "/tls.key"}


@pytest.mark.parametrize(
    ("environ", "mistake"),
    [
        ({"TLS_CERTIFICATE_FILE": "/a"}, "'/a': TLS_KEY_FILE is not set; set both or neither"),
        ({"TLS_KEY_FILE": "/a"}, "'/a': TLS_CERTIFICATE_FILE is not set; set both or neither"),
        ({"TLS_CERTIFICATE_FILE": "", "TLS_KEY_FILE": "/a"}, "'': is not the path of a file"),
        ({"TLS_KEY": "-----BEGIN"}, "TLS_KEY: is not a setting: certificates and keys are given"),
        ({"TLS_CERTIFICATE": "x"}, "TLS_CERTIFICATE: is not a setting"),
        ({"TLS_CLIENT_CA": "x"}, "write TLS_CLIENT_CA_FILE with a path"),
        ({"TLS_CLIENT_CA_FIEL": "/a"}, "is not a setting, and TLS_CLIENT_CA_FILE is not set"),
        ({"TLS_CLIENT_CA_FILE": "/a"}, "without TLS_CERTIFICATE_FILE nobody can show one"),
        (
            {**PAIR, "TLS_CLIENT_CA_FILE": "/a", "TLS_REDIRECT": "off"},
            "TLS_REDIRECT: 'off': the plain port would serve clients without a certificate",
        ),
        ({**PAIR, "TLS_PORT": "80"}, "TLS_PORT: '80': is LISTEN_PORT too"),
        ({"TLS_PORT": "0"}, "TLS_PORT: '0': is not a whole number from 1 to 65535"),
        ({"TLS_REDIRECT": "yes"}, "TLS_REDIRECT: 'yes': is not known; write on, off, or the port"),
        ({"TLS_REDIRECT": "70000"}, "TLS_REDIRECT: '70000': is not known"),
        ({"HSTS": "on"}, "HSTS: 'on': is not known; write off, or a number of seconds"),
        ({"HSTS": "86400"}, "HSTS: '86400': would never be sent, because nothing comes by TLS"),
        ({"HSTS": "1; x"}, "HSTS: '1; x': is not known"),
    ],
)
def test_what_cannot_be_meant_is_refused(environ: dict[str, str], mistake: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Settings.from_environ(environ)
    assert len(refused.value.args) == 1
    assert mistake in refused.value.args[0]
    assert "-----BEGIN" not in refused.value.args[0]


def test_the_application_can_keep_variables_of_these_names() -> None:
    assert Settings.from_environ({"TLS_KEY": "its own", "UNCHECKED": "TLS_KEY"}).unchecked


def test_hsts_is_for_a_proxy_that_has_the_certificate_too() -> None:
    assert Settings.from_environ({"HSTS": "60", "TRUSTED_PROXIES": "192.0.2.1"}).hsts == "60"


def read(pair: Certificates, **more: str) -> certificates.Certificate:
    """Read a pair as a start does."""
    settings = Settings.from_environ(pair.settings(**more))
    found = certificates.read(vars(settings), time.time())
    assert found
    return found


def test_a_certificate_is_described(pair: Certificates) -> None:
    intermediate = pair.authority.create_child_ca()
    pair.write(intermediate.issue_cert("shop.example", "*.shop.example"))
    found = read(pair)
    assert found.names == ("shop.example", "*.shop.example")
    assert len(found.chain) == 2
    said = tls.described(found.generated()["certificate.json"])
    assert said.startswith("shop.example, *.shop.example; issued by trustme")
    assert said.endswith(f"; ends on {date(found.ends)}")
    assert not found.doubts


def whole(leaf: trustme.LeafCert) -> list[bytes]:
    """List a certificate and what it brings along."""
    return [each.bytes() for each in leaf.cert_chain_pems]


def in_wrong_order(pair: Certificates) -> None:
    """Put the authority first."""
    leaf = pair.authority.create_child_ca().create_child_ca().issue_cert("localhost")
    first, *rest = whole(leaf)
    put(pair.key, leaf.private_key_pem.bytes())
    put(pair.chain, b"".join([first, *reversed(rest)]))


def with_a_gap(pair: Certificates) -> None:
    """Leave out the certificate in the middle."""
    leaf = pair.authority.create_child_ca().create_child_ca().issue_cert("localhost")
    first, _, *rest = whole(leaf)
    put(pair.key, leaf.private_key_pem.bytes())
    put(pair.chain, b"".join([first, *rest, pair.ca.read_bytes()]))


def with_another_root(pair: Certificates) -> None:
    """Put an authority below that has the name of the issuer, and another key."""
    leaf = pair.write()
    theirs = pair.authority._certificate
    key = ec.generate_private_key(ec.SECP256R1())
    forged = x509.CertificateBuilder(
        theirs.subject, theirs.subject, key.public_key(), 1,
        theirs.not_valid_before_utc, theirs.not_valid_after_utc, [*theirs.extensions],
    ).sign(key, hashes.SHA256())  # fmt: skip
    pem = forged.public_bytes(serialization.Encoding.PEM)
    put(pair.chain, whole(leaf)[0] + pem)


def alone(pair: Certificates) -> None:
    """Leave out the issuer of a certificate that says where to fetch it."""
    leaf = pair.write()
    old = x509.load_pem_x509_certificate(whole(leaf)[0])
    key = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    where = x509.AuthorityInformationAccess([
        x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS,
            x509.UniformResourceIdentifier("http://ca.example/ca.crt"),
        )
    ])  # fmt: skip
    builder = x509.CertificateBuilder(
        old.issuer, old.subject, key.public_key(), 1,
        old.not_valid_before_utc, old.not_valid_after_utc,
    ).add_extension(where, critical=False)  # fmt: skip
    signer = pair.authority._private_key
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    new = builder.sign(signer, hashes.SHA256())
    put(pair.chain, new.public_bytes(serialization.Encoding.PEM))


def a_pipe(pair: Certificates) -> None:
    """Put a pipe in the place of the key."""
    pair.key.unlink()
    os.mkfifo(pair.key)


def encrypted(pair: Certificates) -> None:
    """Give the key a password."""
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    put(
        pair.key,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        ),
    )


WRONG: dict[str, tuple[Callable[[Certificates], object], str]] = {
    "no file": (lambda pair: pair.key.unlink(), "TLS_KEY_FILE: {key}: cannot be read (No such"),
    "a pipe": (a_pipe, "TLS_KEY_FILE: {key}: cannot be read (it is no regular file)"),
    "no PEM": (lambda pair: put(pair.chain, b"\x30\x82\xff"), "cannot be read (it is no text)"),
    "other text": (
        lambda pair: put(pair.chain, b"hello"),
        "TLS_CERTIFICATE_FILE: holds no certificate in PEM form",
    ),
    "exchanged": (
        lambda pair: put(pair.chain, pair.key.read_bytes()),
        "TLS_CERTIFICATE_FILE: holds no certificate in PEM form",
    ),
    "empty": (lambda pair: put(pair.key, b""), "TLS_KEY_FILE: holds no key in PEM form"),
    "half a certificate": (
        lambda pair: put(pair.chain, pair.chain.read_bytes()[:200]),
        "holds no certificate in PEM form",
    ),
    "damaged": (
        lambda pair: put(pair.chain, pair.chain.read_bytes().replace(b"MII", b"MIJ", 1)),
        "TLS_CERTIFICATE_FILE: {chain}: OpenSSL cannot load them",
    ),
    "another's key": (
        lambda pair: put(pair.key, pair.issue().private_key_pem.bytes()),
        "the key is not this certificate's",
    ),
    "encrypted": (encrypted, "the key is encrypted, and nobody is there to type its password"),
    "ended": (lambda pair: pair.write(pair.issue(until=-0.5, since=-2)), ": it has ended, on 20"),
    "not begun": (lambda pair: pair.write(pair.issue(since=1)), ": it begins on 20"),
    "wrong order": (in_wrong_order, "certificate 2 in it, trustme v1.2.1, Testing CA"),
    "a gap": (with_a_gap, "has not issued the one before"),
    "another root": (with_another_root, "clients refuse it: "),
    "alone": (alone, "the certificate of its issuer, trustme v1.2.1, Testing CA"),
    "twice": (
        lambda pair: put(pair.chain, 2 * pair.chain.read_bytes()),
        "certificate 2 in it: it is no authority's",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_no_client_would_accept_is_refused(pair: Certificates, name: str) -> None:
    make, mistake = WRONG[name]
    make(pair)
    with pytest.raises(ConfigError) as refused:
        read(pair)
    (found,) = refused.value.args
    assert mistake.format(key=quoted(str(pair.key)), chain=quoted(str(pair.chain))) in found
    assert "-----BEGIN EC" not in found


def test_an_authority_of_clients_is_looked_at_too(pair: Certificates) -> None:
    assert read(pair, TLS_CLIENT_CA_FILE=str(pair.ca)).client_ca
    for text, mistake in (
        (pair.issue().cert_chain_pems[0].bytes(), "certificate 1 in it: it is no authority's"),
        (b"", "TLS_CLIENT_CA_FILE: holds no certificate"),
    ):
        put(pair.ca, text)
        with pytest.raises(ConfigError, match=mistake):
            read(pair, TLS_CLIENT_CA_FILE=str(pair.ca))


def test_what_is_probably_not_meant_is_named(pair: Certificates) -> None:
    pair.key.chmod(0o644)
    doubts = read(pair).doubts
    assert "holds no certificate of trustme" in doubts[0]
    assert "can be read by every user; chmod o-r" in doubts[1]


def test_a_start_with_a_certificate_that_cannot_be_served_ends_with_78(
    launch: Launch, pair: Certificates
) -> None:
    pair.write(pair.issue(until=-0.5, since=-2))
    stack = launch(ready=False, files=pair.folder, **pair.settings())
    assert stack.wait_until_gone() == os.EX_CONFIG
    assert stack.says("entrypoint: error: TLS_CERTIFICATE_FILE: ", "has ended, on")
    assert not stack.lines("spawned")


def test_a_start_warns_of_an_end_that_is_near(launch: Launch, pair: Certificates) -> None:
    pair.write(pair.issue(until=13.2))
    stack = launch(files=pair.folder, **pair.settings())
    assert stack.says("entrypoint: warning: the certificate ends in 13 days, on ")
