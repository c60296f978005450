"""deploy/compose.yaml, run as a user would: who gets in, what fails over, how hardened it is."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import requests

from measurements.faults import APP
from tests.support.compose import Compose, build, commands
from tests.support.image import docker
from tests.support.wait import wait_until

REPLICAS = 3
LISTED, UNLISTED = 10, 11  # the last numbers of two clients' addresses

ASK = """
import sys, urllib.error, urllib.request
url, *headers = sys.argv[1:]
request = urllib.request.Request(url, headers=dict(each.split("=") for each in headers))
try:
    print(urllib.request.urlopen(request, timeout=10).read().decode())
except urllib.error.HTTPError as error:
    print(error.code)
"""


@pytest.fixture(scope="module")
def service(
    image: str, base_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Compose]:
    """Three replicas of an application that can be slow and fail."""
    tag = f"nginx-python3-test:compose-{uuid.uuid4().hex[:8]}"
    build(image, tag, APP, "first")
    project = Compose(tmp_path_factory.mktemp("compose"), APP_IMAGE=tag, LB_IMAGE=base_image)
    project.allowed.write_text(f"{project.gateway}\n{project.network}.{LISTED}\n")
    try:
        project.run("up", "--detach", "--scale", f"app={REPLICAS}")
        project.wait_until_healthy(REPLICAS)
        yield project
    finally:
        project.close()
        docker("rmi", tag, check=False)


def ask(service: Compose, client: int, server: str, *headers: str) -> str:
    """Ask from a container with an address of its own, and return the body or the status."""
    (image,) = {each["Config"]["Image"] for each in service.containers()}
    return docker(
        "run", "--rm", f"--network={service.project}_default", f"--ip={service.network}.{client}",
        image, "python3", "-c", ASK, f"http://{server}/client", *headers,
    ).stdout.strip()  # fmt: skip


def post(service: Compose, path: str) -> requests.Response:
    """Post something through the load balancer."""
    return requests.post(f"http://127.0.0.1:{service.port}{path}", data="x=1", timeout=60)


def replicas_of(service: Compose, path: str) -> list[list[str]]:
    """Read in the load balancer's log which replicas were asked for a path, request by request."""
    (balancer,) = service.names("lb")
    log = docker("logs", balancer).stdout
    lines = [line for line in log.splitlines() if path in line and " - [" in line]
    return [re.findall(r"[0-9.]+:80\b", line) for line in lines]


def spread(service: Compose) -> int:
    """Make a few requests, all of which succeed, and count the replicas that they went to."""
    path = f"/?{uuid.uuid4().hex}"
    assert {service.get(path).status_code for _ in range(12)} == {200}
    wait_until(lambda: len(replicas_of(service, path)) == 12)
    return len({name for names in replicas_of(service, path) for name in names})


def test_the_client_counts_and_not_the_load_balancer(service: Compose) -> None:
    listed = f"{service.network}.{LISTED}"
    assert ask(service, LISTED, service.balancer) == listed
    assert ask(service, UNLISTED, service.balancer) == "403"
    for lie in ("X-Forwarded-For", "X-Real-IP", "X-Forwarded-Host"):
        assert ask(service, LISTED, service.balancer, f"{lie}=192.0.2.1") == listed
        assert ask(service, UNLISTED, service.balancer, f"{lie}={listed}") == "403"


def test_nobody_but_the_load_balancer_is_believed(service: Compose) -> None:
    listed = f"{service.network}.{LISTED}"
    networks = service.containers()[0]["NetworkSettings"]["Networks"]
    (replica,) = [each["IPAddress"] for each in networks.values()]
    assert ask(service, LISTED, replica) == listed
    assert ask(service, LISTED, replica, "X-Forwarded-For=192.0.2.1") == listed
    assert ask(service, UNLISTED, replica, f"X-Forwarded-For={listed}") == "403"


def test_a_replica_whose_application_is_away_costs_no_get(service: Compose) -> None:
    victim = service.names()[0]
    docker("exec", victim, "supervisorctl", "stop", "uwsgi")
    try:
        assert {service.get().status_code for _ in range(60)} == {200}
        # A POST has its answer from the one replica that it was sent to.
        answers = [post(service, "/received") for _ in range(60)]
        assert {answer.status_code for answer in answers} == {200, 503}
        assert all("Retry-After" in each.headers for each in answers if each.status_code == 503)
    finally:
        docker("exec", victim, "supervisorctl", "start", "uwsgi")
        service.wait_until_healthy(REPLICAS)


def test_a_replica_that_refuses_connections_costs_nothing(service: Compose) -> None:
    victim = service.names()[0]
    docker("exec", victim, "supervisorctl", "stop", "nginx")
    try:
        assert {service.get().status_code for _ in range(60)} == {200}
        # Nothing was sent to the one that refused, so a POST may go to another.
        assert {post(service, "/received").status_code for _ in range(60)} == {200}
    finally:
        docker("exec", victim, "supervisorctl", "start", "nginx")
        service.wait_until_healthy(REPLICAS)


def test_an_application_that_says_503_closes_no_other_page(service: Compose) -> None:
    for _ in range(20):
        answer = service.get("/status/503")
        assert (answer.status_code, answer.text) == (503, "as asked")
        assert post(service, "/received").status_code == 200
        assert service.get().status_code == 200


def spread_over(service: Compose, replicas: int) -> bool:
    """Say whether requests go to so many replicas now."""
    return spread(service) == replicas


def in_flight(container: str) -> int:
    """Count the requests that uWSGI's workers in a container are busy with."""
    sockets = docker("exec", container, "cat", "/proc/net/unix").stdout
    return sum("uwsgi.sock" in line and line.split()[5] == "03" for line in sockets.splitlines())


def test_killed_with_a_replica_a_get_is_repeated_and_a_post_is_not(service: Compose) -> None:
    wait_until(lambda: spread(service) == REPLICAS)
    gate = service.allowed.with_name("gate")
    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(service.get, "/held?get") for _ in range(REPLICAS)]
        # In turn, so that each replica has one of each.
        wait_until(lambda: [in_flight(name) for name in service.names()] == [1] * REPLICAS)
        posted = [pool.submit(post, service, "/held?post") for _ in range(REPLICAS)]
        wait_until(lambda: [in_flight(name) for name in service.names()] == [2] * REPLICAS)
        docker("kill", "--signal=KILL", service.names()[0])
        gate.touch()
        assert [each.result().status_code for each in asked] == [200] * REPLICAS
        assert sorted(each.result().status_code for each in posted) == [200, 200, 502]
    gate.unlink()
    service.scale(REPLICAS)
    wait_until(lambda: len(replicas_of(service, "POST /held?post")) == REPLICAS)
    assert [len(names) for names in replicas_of(service, "POST /held?post")] == [1, 1, 1]
    assert sorted(len(names) for names in replicas_of(service, "GET /held?get")) == [1, 1, 2]


def test_replicas_come_and_go_without_a_restart(service: Compose) -> None:
    balancer = service.names("lb")
    for replicas in (1, REPLICAS):
        service.scale(replicas)
        # While a name is still known, a request goes there in vain, and then to another.
        wait_until(partial(spread_over, service, replicas))
    assert service.names("lb") == balancer
    (state,) = service.containers("lb")
    assert state["RestartCount"] == 0


def test_a_changed_list_is_reloaded_on_all(service: Compose) -> None:
    before = service.allowed.read_text()
    unlisted = f"{service.network}.{UNLISTED}"
    service.allowed.write_text(f"{service.gateway}\n{unlisted}\n")
    service.shell(commands("### Another list"))
    assert ask(service, UNLISTED, service.balancer) == unlisted
    assert ask(service, LISTED, service.balancer) == "403"
    service.allowed.write_text(before)
    service.shell(commands("### Another list"))


def test_every_container_is_hardened(service: Compose) -> None:
    for each in service.containers() + service.containers("lb"):
        host, config = each["HostConfig"], each["Config"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert host["RestartPolicy"]["Name"] == "on-failure"
        assert 0 < host["Memory"] <= 2**28
        assert 0 < host["NanoCpus"] <= 10**9
        assert 0 < host["PidsLimit"] <= 128
        assert host["Tmpfs"]
        assert config["User"] == "101:101"
        environ = dict(pair.split("=", 1) for pair in config["Env"])
        assert config["StopTimeout"] > int(environ.get("SHUTDOWN_TIMEOUT", "25"))
