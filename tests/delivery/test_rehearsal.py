"""From a clone to a published image that is pulled by its digest and serves.

The registry is on loopback, and the base image there is the one that the image under test has.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dev import test as make_test
from dev.delivery import registry as delivery
from dev.delivery import versions
from stack import VERSION
from tests.support.image import ImageStack, docker
from tests.support.registry import Workflow, clone, commit, git, outside, registry
from tests.support.skips import leave_out
from tests.support.stacks import ROOT

TODAY, NEXT_WEEK = 1764115200, 1764115200 + 7 * 86400
OWNER = "Someone"

GH = """\
#!{python}
import json, sys
if "view" in sys.argv:
    sys.exit(1)
json.dump([sys.argv[1:], sys.stdin.read()], open({file!r}, "w"))
"""


@dataclass
class Service:
    """A registry with a base image, and a clone with a release."""

    host: str
    base: str
    clone: Path
    folder: Path

    def workflow(self, name: str) -> Workflow:
        """Begin publish.yml, as the push of the tag would."""
        return Workflow(
            ".github/workflows/publish.yml",
            self.clone,
            REPOSITORY=f"{self.host}/{OWNER}/{name}",
            BASE_IMAGE=self.base,
            GITHUB_REF_TYPE="tag",
            GITHUB_REF_NAME=f"v{VERSION}",
            GITHUB_SERVER_URL="https://forge.example",
            GITHUB_REPOSITORY=f"{OWNER}/{name}",
        )

    def repository(self, name: str) -> delivery.Repository:
        """Name what that publishes to."""
        return delivery.Repository(f"{self.host}/{OWNER}/{name}".lower())


@pytest.fixture(scope="module")
def service(
    image: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """The two, for as long as the tests here run."""
    base = request.config.getoption("--base-image")
    if not base:
        leave_out("without --base-image there is nothing to build on")
    if not all(map(shutil.which, ("docker-registry", "skopeo", "git"))):
        leave_out("docker-registry, skopeo or git is not installed")
    folder = tmp_path_factory.mktemp("delivery")
    with registry(folder) as host:
        name = f"{host}/library/nginx:1.30"
        # The base may be named by a digest, by which skopeo cannot ask the engine.
        named = f"nginx-python3-test:base-{uuid.uuid4().hex[:8]}"
        docker("tag", base, named)
        copy = ("copy", "--quiet", "--format=v2s2", "--dest-tls-verify=false")
        try:
            delivery.skopeo(*copy, f"docker-daemon:{named}", f"docker://{name}")
        finally:
            docker("rmi", named, check=False)
        yield Service(host, name, clone(folder, f"v{VERSION}"), folder)
        for line in docker(
            "images", "--digests", "--format={{.Repository}}@{{.Digest}}"
        ).stdout.split():
            if line.startswith(host):
                docker("rmi", line, check=False)


def test_from_a_tag_to_a_container_that_serves(service: Service) -> None:
    workflow, where = service.workflow("Web"), service.repository("Web")
    plan = workflow.step("plan", SOURCE_DATE_EPOCH=str(TODAY))
    assert plan.returncode == 0, plan.stderr
    # Decided once: where, and the base by its digest.
    known = {name.rpartition(".")[2]: each for name, each in workflow.known.items()}
    assert known["needed"] == "true"
    assert known["repository"] == where.name
    assert known["ref"] == git(service.clone, "rev-parse", "HEAD")
    assert known["base"].startswith(f"{service.base}@sha256:")

    push = workflow.step("push")
    assert push.returncode == 0, push.stdout + push.stderr
    assert where.tags() == []

    # What is tested is what was pushed, and what will be tagged.
    tested = workflow.environment("test", architecture="amd64")["IMAGE"]
    tested = tested or workflow.environment("test", architecture="arm64")["IMAGE"]
    options = make_test.options_of(tested)
    assert options[options.index("--base-image") + 1] == known["base"]
    chosen = [f"{ROOT}/tests/deploy/test_image.py::{test}" for test in (
        "test_says_what_it_is", "test_serves_hardened_as_the_readme_recommends",
    )]  # fmt: skip
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, *chosen]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stdout
    assert "2 passed" in answer.stdout

    tag = workflow.step("tag")
    assert tag.returncode == 0, tag.stderr
    digest = workflow.known["needs.tag.outputs.digest"]
    today = versions.dated(VERSION, TODAY)
    tags = {*versions.moving(VERSION, []), today}
    assert set(where.tags()) == tags
    assert {where.digest(name) for name in tags} == {digest}
    says_where_it_is_from(service, workflow, digest)
    serves(f"{where.name}@{digest}")
    announces(service, workflow, digest)

    # The same again on the same day: nothing is done, and nothing can be moved.
    again = service.workflow("Web")
    assert again.step("plan", SOURCE_DATE_EPOCH=str(TODAY)).returncode == 0
    assert again.known["needs.plan.outputs.needed"] == "false"
    assert "never moves" in workflow.step("tag").stderr
    assert {where.digest(name) for name in where.tags()} == {digest}

    # A week later: what moves is moved, what has a day stays.
    later = workflow.step("tag", SOURCE_DATE_EPOCH=str(NEXT_WEEK))
    assert later.returncode == 0, later.stderr
    assert set(where.tags()) == {*tags, versions.dated(VERSION, NEXT_WEEK)}
    assert where.digest(today) == digest != where.digest("latest")


def says_where_it_is_from(service: Service, workflow: Workflow, digest: str) -> None:
    """Look at what stands beside the images, without pulling one."""
    where = service.repository("Web")
    index = json.loads(where.manifest(digest))
    (image,) = index["manifests"]
    labels = where.config(image["digest"])["config"]["Labels"]
    for found in (index["annotations"], labels):
        about = {name.removeprefix("org.opencontainers.image."): found[name] for name in found}
        assert about["version"] == VERSION
        assert about["revision"] == workflow.known["needs.plan.outputs.ref"]
        assert about["source"] == f"https://forge.example/{OWNER}/Web"
        assert about["created"] == "2025-11-26T00:00:00+00:00"
        base = f"{about['base.name']}@{about['base.digest']}"
        assert base == workflow.known["needs.plan.outputs.base"]


def serves(name: str) -> None:
    """Pull an image by its digest, and ask it for a page."""
    docker("pull", "--quiet", name)
    stack = ImageStack({}, name, ("--read-only", "--tmpfs=/srv/run"))
    stack.start()
    try:
        stack.wait_until_ready()
        assert stack.get().text == "Hello, World!"
    finally:
        stack.close()


def announces(service: Service, workflow: Workflow, digest: str) -> None:
    """Run the last step with a gh that writes down what it was told."""
    programs, file = service.folder / "programs", service.folder / "gh.json"
    programs.mkdir()
    (programs / "gh").write_text(GH.format(python=sys.executable, file=str(file)))
    (programs / "gh").chmod(0o755)
    answer = workflow.step("release", PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")
    assert answer.returncode == 0, answer.stderr
    words, notes = json.loads(file.read_text())
    assert words[:3] == ["release", "create", f"v{VERSION}"]
    assert f"docker pull {service.repository('Web').name}@{digest}" in notes
    assert versions.notes((service.clone / "CHANGELOG.md").read_text(), VERSION) in notes


def test_what_fails_its_tests_gets_no_tag(service: Service, tmp_path: Path) -> None:
    (service.clone / "dev/test.py").write_text("raise SystemExit(1)\n")
    (service.clone / "README.md").write_text("changed\n")
    commit(service.clone)
    git(service.clone, "tag", "--force", f"v{VERSION}")
    where = service.repository("failing")
    environ = {**outside(), "REPOSITORY": where.name, "BASE_IMAGE": service.base}
    answer = subprocess.run(
        ["make", "publish"],
        cwd=service.clone,
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert answer.returncode == 2, answer.stdout
    assert "has failed its tests, and gets no tag" in answer.stderr
    assert "pushed " in answer.stderr
    assert where.tags() == []


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"REPOSITORY": "nonsense"}, "REPOSITORY: 'nonsense'"),
        ({"GITHUB_REF_NAME": "v9.9.9"}, "v9.9.9"),
        ({"GITHUB_REF_NAME": "v1"}, "no release"),
        ({"BASE_IMAGE": "127.0.0.1:1/nginx:1.30"}, "127.0.0.1:1"),
    ],
    ids=lambda each: str(each)[:30],
)
def test_what_does_not_fit_is_refused_before_anything_is_built(
    service: Service, environ: dict[str, str], words: str
) -> None:
    answer = service.workflow("refused").step("plan", **environ)
    assert answer.returncode == 2
    assert words in answer.stderr
