"""deploy/one-vm, running: with the images that it names, or stand-ins of our own making."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import uuid
from pathlib import Path

import requests

from dev import engine
from tests.support.image import docker
from tests.support.skips import leave_out
from tests.support.stacks import ROOT, fail, reserve
from tests.support.wait import HANGS, wait_until

SOURCE = ROOT / "deploy/one-vm"
# What the service files name, and what a shell script of four lines needs.
PROGRAMS = ("caddy", "redis-server", "redis-cli", "sh", "cat", "chmod", "chown", "mkdir")
POSTGRES = ("postgres", "initdb", "pg_ctl", "pg_isready", "psql", "pg_dump", "pg_restore")
MODULES = ("plpgsql.so", "dict_snowball.so")

# In the place of the official images' entrypoints: what compose.yaml uses of them.
ENTRY = """#!/bin/sh -e
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    chmod 700 "$PGDATA"
    initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --no-sync --no-locale \\
        --encoding=UTF8 > /dev/null
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    pg_ctl --options="-c listen_addresses=''" --wait start
    psql --username="$POSTGRES_USER" --dbname=postgres --command="CREATE DATABASE $POSTGRES_DB"
    pg_ctl --mode=fast --wait stop
fi
exec "$@"
"""
USERS = "root:x:0:0::/:/bin/sh\npostgres:x:70:70::/:/bin/sh\nredis:x:999:1000::/:/bin/sh\n"
DOCKERFILE = """FROM scratch
COPY root /
RUN mkdir -p /tmp /data /config /var/run/postgresql "$PGDATA" \\
 && chown 70 "$PGDATA" && chown 999 /data \\
 && chmod 1777 /tmp /data "$PGDATA" && chmod 3777 /var/run/postgresql
ENTRYPOINT ["/entry"]
CMD ["postgres", "-c", "listen_addresses=*"]
""".replace("RUN", "ENV PGDATA=/var/lib/postgresql/data\nRUN", 1)


def standin(folder: Path, tag: str, database: bool = True) -> None:
    """Build one image with Redis, Caddy and, if wanted, PostgreSQL, as this machine has them."""
    found = sorted(Path("/usr/lib/postgresql").glob("*"))
    if (database and not found) or not all(map(shutil.which, PROGRAMS)):
        leave_out("PostgreSQL, Redis and Caddy are not all here")
    root = folder / "root"
    programs = {f"/usr/bin/{each}": Path(str(shutil.which(each))) for each in PROGRAMS}
    if database:
        programs |= of_postgres(found[-1], root)
    for inside, program in programs.items():
        put(program, root / inside.lstrip("/"))
        listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True).stdout
        for library in re.findall(r"(/\S+) \(0x", listed):
            put(Path(library), root / library.lstrip("/"))
    (root / "bin").symlink_to("usr/bin")
    (root / "entry").write_text(ENTRY)
    (root / "entry").chmod(0o755)
    (root / "etc").mkdir()
    (root / "etc/passwd").write_text(USERS)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    docker("build", "--quiet", "--tag", tag, str(folder))


def of_postgres(postgres: Path, root: Path) -> dict[str, Path]:
    """Copy PostgreSQL's data, link to its programs, and name these and its modules."""
    share = Path("/usr/share/postgresql") / postgres.name
    shutil.copytree(share, root / str(share).lstrip("/"), ignore=shutil.ignore_patterns("man"))
    put(Path("/usr/share/zoneinfo/UTC"), root / "usr/share/zoneinfo/UTC")
    (root / "usr/bin").mkdir()
    for each in POSTGRES:
        (root / "usr/bin" / each).symlink_to(postgres / "bin" / each)
    files = [postgres / "bin" / each for each in POSTGRES]
    files += [postgres / "lib" / each for each in MODULES]
    return {str(each): each for each in files}


def put(source: Path, target: Path) -> None:
    """Copy a file, and what it links to in its place."""
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source.resolve(), target)


class OneVM:
    """A copy of the folder, as a user has one, and its project of compose."""

    def __init__(self, folder: Path, image: str, others: str | None) -> None:
        """Copy it and make the secrets, as docs/one-vm.md says; nothing is started."""
        self.reserved = [reserve(), reserve()]
        ports = [each.getsockname()[1] for each in self.reserved]
        self.project = f"nginx-python3-test-{uuid.uuid4().hex[:8]}"
        self.folder = folder / "shop"
        shutil.copytree(SOURCE, self.folder)
        (self.folder / "secrets").mkdir(mode=0o700)
        for name in ("database", "key"):
            path = self.folder / "secrets" / name
            path.write_text(secrets.token_hex(32) + "\n")
            path.chmod(0o644)
        self.environ = os.environ | {
            "COMPOSE_PROJECT_NAME": self.project,
            "BASE": image,
            "APP_IMAGE": self.project,
            "PUBLISH_HTTP": f"127.0.0.1:{ports[0]}",
            "PUBLISH_HTTPS": f"127.0.0.1:{ports[1]}",
            "NETWORK": f"172.31.{secrets.randbelow(256)}",
        }
        if others:
            images = ("CADDY_IMAGE", "POSTGRES_IMAGE", "REDIS_IMAGE")
            self.environ |= dict.fromkeys(images, others)
        self.url = f"https://localhost:{ports[1]}"

    def run(self, *arguments: str, text: str | None = None) -> str:
        """Run compose in the folder."""
        answer = subprocess.run(
            [*(engine.compose() or fail("there is no compose")), *arguments],
            cwd=self.folder, env=self.environ, input=text,
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        if answer.returncode:
            fail(f"compose {arguments}: {answer.returncode}\n{answer.stdout}{answer.stderr}")
        return answer.stdout

    def execute(self, service: str, *command: str) -> str:
        """Run a command in a service's container, as compose would, at less cost."""
        return docker("exec", *self.containers(service), *command).stdout

    def containers(self, service: str = "") -> list[str]:
        """List the ids of all containers, or of the one of a service."""
        labels = {"project": self.project, **({"service": service} if service else {})}
        filters = (
            f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels.items()
        )
        return docker("ps", "--quiet", *filters).stdout.split()

    def wait_until_healthy(self) -> None:
        """Wait for the application's health check."""
        state = ("inspect", "--format={{.State.Health.Status}}", *self.containers("app"))
        wait_until(
            lambda: docker(*state).stdout.strip() == "healthy",
            timeout=2 * HANGS,
            report=lambda: self.run("logs", "--tail=60"),
        )

    def close(self) -> None:
        """Leave nothing behind."""
        self.run("down", "--volumes", "--timeout", "5", "--rmi", "local")
        docker("rmi", self.project, check=False)
        for each in self.reserved:
            each.close()


class Browser:
    """Somebody who has opened the page, and believes the authority of Caddy's own."""

    def __init__(self, site: OneVM, folder: Path) -> None:
        """Fetch the authority's certificate."""
        authority = folder / "root.crt"
        authority.write_text(
            site.execute("caddy", "cat", "/data/caddy/pki/authorities/local/root.crt")
        )
        self.url, self.session = site.url, requests.Session()
        self.session.trust_env = False
        self.session.verify = str(authority)
        self.session.headers["Referer"] = f"{self.url}/"

    def page(self, path: str = "/") -> str:
        """Open a page."""
        return self.session.get(f"{self.url}{path}", timeout=HANGS).text

    def sees(self, text: str) -> bool:
        """Say whether the page has a text; it has not while nobody answers."""
        try:
            return text in self.page()
        except requests.ConnectionError:
            return False

    def send(self, path: str, **options: object) -> requests.Response:
        """Send the form of the page."""
        token = re.findall(r'name="csrf_token" value="([^"]+)"', self.page())[0]
        data = {"csrf_token": token} | dict(options.pop("data", {}))  # type: ignore[call-overload]
        return self.session.post(f"{self.url}{path}", data=data, timeout=HANGS, **options)  # type: ignore[arg-type]
