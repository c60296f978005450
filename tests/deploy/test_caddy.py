"""deploy/caddy, run with a real Caddy: who the client is, by what scheme he came, who gets in."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from measurements.faults import APP
from tests.support.compose import Compose, build
from tests.support.image import docker
from tests.support.one_vm import standin
from tests.support.stacks import ROOT, reserve
from tests.support.wait import HANGS, wait_until

LISTED, UNLISTED = 10, 11  # the last numbers of two clients' addresses
SITE = "site.test"  # what clients in containers know Caddy as
FORGED = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "http", "X-Real-IP": "192.0.2.1"}

ASK = """
import ssl, sys, urllib.error, urllib.request
url, *headers = sys.argv[1:]
request = urllib.request.Request(url, headers=dict(each.split("=") for each in headers))
try:
    context = ssl._create_unverified_context()
    print(urllib.request.urlopen(request, timeout=10, context=context).read().decode())
except urllib.error.HTTPError as error:
    print(error.code)
"""


class Site(Compose):
    """The project, and the ports that Caddy is published on."""

    def __init__(self, folder: Path, image: str, caddy: str | None) -> None:
        """Choose names; nothing is started."""
        self.ports = [reserve(), reserve()]
        self.http, self.https = (each.getsockname()[1] for each in self.ports)
        self.image = image
        super().__init__(
            folder,
            COMPOSE_FILE=str(ROOT / "deploy/caddy/compose.yaml"),
            SITE=f"localhost, {SITE}",
            APP_IMAGE=image,
            PUBLISH_HTTP=f"127.0.0.1:{self.http}",
            PUBLISH_HTTPS=f"127.0.0.1:{self.https}",
            **({"CADDY_IMAGE": caddy} if caddy else {}),
        )
        self.environ["ALLOWED"] = f"{self.gateway};{self.network}.{LISTED}"
        self.authority = folder / "root.crt"

    def browser(self, path: str, method: str = "GET", **headers: str) -> requests.Response:
        """Ask as who is on this machine, believes Caddy's authority, and arrives as the gateway."""
        root = ("exec", "-T", "caddy", "cat", "/data/caddy/pki/authorities/local/root.crt")
        if not self.authority.exists():
            self.authority.write_text(self.run(*root))
        with requests.Session() as session:
            session.trust_env, session.verify = False, str(self.authority)
            url = f"https://localhost:{self.https}{path}"
            return session.request(method, url, headers=headers, timeout=HANGS)

    def ask(self, client: int, url: str, **headers: str) -> str:
        """Ask from a container with an address of its own, and return the body or the status."""
        return docker(
            "run", "--rm", f"--network={self.project}_default", f"--ip={self.network}.{client}",
            f"--add-host={SITE}:{self.network}.2", self.image, "python3", "-c", ASK, url,
            *(f"{name}={value}" for name, value in headers.items()),
        ).stdout.strip()  # fmt: skip

    def close(self) -> None:
        """Leave nothing behind."""
        super().close()
        for each in self.ports:
            each.close()


@pytest.fixture(scope="module")
def service(
    image: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Site]:
    """Both; where the image is not on the official base, with a stand-in of Caddy's image too."""
    name = uuid.uuid4().hex[:8]
    tag, caddy = f"nginx-python3-test:caddy-{name}", f"nginx-python3-test:others-{name}"
    build(image, tag, APP, "first")
    official = str(request.config.getoption("--base")).startswith("nginx:")
    if not official:
        standin(tmp_path_factory.mktemp("others"), caddy, database=False)
    site = Site(tmp_path_factory.mktemp("caddy"), tag, None if official else caddy)
    try:
        site.run("up", "--detach")
        site.wait_until_healthy(1)
        wait_until(lambda: reached(site), report=lambda: site.run("logs"))
        yield site
    finally:
        site.close()
        docker("rmi", tag, check=False)
        docker("rmi", caddy, check=False)


def reached(service: Site) -> bool:
    """Say whether Caddy has made its certificates by now."""
    try:
        return service.browser("/").status_code == 200
    except (requests.ConnectionError, AssertionError):
        return False


def test_the_client_came_by_https_whatever_he_says(service: Site) -> None:
    listed = f"{service.network}.{LISTED}"
    for headers in ({}, FORGED):
        told = service.browser("/client", **headers)
        assert (told.status_code, told.text) == (200, service.gateway)
        assert service.browser("/received", "POST", **headers).json()["scheme"] == "https"
        assert service.ask(LISTED, f"https://{SITE}/client", **headers) == listed


def test_nobody_else_is_let_in(service: Site) -> None:
    listed = f"{service.network}.{LISTED}"
    assert service.ask(UNLISTED, f"https://{SITE}/client") == "403"
    assert service.ask(UNLISTED, f"https://{SITE}/client", **{"X-Forwarded-For": listed}) == "403"
    # Nor is anybody but Caddy believed by the application's own port.
    assert service.ask(UNLISTED, "http://app/client", **{"X-Forwarded-For": listed}) == "403"
    assert service.ask(LISTED, "http://app/client", **{"X-Forwarded-For": "192.0.2.1"}) == listed


def test_the_plain_port_leads_to_https(service: Site) -> None:
    url = f"http://localhost:{service.http}/client?x=1"
    answer = requests.get(url, allow_redirects=False, timeout=HANGS)
    assert answer.status_code == 308
    assert answer.headers["Location"] == "https://localhost/client?x=1"


def test_both_are_started_again_with_the_machine(service: Site) -> None:
    # Tried with an engine that was stopped and started: those of on-failure had ended with 0.
    states = service.containers("caddy") + service.containers()
    assert [each["HostConfig"]["RestartPolicy"]["Name"] for each in states] == [
        "unless-stopped"
    ] * 2
