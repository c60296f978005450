"""`check` beside a running stack: its settings, its decisions, and what a reload brings."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tests.support.launching import Launch, Plan
from tests.support.stacks import Stack

PLAN = Plan({"ALLOWED": "127.0.0.1;10.1.0.0/16", "UWSGI_THREADS": "2", "UWSGI_HARAKIRI": "90"})

# As another shell may have them.
OTHER = ("env", "-u", "UWSGI_HARAKIRI", "-u", "UWSGI_THREADS", "ALLOWED=192.0.2.1", "LISTEN_PORT=1")


def answer(stack: Stack, *command: str) -> dict[str, Any]:
    """Ask in JSON; nothing else may be on stdout."""
    found: dict[str, Any] = json.loads(stack.run(*command, "--json").stdout)
    return found


def test_it_is_about_the_stack_and_not_about_the_shell(served: Stack) -> None:
    said = served.run(*OTHER, "./entrypoint.py", "check")
    assert said.returncode == 0, said.stderr
    assert f"LISTEN_PORT = {served.port}  (environment)" in said.stdout
    assert "ALLOWED = 127.0.0.1;10.1.0.0/16  (environment)" in said.stdout
    assert "UWSGI_THREADS = 2  (environment)" in said.stdout
    (workers,) = [line for line in said.stdout.splitlines() if "NGINX_WORKER_PROCESSES" in line]
    assert "(detected: " in workers
    assert "warning: ALLOWED, LISTEN_PORT: set otherwise in the stack that runs" in said.stderr


def test_a_client_is_judged_as_the_stack_does(served: Stack) -> None:
    for client, allowed in (("10.1.2.3", True), ("192.0.2.1", False), ("::ffff:10.1.2.3", True)):
        asked = (*OTHER, "./entrypoint.py", "check", "--client", client)
        said = served.run(*asked)
        assert said.returncode == (not allowed)
        assert said.stdout.startswith(f"{client} is {'let in' if allowed else 'denied'}: ALLOWED")
        found = answer(served, *asked)
        assert (found["allowed"], found["after_reload"]) == (allowed, allowed)
        assert found["running"] is True


def test_programs_are_told_all_of_it(served: Stack) -> None:
    found = answer(served, "./entrypoint.py", "check")
    assert set(found) == {"status", "settings", "files", "warnings", "mistakes"}
    assert found["settings"]["LISTEN_PORT"] == {
        "value": str(served.port),
        "source": "environment",
    }
    assert found["settings"]["APP_MODULE"]["value"] is None
    assert "allow 127.0.0.1;" in found["files"]["permissions.conf"]
    assert (found["status"], found["mistakes"]) == (0, [])


def test_a_list_that_has_been_edited_counts_after_the_reload(launch: Launch, conf: Path) -> None:
    listed = conf / "list"
    listed.write_text("127.0.0.1\n192.0.2.7\n")
    where = "conf/list"
    stack = launch(conf=conf, ALLOWED_FILE=where)
    if stack.launcher == "host":
        listed = stack.root / where  # type: ignore[attr-defined]
    ask = ("./entrypoint.py", "check", "--client", "192.0.2.7")
    listed.write_text("127.0.0.1\n")
    said = stack.run(*ask)
    assert (said.returncode, said.stdout.splitlines()) == (
        0,
        [
            "192.0.2.7 is let in: ALLOWED has 192.0.2.7",
            "a reload would change that: denied: ALLOWED does not contain it",
        ],
    )
    assert answer(stack, *ask)["after_reload"] is False
    listed.write_text("127.0.0.1\n192.0.2.7/33\n")
    said = stack.run(*ask)
    assert said.returncode == 0
    assert "a reload would be refused: ALLOWED_FILE: line 2, '192.0.2.7/33'" in said.stdout
    listed.write_text("127.0.0.1\n")
    assert stack.run("./entrypoint.py", "reload").returncode == 0
    said = stack.run(*ask)
    assert (said.returncode, said.stdout) == (
        1,
        "192.0.2.7 is denied: ALLOWED does not contain it\n",
    )


def test_mistakes_are_told_to_programs_too(launch: Launch) -> None:
    stack = launch(ready=False, ALLOWED="no")
    stack.wait_until_gone()
    if stack.launcher == "host":
        said = stack.run("./entrypoint.py", "check", "--json")
        assert said.returncode == os.EX_CONFIG
        found = json.loads(said.stdout)
        assert found["status"] == os.EX_CONFIG
        assert found["mistakes"][0].startswith("ALLOWED: entry 1, 'no': ")
