"""Run every check that reads and does not run: python3 -m dev.lint."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from dev import ROOT, Problem, finish, say, tree, venv
from stack.nginx import configuration
from stack.nginx import program as nginx
from stack.run import files as run_files
from stack.settings.proxies import BELIEVABLE
from stack.settings.shutdown import Budget
from stack.settings.table import Settings

SOURCES = ("entrypoint.py", "stack", "dev", "app", "benchmarks", "measurements", "tests")

# It takes any `return` below allow and deny for a way past them. Ours give 403, and 400 after
# ALLOWED was asked (conf/access.conf); those of users are found by stack/nginx/dropins.py.
GIXY = ("gixy", "--skips", "return_bypasses_allow_deny")

# What gixy reads: with the ports as they are, since it takes any that has 443 in it for one of TLS.
RENDERED: dict[str, dict[str, str]] = {
    "plain": {},
    "tls": {
        "TLS_CERTIFICATE_FILE": "certificate.pem",
        "TLS_KEY_FILE": "key.pem",
        "HSTS": "31536000",
        "TRUSTED_PROXIES": "192.0.2.1",
        "TRUSTED_HEADERS": ",".join(BELIEVABLE),
    },
}

# What check-jsonschema brings the schema of, and what it is held against.
SCHEMAS = {
    "github-workflows": (".github/workflows/*.yml",),
    "github-issue-forms": (".github/ISSUE_TEMPLATE/problem.yml",),
    "github-issue-config": (".github/ISSUE_TEMPLATE/config.yml",),
    "renovate": ("renovate.json",),
    "compose-spec": ("deploy/*.yaml", "deploy/*/compose.yaml"),
}


def main(_: list[str]) -> int:
    """Run them all, however many fail."""
    venv.prepare("dev")
    with tempfile.TemporaryDirectory() as folder:
        configurations = [rendered(Path(folder, name), more) for name, more in RENDERED.items()]
        results = [passes(*command) for command in commands(configurations)]
    return 0 if all(results) else 1


def commands(configurations: list[Path]) -> list[list[str]]:
    """List the commands, each a tool of .venv and its arguments."""
    return [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy", *SOURCES],
        ["lint-imports", "--no-cache"],
        ["hadolint", "Dockerfile"],
        *([*GIXY, str(each)] for each in configurations),
        ["zizmor", "--offline", "--no-progress", ".github"],
        *(["check-jsonschema", f"--builtin-schema=vendor.{name}", *files(*patterns)]
          for name, patterns in SCHEMAS.items()),
        ["python", "-m", "dev.links"],
        ["python", "-m", "dev.lock", "--check"],
    ]  # fmt: skip


def files(*patterns: str) -> list[str]:
    """List files of the tree; Problem if there are none, lest a check checks nothing."""
    for pattern in patterns:
        if not any(ROOT.glob(pattern)):
            raise Problem(f"there is no {pattern} to check")
    return [str(path.relative_to(ROOT)) for each in patterns for path in sorted(ROOT.glob(each))]


def rendered(folder: Path, more: Mapping[str, str]) -> Path:
    """Lay a tree with its generated files, and give nginx's configuration in it."""
    folder.mkdir()
    tree.lay(folder)
    (folder / "run").mkdir()
    settings = Settings.from_environ({"ALLOWED": "127.0.0.1;::1", **more})
    run_files.write(
        folder / "run",
        configuration.files(
            settings, Budget.of(settings.shutdown_timeout), nginx.version(os.environ), 2**30
        ),
    )
    return folder / "conf" / "nginx.conf"


def passes(tool: str, *arguments: str) -> bool:
    """Run one tool."""
    say(f"{tool} {' '.join(arguments)}")
    sys.stderr.flush()
    return subprocess.run([venv.VENV / "bin" / tool, *arguments], cwd=ROOT).returncode == 0


if __name__ == "__main__":
    finish(main)
