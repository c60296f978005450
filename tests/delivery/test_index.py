"""One name for two architectures and for what attests them, in a registry that keeps every byte."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.delivery.registry import INDEX, MANIFEST, Repository
from tests.support.registry import registry
from tests.support.skips import leave_out

OCI = "application/vnd.oci.image"


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """An empty one."""
    if not all(map(shutil.which, ("docker-registry", "skopeo"))):
        leave_out("docker-registry or skopeo is not installed")
    with registry(tmp_path) as host:
        yield Repository(f"{host}/someone/web")


class Layout:
    """A folder with an image in it, as buildx writes one (OCI's image-layout)."""

    def __init__(self, folder: Path) -> None:
        """Begin an empty one."""
        self.folder = folder
        (folder / "blobs/sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def blob(self, kind: str, content: bytes, **more: Any) -> dict[str, Any]:
        """Add some bytes, and describe them."""
        digest = hashlib.sha256(content).hexdigest()
        (self.folder / "blobs/sha256" / digest).write_bytes(content)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content), **more}

    def manifest(self, config: Any, layer: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Add a manifest of one layer."""
        of_config = self.blob(f"{OCI}.config.v1+json", json.dumps(config).encode())
        content = {"schemaVersion": 2, "mediaType": MANIFEST, "config": of_config}
        return self.blob(MANIFEST, json.dumps({**content, "layers": [layer]}).encode(), **more)

    def end(self, *manifests: dict[str, Any]) -> str:
        """Add an index of these, and give its digest."""
        content = {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}
        of_index = self.blob(INDEX, json.dumps(content).encode())
        (self.folder / "index.json").write_text(
            json.dumps({"schemaVersion": 2, "manifests": [of_index]})
        )
        return str(of_index["digest"])


def attested(folder: Path, architecture: str) -> str:
    """Write an image of an architecture and its provenance, and give the digest of both."""
    layout = Layout(folder)
    layer = layout.blob(f"{OCI}.layer.v1.tar", architecture.encode().ljust(10240, b"\0"))
    root = {"type": "layers", "diff_ids": [layer["digest"]]}
    platform = {"architecture": architecture, "os": "linux"}
    image = layout.manifest({**platform, "config": {}, "rootfs": root}, layer, platform=platform)
    statement = layout.blob("application/vnd.in-toto+json", b'{"_type": "statement"}')
    unknown = {"architecture": "unknown", "os": "unknown"}
    root = {"type": "layers", "diff_ids": [statement["digest"]]}
    attestation = layout.manifest(
        {**unknown, "config": {}, "rootfs": root},
        statement,
        platform=unknown,
        annotations={"vnd.docker.reference.digest": image["digest"]},
    )
    return layout.end(image, attestation)


def test_two_architectures_and_their_attestations_become_one(
    repository: Repository, tmp_path: Path
) -> None:
    names = ("amd64", "arm64")
    digests = [attested(tmp_path / name, name) for name in names]
    assert [repository.push(f"oci:{tmp_path / name}") for name in names] == digests
    assert repository.tags() == []
    digest = repository.join(digests, {"about": "both"})
    assert repository.tags() == []
    repository.tag(digest, "1.2.3")
    assert (repository.tags(), repository.digest("1.2.3")) == (["1.2.3"], digest)

    index = json.loads(repository.manifest("1.2.3"))
    assert index["annotations"] == {"about": "both"}
    found = [each["platform"]["architecture"] for each in index["manifests"]]
    assert found == ["amd64", "unknown", "arm64", "unknown"]
    for image, attestation in zip(index["manifests"][::2], index["manifests"][1::2], strict=True):
        assert attestation["annotations"]["vnd.docker.reference.digest"] == image["digest"]
        assert json.loads(repository.manifest(attestation["digest"]))["layers"]

    # Joined again it is the same, and a tag that already means it still does.
    assert repository.join(digests, {"about": "both"}) == digest
    repository.tag(digest, "1.2.3")
    assert repository.digest("1.2.3") == digest
