"""The running stack, on the host and from the image."""

from __future__ import annotations

import re
import signal

import pytest

from tests.support.launching import Launch
from tests.support.stacks import ROOT, Stack

ANYWHERE = [
    "/",
    "/request",
    "/no/such/path",
    "/ready",
    "/static/x",
    "/favicon.ico",
    "/.git/config",
    "//",
    "/x/%2e%2e/",
    "/index.html?x=1",
]


def test_greets(stack: Stack) -> None:
    answer = stack.get("/")
    assert (answer.status_code, answer.text) == (200, "Hello, World!")


def test_shows_what_the_application_sees_of_a_request(stack: Stack) -> None:
    seen = stack.get("/request", headers={"Host": "shop.example"}).json()
    assert len(seen.pop("request_id")) == 32
    assert seen == {"client": "127.0.0.1", "scheme": "http", "host": "shop.example"}


def test_every_listed_address_may_connect(stack: Stack) -> None:
    assert stack.get(client="127.0.0.1").status_code == 200
    assert stack.get(client="::1").status_code == 200


@pytest.mark.parametrize("path", ANYWHERE)
def test_nobody_else_gets_in_anywhere(stack: Stack, path: str) -> None:
    answer = stack.get(path, client="127.0.0.2")
    assert answer.status_code == 403
    assert "127.0.0" not in answer.text


def test_a_path_that_does_not_exist_is_the_applications_404(stack: Stack) -> None:
    assert stack.get("/no/such/path").status_code == 404


# For several tests, which are about one of them each.
OPEN = {"CLIENT_MAX_BODY_SIZE": "2k", "UWSGI_PROCESSES": "3", "UWSGI_THREADS": "2"}
NOBODY = {"ALLOWED": "192.0.2.1"}


def test_without_a_list_everyone_may_connect(launch_once: Launch) -> None:
    stack = launch_once(**OPEN)
    for client in ("127.0.0.1", "127.0.0.2", "::1"):
        assert stack.get(client=client).status_code == 200
    assert stack.says("warning: ALLOWED is not set")


def test_ranges_of_both_families(launch: Launch) -> None:
    stack = launch(ALLOWED="127.0.0.8/30;::1/128")
    clients = {f"127.0.0.{host}": 200 if 8 <= host <= 11 else 403 for host in (1, 7, 8, 11, 12)}
    for client, status in {**clients, "::1": 200}.items():
        assert stack.get(client=client).status_code == status, client


def test_a_list_of_one_family_denies_the_other(launch: Launch) -> None:
    stack = launch(ALLOWED="::1")
    assert stack.get(client="::1").status_code == 200
    assert stack.get(client="127.0.0.1").status_code == 403


def test_a_mapped_range_is_meant_for_ipv4_clients(launch: Launch) -> None:
    stack = launch(ALLOWED="::ffff:127.0.0.0/120")
    assert stack.get(client="127.0.0.9").status_code == 200
    assert stack.get(client="127.0.1.9").status_code == 403


def test_the_rules_can_be_read_in_the_order_given(stack: Stack) -> None:
    assert stack.run("cat", "run/permissions.conf").stdout == (
        "allow 127.0.0.1;\nallow ::1;\ndeny all;\n"
    )


def test_supervisorctl_works_without_flags_and_warnings(launch: Launch) -> None:
    stack = launch(UWSGI_PROCESSES="2", NGINX_WORKER_PROCESSES="2")
    stack.wait_until(lambda: stack.run("supervisorctl", "status").stdout.count("RUNNING") == 2)
    status = stack.run("supervisorctl", "status")
    assert (status.returncode, status.stderr) == (0, "")
    assert [line.split()[:2] for line in status.stdout.splitlines()] == [
        ["nginx", "RUNNING"],
        ["uwsgi", "RUNNING"],
    ]
    before = stack.crew("uwsgi", 2)
    restarted = stack.run("supervisorctl", "restart", "uwsgi")
    assert restarted.stdout == "uwsgi: stopped\nuwsgi: started\n"
    assert not set(before) & set(stack.processes("uwsgi"))
    stack.wait_until(lambda: stack.get().status_code == 200)
    workers = stack.crew("nginx", 2)
    assert stack.run("supervisorctl", "signal", "HUP", "nginx").returncode == 0
    stack.wait_until(lambda: not set(workers[1:]) & set(stack.processes("nginx")))
    assert stack.get().status_code == 200


def test_supervisord_listens_on_a_socket_that_only_its_user_can_open(stack: Stack) -> None:
    code = "import os; print(oct(os.stat('run/supervisor.sock').st_mode & 0o777))"
    assert stack.run("python3", "-c", code).stdout == "0o700\n"


def test_writes_only_below_run(launch: Launch) -> None:
    stack = launch(CLIENT_MAX_BODY_SIZE="2m")
    assert stack.request("POST", "/", data=b"x" * 1_500_000).status_code == 200
    assert stack.changed() == set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_stops_when_told_to_with_status_0(launch: Launch, number: signal.Signals) -> None:
    stack = launch()
    stack.signal(number)
    assert stack.wait_until_gone() == 0
    assert "exit request" in stack.log()


def test_the_largest_body_can_be_chosen(launch_once: Launch) -> None:
    stack = launch_once(**OPEN)
    assert stack.request("POST", data=b"x" * 2048).status_code == 405
    assert stack.request("POST", data=b"x" * 2049).status_code == 413


def test_workers_and_threads_can_be_chosen(launch_once: Launch) -> None:
    stack = launch_once(**OPEN)
    assert stack.says("INFO ready after ", "by 3 processes of 2 threads")
    stack.crew("uwsgi", 3)


def test_is_healthy_although_loopback_is_not_allowed(launch_once: Launch) -> None:
    stack = launch_once(**NOBODY)
    assert stack.run("./entrypoint.py", "healthy").returncode == 0
    assert stack.get().status_code == 403


def test_two_run_side_by_side(launch_once: Launch) -> None:
    one, other = launch_once(**OPEN), launch_once(**NOBODY)
    assert [one.get().status_code, other.get().status_code] == [200, 403]
    assert one.run("./entrypoint.py", "healthy").returncode == 0
    assert other.run("./entrypoint.py", "healthy").returncode == 0


def test_nginx_accepts_what_was_rendered(stack: Stack) -> None:
    test = stack.run("nginx", "-e", "stderr", "-p", ".", "-c", "conf/nginx.conf", "-t")
    assert test.returncode == 0, test.stderr


def test_what_a_program_says_can_be_followed_as_the_readme_does(stack: Stack) -> None:

    def shown() -> bool:
        # Each time anew: `tail` shows the last 1600 bytes, and nginx's other worker may write more.
        stack.get("/followed")
        return "GET /followed" in stack.run("supervisorctl", "tail", "nginx").stdout

    stack.wait_until(shown)
    command = re.search(
        r"docker exec ng (supervisorctl tail [^`\n]+)", (ROOT / "README.md").read_text()
    )
    assert command
    # It goes on for ever; two seconds are enough for its first words, but on a busy machine.
    for seconds in ("2", "10", "50"):
        follow = stack.run("timeout", seconds, *command[1].split())
        if "entrypoint: serving" in follow.stdout:
            break
    assert "entrypoint: serving" in follow.stdout
    assert follow.stderr == ""


def test_check_does_not_mind_that_nobody_reads_on(stack: Stack) -> None:
    answer = stack.run("sh", "-c", "./entrypoint.py check | true")
    assert "BrokenPipeError" not in answer.stderr
