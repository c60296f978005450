"""Build for this machine's architecture, and push under the digest alone."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import tempfile
import uuid
from pathlib import Path

from dev import ROOT, Problem, image, labels, say
from dev.delivery import plan, registry

# As registries call what the kernel calls so.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def push() -> tuple[str, str]:
    """Build and push the clone as it is committed; give architecture and digest."""
    where = plan.repository()
    plan.epoch()
    if "@sha256:" not in os.environ.get("BASE_IMAGE", ""):
        raise Problem("BASE_IMAGE must name the base by its digest, as the plan does")
    if (labels.revision() or "-modified").endswith("-modified"):
        raise Problem("only a clone without changes can be published: commit them first")
    with tempfile.TemporaryDirectory(prefix="nginx-python3-") as folder:
        digest = where.push(built(Path(folder)))
    say(f"pushed {where.at(digest)}, without a tag")
    return ARCHITECTURES[platform.machine()], digest


def built(folder: Path) -> str:
    """Build, with buildx where it is, and name the result as skopeo does."""
    options = image.options(image.base())
    if not attests():
        say("without a builder of buildx's own: nothing will attest what was built from what")
        return by_engine(folder, options)
    # Rewritten times, and attestations: SPDX's list of all packages, SLSA's provenance.
    file = folder / "image.tar"
    attested = ("--sbom=true", "--provenance=mode=max")
    output = f"--output=type=oci,dest={file},rewrite-timestamp=true"
    run("docker", "buildx", "build", *attested, output, *options, ".")
    return f"oci-archive:{file}"


def attests() -> bool:
    """Tell whether buildx has a builder of its own; the engine's attests nothing, as a file."""
    command = ["docker", "buildx", "inspect"]
    answer = subprocess.run(command, capture_output=True, text=True)
    driver = re.search(r"^Driver:\s*(\S+)", answer.stdout, re.MULTILINE)
    return answer.returncode == 0 and driver is not None and driver[1] != "docker"


def by_engine(folder: Path, options: list[str]) -> str:
    """Build with the engine's own builder.

    In docker's format: on the way to OCI's, skopeo would lose the health check.
    """
    tag = f"nginx-python3:publish-{uuid.uuid4().hex[:12]}"
    run("docker", "build", f"--tag={tag}", *options, ".")
    try:
        copy = ("copy", "--quiet", "--dest-compress")
        registry.skopeo(*copy, f"docker-daemon:{tag}", f"dir:{folder}/image")
    finally:
        subprocess.run(["docker", "rmi", tag], stdout=subprocess.DEVNULL)
    return f"dir:{folder}/image"


def run(*command: str) -> None:
    """Run a builder in this clone."""
    if status := subprocess.run(command, cwd=ROOT).returncode:
        raise Problem(f"{' '.join(command[:3])} failed with status {status}")
