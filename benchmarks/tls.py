"""TLS: handshakes, requests over connections that are kept, and HTTP/2, of ours and of a peer."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from benchmarks import HERE
from benchmarks.load import Values, found, run, whole
from benchmarks.measures import CLIENTS, Session, served, throughput, warm
from benchmarks.others import Other
from benchmarks.results import Results
from benchmarks.stacks import Server, Stack
from benchmarks.text import cell, table
from dev import Problem
from tests.support.certificates import Certificates
from tests.support.launching import Plan, prepared
from tests.support.stacks import reserve

# Both ports serve, so that one stack is measured with and without.
OURS = {"APP_MODULE": "greeting:application", "ALLOWED": "127.0.0.1", "TLS_REDIRECT": "off"}
NAMES = ("host-tls", "image-tls", "gunicorn-tls")
# openssl s_time is one client after the other, so that several are needed to keep a server busy.
SHAKERS = 4
# Requests of each of h2load's clients.
EACH = 200


def certificates(at: Path) -> Certificates:
    """Make a pair for a contender."""
    made = Certificates(at / "tls")
    made.write()
    return made


def ours(image: str = "") -> Callable[[Path, int], Server]:
    """Have ours made with a certificate."""

    def make(at: Path, port: int) -> Server:
        pair = certificates(at)
        plan = Plan(OURS | pair.settings(), HERE / "app", port=port, files=pair.folder)
        return prepared("image" if image else "host", plan, at, image)

    return make


class OtherWithTls(Other):
    """nginx with the same suites and sessions as ours, before somebody else's server."""

    def __init__(self, folder: Path, port: int, commands: list[list[str]], listen: str) -> None:
        """Lay the files, a certificate, and the part of ours that says how TLS is spoken."""
        super().__init__(folder, port, commands, listen)
        pair = certificates(folder)
        with reserve() as free:
            self.tls_port: int = free.getsockname()[1]
        ours = (HERE.parent / "conf/tls.conf").read_text().splitlines()
        same = [line for line in ours if line.strip().startswith("ssl_")]
        same = [line for line in same if "ssl_certificate" not in line]
        (folder / "listen.conf").write_text("\n".join([
            f"listen 127.0.0.1:{port}{listen};",
            f"listen 127.0.0.1:{self.tls_port} ssl http2{listen};",
            f"ssl_certificate {pair.chain};", f"ssl_certificate_key {pair.key};", *same, "",
        ]))  # fmt: skip


def url(stack: Stack, path: str = "/") -> str:
    """Name a page by TLS."""
    return f"https://127.0.0.1:{tls_port(stack)}{path}"


def tls_port(stack: Stack) -> int:
    """Name the TLS port of a stack that has one."""
    return int(stack.server.tls_port)  # type: ignore[attr-defined]


def handshakes(stack: Stack, session: Session) -> Values:
    """Measure connections a second of four clients who make a handshake, whole and resumed."""
    warm(stack)
    return {
        "full": shake(tls_port(stack), ("-new", "-tls1_3"), session.seconds),
        # By TLS 1.3 a session comes after the handshake, when s_time has left.
        "resumed": shake(tls_port(stack), ("-reuse", "-tls1_2"), session.seconds),
    }


def shake(port: int, how: tuple[str, str], seconds: float) -> float:
    """Run openssl's own measure several times at once, and add up their connections a second."""
    command = ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", *how, "-time"]
    running = [
        subprocess.Popen([*command, str(whole(seconds))], stdout=subprocess.PIPE, text=True)
        for _ in range(SHAKERS)
    ]
    texts = [each.communicate(timeout=seconds + 30)[0] for each in running]
    if "-reuse" in how and not all(re.search("^r{9}", text, re.MULTILINE) for text in texts):
        raise Problem("openssl s_time has not resumed its session")
    pattern = r"(\d+) connections in (\d+) real seconds"
    # It counts the session that it resumes apart; the last line is what we want.
    pairs = [found(pattern, text) for text in texts]
    return sum(float(count) / (float(took) - 1 or 1) for count, took in pairs)


def kept(stack: Stack, session: Session) -> Values:
    """Measure requests a second on connections that are kept, by TLS and plainly, in one visit."""
    plain = throughput()(stack, session)
    secured = served(stack, url(stack), session)
    return {
        "plain": plain["requests_per_second"],
        "plain_cpu_us": plain["cpu_us"],
        "cpu_us": secured["cpu_us"],
        "requests_per_second": secured["requests_per_second"],
        "not_200": secured["not_200"] + secured["lost"],
    }


def http2(stack: Stack, session: Session) -> Values:
    """Measure requests a second with h2load, by HTTP/1.1 and by HTTP/2 with 1 and 10 streams."""
    kinds = {"http1": ["--h1"], "streams_1": ["-m1"], "streams_10": ["-m10"]}
    return {name: h2load(url(stack), words) for name, words in kinds.items()}


def h2load(url: str, words: list[str]) -> float:
    """Run h2load with our number of clients, and read its requests a second.

    By requests, and fewer for each connection than the 1000 after which nginx closes it: h2load
    1.52 does not connect again, and waits for ever if it runs by time.
    """
    requests = CLIENTS * EACH
    report = run("h2load", "-t2", f"-c{CLIENTS}", f"-n{requests}", *words, url, limit=60)
    done = found(r"requests: (\d+) total, .* (\d+) succeeded", report)
    if done != (str(requests), str(requests)):
        raise Problem(f"h2load lost requests:\n{report}")
    return float(found(r"finished in [^,]+, ([0-9.]+) req/s", report)[0])


def report(results: Results) -> str:
    """Write what was measured of TLS."""
    rows = []
    for name in NAMES:
        if not results.samples("tls-kept", name):
            continue
        share = results.derived(
            "tls-kept", name, lambda values: values["requests_per_second"] / values["plain"]
        )
        cost = results.derived(
            "tls-kept", name, lambda values: values["cpu_us"] / values["plain_cpu_us"]
        )
        rows.append([
            results.title(name),
            cell(results.spread("tls-handshakes", name, "full")),
            cell(results.spread("tls-handshakes", name, "resumed")),
            cell(results.spread("tls-kept", name, "requests_per_second")),
            cell(share),
            cell(cost),
            *(cell(results.spread("tls-http2", name, key))
              for key in ("http1", "streams_1", "streams_10")),
        ])  # fmt: skip
    head = ["", "TLS 1.3 handshakes/s", "resumed, TLS 1.2", "requests/s, kept", "of plain HTTP",
            "CPU a request, of plain HTTP", "h2load, HTTP/1.1", "HTTP/2, 1 stream",
            "HTTP/2, 10 streams"]  # fmt: skip
    return table(head, rows) if rows else ""
