"""Renew a certificate twice from a real ACME server: python -m measurements.acme [--image NAME].

pebble is Let's Encrypt's server for tests, and certbot asks it by DNS-01, so that nobody needs to
reach the stack. certbot has the deploy hook of docs/tls.md. Prints a line for each certificate,
with how long it took from certbot's end until it was served, and what clients got meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import trustme

from tests.support.launching import Plan, begin, prepared
from tests.support.stacks import ROOT, Stack, reserve
from tests.support.wait import wait_until

NAME = "shop.example"
# Bounds certbot, which asks four or five times over.
LONGEST = 120


def hook() -> str:
    """Read from the page how a renewed pair is handed over."""
    page = (ROOT / "docs/tls.md").read_text()
    found = re.search(r"--deploy-hook '(.+?)'\n", page, re.DOTALL)
    assert found, "docs/tls.md has no deploy hook"
    return " ".join(found[1].replace("\\\n", " ").split())


@contextmanager
def process(*command: str, **environ: str) -> Iterator[None]:
    """Run a program in the background."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=os.environ | environ, stdout=quiet, stderr=quiet) as running:
        try:
            yield
        finally:
            running.terminate()


@contextmanager
def authority(folder: Path) -> Iterator[tuple[str, str]]:
    """Run pebble and its DNS server; give pebble's URL and the one that changes the DNS."""
    with ExitStack() as ends:
        ports = [ends.enter_context(reserve()).getsockname()[1] for _ in range(4)]
        acme, management, dns, steering = ports
        ca = trustme.CA()
        ca.cert_pem.write_to_path(str(folder / "acme-ca.pem"))
        leaf = ca.issue_cert("localhost", "127.0.0.1")
        leaf.private_key_pem.write_to_path(str(folder / "acme.key"))
        leaf.cert_chain_pems[0].write_to_path(str(folder / "acme.crt"))
        settings = {
            "listenAddress": f"127.0.0.1:{acme}",
            "managementListenAddress": f"127.0.0.1:{management}",
            "certificate": str(folder / "acme.crt"), "privateKey": str(folder / "acme.key"),
            "httpPort": 5002, "tlsPort": 5001, "ocspResponderURL": "",
        }  # fmt: skip
        (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
        steered = f"127.0.0.1:{steering}"
        ends.enter_context(process(
            "pebble-challtestsrv", "-dns01", f"127.0.0.1:{dns}", "-management", steered,
            "-http01", "", "-https01", "", "-tlsalpn01", "",
        ))  # fmt: skip
        ends.enter_context(process(
            "pebble", "-config", str(folder / "pebble.json"), "-dnsserver", f"127.0.0.1:{dns}",
            PEBBLE_VA_NOSLEEP="1", PEBBLE_WFE_NONCEREJECT="0",
        ))  # fmt: skip
        url = f"https://127.0.0.1:{acme}/dir"
        wait_until(lambda: curl("-k", url) == 0 and curl(f"http://{steered}/") == 0)
        yield url, f"http://{steered}/set-txt"


def curl(*words: str) -> int:
    """Ask a URL, and say how curl ended."""
    return subprocess.run(["curl", "-s", "-o", "/dev/null", "-m", "5", *words]).returncode


def certbot(folder: Path, url: str, steer: str, *words: str) -> None:
    """Have certbot get or renew a certificate, and hand it over."""
    data = (
        '{\\"host\\":\\"_acme-challenge.$CERTBOT_DOMAIN.\\",\\"value\\":\\"$CERTBOT_VALIDATION\\"}'
    )
    places = [f"--{name}-dir={folder / name}" for name in ("config", "work", "logs")]
    handing = hook().replace("/etc/tls", str(folder / "tls"))
    if os.geteuid():
        handing = handing.replace("-o 101 ", "")
    answer = subprocess.run(
        [
            "certbot", *words, "--server", url, "--non-interactive", "--no-random-sleep-on-renew",
            *places, "--manual-auth-hook", f'curl -s -d "{data}" {shlex.quote(steer)}',
            "--deploy-hook", handing,
        ],
        env=os.environ | {"REQUESTS_CA_BUNDLE": str(folder / "acme-ca.pem")},
        capture_output=True, text=True, timeout=LONGEST,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr


def served(stack: Stack) -> str:
    """Read the served certificate's serial number, and who issued it."""
    asked = f"openssl s_client -connect 127.0.0.1:{stack.tls_port} </dev/null 2>/dev/null"
    shown = subprocess.run(
        ["sh", "-c", f"{asked} | openssl x509 -noout -serial -issuer"],
        capture_output=True,
        text=True,
    )
    return " ".join(shown.stdout.split())


def measure(launcher: str, image: str) -> None:
    """Get a certificate, start with it, and renew it twice while clients ask."""
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        (folder / "tls").mkdir(mode=0o755)
        url, steer = ends.enter_context(authority(folder))
        certbot(
            folder, url, steer, "certonly", "--manual", "--preferred-challenges", "dns",
            "--domain", NAME, "--agree-tos", "--register-unsafely-without-email",
        )  # fmt: skip
        pair = {"TLS_CERTIFICATE_FILE": "tls.crt", "TLS_KEY_FILE": "tls.key"}
        settings = {name: str(folder / "tls" / file) for name, file in pair.items()}
        (folder / "stack").mkdir()
        plan = Plan({"ALLOWED": "127.0.0.1", **settings}, files=folder / "tls")
        stack = begin(prepared(launcher, plan, folder / "stack", image))
        ends.callback(stack.close)
        print(f"{launcher}: first: {served(stack)}", flush=True)
        for number in (1, 2):
            seen: Counter[int] = Counter()
            enough = threading.Event()
            asking = threading.Thread(target=ask, args=(stack, enough, seen))
            asking.start()
            before = served(stack)
            certbot(folder, url, steer, "renew", "--force-renewal")
            began = time.monotonic()
            stack.wait_until(lambda before=before: served(stack) not in ("", before))
            took = time.monotonic() - began
            enough.set()
            asking.join()
            print(
                f"{launcher}: renewal {number}: {served(stack)}; {took:.1f} s after certbot; "
                f"answers meanwhile: {dict(seen)}",
                flush=True,
            )


def ask(stack: Stack, enough: threading.Event, seen: Counter[int]) -> None:
    """Ask all the while, and count statuses."""
    while not enough.is_set():
        seen[stack.https().status_code] += 1


def main() -> None:
    """Measure on this host, and on the image where there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", default="")
    image = parser.parse_args().image
    for launcher in ["host", *(["image"] if image else [])]:
        measure(launcher, image)


if __name__ == "__main__":
    main()
