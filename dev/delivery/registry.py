"""A registry, through skopeo: it needs no engine and keeps every byte, and so every digest."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev import Problem, packages
from dev.packages import Need

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LISTS = (INDEX, "application/vnd.docker.distribution.manifest.list.v2+json")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

# What skopeo calls a folder with a manifest and nothing else.
DIRECTORY = "Directory Transport Version: 1.1\n"


def need() -> Need:
    """Name the packages that have skopeo."""
    return Need("skopeo", packages.find("skopeo") is not None, ("skopeo",), ("skopeo",))


def skopeo(*words: str) -> str:
    """Run skopeo, and give what it prints; Problem with its last words if it fails."""
    packages.ensure([need()])
    answer = subprocess.run(["skopeo", *words], capture_output=True, text=True)
    if answer.returncode:
        said = answer.stderr.strip().splitlines() or ["it says nothing"]
        raise Problem(f"skopeo {' '.join(words)}: {said[-1]}")
    return answer.stdout


def digest_of(manifest: bytes) -> str:
    """Give the name that a registry has for these bytes."""
    return f"sha256:{hashlib.sha256(manifest).hexdigest()}"


@dataclass(frozen=True)
class Repository:
    """A repository of a registry, such as registry.example/owner/name, without a tag."""

    name: str

    def at(self, reference: str) -> str:
        """Name an image in it by tag or digest."""
        return f"{self.name}{'@' if reference.startswith('sha256:') else ':'}{reference}"

    def tls(self, option: str) -> str:
        """Speak plain HTTP to this machine, as docker does, and to no other."""
        host = self.name.partition("/")[0].rpartition(":")[0] or self.name.partition("/")[0]
        return f"--{option}={'false' if host in LOOPBACK else 'true'}"

    def tags(self) -> list[str]:
        """List its tags: none if it has never been pushed to."""
        try:
            answer = skopeo("list-tags", self.tls("tls-verify"), f"docker://{self.name}")
        except Problem as problem:
            # Registries say the same of one without tags.
            if "404" in str(problem) or "name unknown" in str(problem):
                return []
            raise
        return list(json.loads(answer)["Tags"] or [])

    def manifest(self, reference: str) -> bytes:
        """Fetch a manifest as it is."""
        where = f"docker://{self.at(reference)}"
        return skopeo("inspect", "--raw", self.tls("tls-verify"), where).encode()

    def digest(self, reference: str) -> str:
        """Give the digest of what a tag means now."""
        return digest_of(self.manifest(reference))

    def push(self, source: str) -> str:
        """Push what is in a folder or an archive under its digest alone, and give the digest."""
        digest = digest_of(skopeo("inspect", "--raw", source).encode())
        target = f"docker://{self.at(digest)}"
        every = ("copy", "--quiet", "--all", "--preserve-digests")
        skopeo(*every, self.tls("dest-tls-verify"), source, target)
        return digest

    def join(self, digests: list[str], annotations: dict[str, str]) -> str:
        """Make one index of what was pushed for each architecture, and give its digest."""
        entries = [entry for digest in digests for entry in self.entries(digest)]
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
        text = json.dumps({**index, "annotations": annotations}, indent=2, sort_keys=True).encode()
        digest = digest_of(text)
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "manifest.json").write_bytes(text)
            Path(folder, "version").write_text(DIRECTORY)
            self.copy_index(f"dir:{folder}", digest)
        return digest

    def entries(self, digest: str) -> list[dict[str, Any]]:
        """List what stands below a digest, an image and what attests it, or an image alone."""
        text = self.manifest(digest)
        manifest = json.loads(text)
        if manifest.get("mediaType") in LISTS:
            return list(manifest["manifests"])
        config = self.config(digest)
        platform = {name: config[name] for name in ("architecture", "os")}
        kind = manifest.get("mediaType", MANIFEST)  # OCI lets it out
        about = {"mediaType": kind, "digest": digest, "size": len(text)}
        return [{**about, "platform": platform}]

    def config(self, reference: str) -> dict[str, Any]:
        """Fetch the configuration of an image: architecture, labels."""
        where = f"docker://{self.at(reference)}"
        answer = skopeo("inspect", "--config", "--raw", self.tls("tls-verify"), where)
        found: dict[str, Any] = json.loads(answer)
        return found

    def tag(self, digest: str, name: str) -> None:
        """Let a tag mean a digest, and see that it does."""
        self.copy_index(f"docker://{self.at(digest)}", name)
        if (now := self.digest(name)) != digest:
            raise Problem(f"{self.at(name)} means {now} and not {digest}")

    def copy_index(self, source: str, reference: str) -> None:
        """Copy an index under another name; what it lists is there already."""
        words = ["copy", "--quiet", "--multi-arch=index-only", "--preserve-digests"]
        if source.startswith("docker://"):
            words.append(self.tls("src-tls-verify"))
        skopeo(*words, self.tls("dest-tls-verify"), source, f"docker://{self.at(reference)}")
