"""Sizes follow from what the container is given: cgroups of both versions, and the image itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stack.machine import cgroup, kernel
from stack.settings import sizes
from stack.settings.sizes import Detected
from tests.support.image import ImageStack, once

MIB = 1 << 20


class Tree:
    """A process's view of its control groups, made of files."""

    def __init__(self, folder: Path) -> None:
        """Begin with no group at all."""
        self.folder = folder
        self.proc = folder / "proc"
        self.proc.mkdir()

    def mount(self, name: str, root: str, options: str = "") -> Path:
        """Mount a hierarchy, of version 1 if there are options."""
        place = self.folder / name
        place.mkdir()
        kind = "cgroup" if options else "cgroup2"
        with (self.proc / "mountinfo").open("a") as table:
            table.write(f"33 25 0:29 {root} {place} ro,nosuid - {kind} {kind} rw,{options}\n")
        return place

    def join(self, line: str) -> None:
        """Be in a group."""
        with (self.proc / "cgroup").open("a") as table:
            table.write(line + "\n")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A process without groups, so far."""
    return Tree(tmp_path)


def test_without_control_groups_there_is_no_limit(tree: Tree) -> None:
    assert (cgroup.cpus(tree.proc), cgroup.memory(tree.proc)) == (None, None)


def test_version_2_inside_a_container(tree: Tree) -> None:
    mount = tree.mount("cgroup", "/")
    tree.join("0::/")
    (mount / "cpu.max").write_text("50000 100000\n")
    (mount / "memory.max").write_text(f"{96 * MIB}\n")
    assert (cgroup.cpus(tree.proc), cgroup.memory(tree.proc)) == (0.5, 96 * MIB)


def test_version_2_without_limits(tree: Tree) -> None:
    mount = tree.mount("cgroup", "/")
    tree.join("0::/")
    (mount / "cpu.max").write_text("max 100000\n")
    (mount / "memory.max").write_text("max\n")
    assert (cgroup.cpus(tree.proc), cgroup.memory(tree.proc)) == (None, None)


def test_the_tightest_limit_on_the_way_up_counts(tree: Tree) -> None:
    mount = tree.mount("cgroup", "/")
    tree.join("0::/system.slice/web.service")
    service = mount / "system.slice/web.service"
    service.mkdir(parents=True)
    (service / "cpu.max").write_text("max 100000\n")
    (service / "memory.max").write_text(f"{512 * MIB}\n")
    (service.parent / "cpu.max").write_text("150000 100000\n")
    (service.parent / "memory.max").write_text(f"{256 * MIB}\n")
    assert (cgroup.cpus(tree.proc), cgroup.memory(tree.proc)) == (1.5, 256 * MIB)


def test_version_1_inside_a_container(tree: Tree) -> None:
    cpu = tree.mount("cpu", "/docker/ab12", "cpu,cpuacct")
    memory = tree.mount("memory", "/docker/ab12", "memory")
    for line in (
        "4:memory:/docker/ab12",
        "2:cpu,cpuacct:/docker/ab12",
        "9:name=systemd:/x",
        "0::/",
    ):
        tree.join(line)
    (cpu / "cpu.cfs_quota_us").write_text("150000\n")
    (cpu / "cpu.cfs_period_us").write_text("100000\n")
    (memory / "memory.limit_in_bytes").write_text(f"{128 * MIB}\n")
    assert (cgroup.cpus(tree.proc), cgroup.memory(tree.proc)) == (1.5, 128 * MIB)


def test_version_1_without_limits(tree: Tree) -> None:
    cpu, memory = tree.mount("cpu", "/", "cpu"), tree.mount("memory", "/", "memory")
    for line in ("4:memory:/", "1:cpu:/"):
        tree.join(line)
    (cpu / "cpu.cfs_quota_us").write_text("-1\n")
    (cpu / "cpu.cfs_period_us").write_text("100000\n")
    (memory / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert (cgroup.cpus(tree.proc), cgroup.memory(tree.proc)) == (None, None)


@pytest.mark.parametrize("path", ["/elsewhere", "/../../x"])
def test_a_path_that_the_namespace_hides_is_the_mounts_own_root(tree: Tree, path: str) -> None:
    mount = tree.mount("cgroup", "/")
    tree.join(f"0::{path}")
    (mount / "cpu.max").write_text("200000 100000\n")
    assert cgroup.cpus(tree.proc) == 2.0


@pytest.mark.parametrize(
    ("cpus", "megabytes", "processes"),
    [(1, 4000, 2), (2, 4000, 4), (8, 4000, 16), (1, 96, 2), (8, 96, 3), (8, 256, 13), (1, 64, 1)],
)
def test_processes_follow_from_cpus_and_memory(cpus: int, megabytes: int, processes: int) -> None:
    assert sizes.processes(Detected(cpus, "so many"), megabytes * MIB).value == processes


@pytest.mark.parametrize(
    ("processes", "threads", "listen", "queued"),
    [(4, 1, 4096, 1024), (2, 4, 4096, 2048), (2, 1, 128, 96), (64, 1, 4096, 3072), (1, 1, 8, 6)],
)
def test_the_queue_follows_from_the_workers(
    processes: int, threads: int, listen: int, queued: int
) -> None:
    assert sizes.queued(processes, threads, listen).value == queued


def test_the_kernels_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "somaxconn").write_text("512\n")
    assert kernel.somaxconn(tmp_path / "somaxconn") == 512
    assert kernel.somaxconn(tmp_path / "missing") == 128


@pytest.mark.parametrize(
    ("options", "processes", "workers"),
    [
        (("--cpus=0.5", "--memory=96m"), "2 (detected: a quota of 0.5 CPUs)", "1"),
        (("--cpus=1.5",), "4 (detected: {cpus})", "{count}"),
        (("--cpuset-cpus=0",), "2 (detected: 1 usable CPU)", "1"),
        (("--cpus=1", "--memory=64m"), "1 (detected: more do not fit into 64 MiB of memory)", "1"),
    ],
    ids=" ".join,
)
def test_the_image_is_sized_by_its_limits(
    image: str, options: tuple[str, ...], processes: str, workers: str
) -> None:
    said = once(*options, image, "check").stdout
    found = dict(re.findall(r"^(\w+) = (.+)$", said, re.MULTILINE))
    usable = sizes.cpus()
    cpus = usable.reason if usable.value <= 2 else "a quota of 1.5 CPUs"
    assert re.sub(" +", " ", found["UWSGI_PROCESSES"]) == processes.format(cpus=cpus)
    count = workers.format(count=min(2, usable.value))
    assert found["NGINX_WORKER_PROCESSES"].split()[0] == count


def test_the_image_serves_in_little_memory(image: str) -> None:
    stack = ImageStack({}, image, ("--cpus=0.5", "--memory=96m", "--memory-swap=96m"))
    stack.start()
    try:
        stack.wait_until_ready()
        assert stack.crew("uwsgi", 2)
        assert [stack.get().status_code for _ in range(200)] == [200] * 200
        assert not stack.state()["OOMKilled"]
    finally:
        stack.close()
