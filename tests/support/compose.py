"""deploy/compose.yaml, running: replicas behind the load balancer."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import Any

import requests

from dev import engine
from tests.support.image import docker
from tests.support.stacks import ROOT, fail, reserve
from tests.support.wait import HANGS, wait_until

FILE = ROOT / "deploy/compose.yaml"
PAGE = ROOT / "docs/scale.md"


class Compose:
    """One project of its own, published on a port of its own."""

    def __init__(self, folder: Path, **variables: str) -> None:
        """Choose names; nothing is started."""
        self.reserved = reserve()
        self.port: int = self.reserved.getsockname()[1]
        # Of its own, so that two projects can run at once.
        self.network = f"172.30.{secrets.randbelow(256)}"
        self.gateway, self.balancer = f"{self.network}.1", f"{self.network}.2:8080"
        self.project = f"nginx-python3-test-{uuid.uuid4().hex[:8]}"
        self.allowed = folder / "list"
        self.allowed.write_text(f"{self.gateway}\n")
        self.allowed.chmod(0o644)
        folder.chmod(0o755)
        self.environ = os.environ | {
            "COMPOSE_PROJECT_NAME": self.project,
            "COMPOSE_FILE": str(FILE),
            "PUBLISH": f"127.0.0.1:{self.port}",
            "NETWORK": self.network,
            "ALLOWED_FOLDER": str(folder),
            **variables,
        }

    def run(self, *arguments: str) -> str:
        """Run compose on the project."""
        answer = subprocess.run(
            [*(engine.compose() or fail("there is no compose")), *arguments],
            env=self.environ, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        if answer.returncode:
            fail(f"compose {arguments}: {answer.returncode}\n{answer.stdout}{answer.stderr}")
        return answer.stdout

    def shell(self, script: str) -> None:
        """Run commands as an operator would; where compose has no plug-in, its own program."""
        if engine.compose() != ["docker", "compose"]:
            script = script.replace("docker compose", "docker-compose")
        answer = subprocess.run(
            ["bash", "-euc", script], env=self.environ, capture_output=True, text=True, timeout=300
        )
        if answer.returncode:
            fail(f"{script}: {answer.returncode}\n{answer.stdout}{answer.stderr}")

    def scale(self, replicas: int) -> None:
        """Have so many replicas, all of them healthy, and touch no other container."""
        self.run("up", "--detach", "--no-recreate", "--scale", f"app={replicas}")
        self.wait_until_healthy(replicas)

    def wait_until_healthy(self, replicas: int) -> None:
        """Wait for the health checks of so many replicas."""

        def healthy() -> bool:
            states = self.listed("app", "--format={{.Status}}").splitlines()
            return [state.endswith("(healthy)") for state in states] == [True] * replicas

        wait_until(healthy, timeout=90, report=lambda: self.run("logs"))

    def containers(self, service: str = "app") -> list[dict[str, Any]]:
        """Inspect the containers of a service."""
        names = self.names(service)
        found: list[dict[str, Any]] = json.loads(docker("inspect", *names).stdout) if names else []
        return found

    def names(self, service: str = "app") -> list[str]:
        """List the ids of the containers of a service."""
        return self.listed(service, "--quiet").split()

    def listed(self, service: str, how: str) -> str:
        """Have the engine list the containers of a service that run."""
        filters = (
            f"--filter=label=com.docker.compose.{key}={value}"
            for key, value in (("project", self.project), ("service", service))
        )
        return docker("ps", how, *filters).stdout

    def get(self, path: str = "/", **options: Any) -> requests.Response:
        """Make a request through the load balancer."""
        return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=HANGS, **options)

    def close(self) -> None:
        """Leave nothing behind."""
        self.run("down", "--volumes", "--timeout", "10")
        self.reserved.close()


def build(image: str, tag: str, application: Path, version: str) -> None:
    """Build an image of an application, which answers with a version, on another image."""
    with tempfile.TemporaryDirectory() as context:
        shutil.copytree(application, f"{context}/app")
        for source in Path(context, "app").glob("*.py"):
            source.write_text(
                source.read_text().replace('VERSION = "old"', f'VERSION = "{version}"')
            )
        Path(context, "Dockerfile").write_text(
            f"FROM {image}\nCOPY app app\nENV APP_MODULE={application.name}:application\n"
            "ENV GATE=/etc/allowed/gate\n"
        )
        docker("build", "--quiet", "--tag", tag, context)


def commands(heading: str) -> str:
    """Read the commands of a section of docs/scale.md."""
    section = re.split(r"^#+ .*\n", PAGE.read_text().split(f"{heading}\n")[1], flags=re.MULTILINE)
    return "".join(re.findall(r"^    (.*\n)", section[0], re.MULTILINE))
