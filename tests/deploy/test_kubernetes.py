"""deploy/kubernetes: the manifests fit their schemas and the restricted Pod Security Standard."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack.settings.table import names
from tests.support.skips import leave_out
from tests.support.stacks import ROOT

FOLDER = ROOT / "deploy/kubernetes"
VERSIONS = ("1.27", "1.29", "1.31", "1.33", "1.35", "1.37")
OVERLAYS = ("ingress", "direct")

Manifest = dict[str, Any]


def build(folder: Path) -> list[Manifest]:
    """Have kustomize put the manifests of a folder together."""
    commands = {"kustomize": ["kustomize", "build"], "kubectl": ["kubectl", "kustomize"]}
    program = next(filter(shutil.which, commands), None)
    if program is None:
        leave_out("neither kustomize nor kubectl is here")
    answer = subprocess.run([*commands[program], folder], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return [each for each in yaml.safe_load_all(answer.stdout) if each]


def written(folder: Path) -> list[Manifest]:
    """Read the resources of a folder as they are written."""
    resources = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    return [yaml.safe_load((folder / each).read_text()) for each in resources]


def kind(manifests: list[Manifest], name: str) -> Manifest:
    """Find the one manifest of a kind."""
    (found,) = [each for each in manifests if each["kind"] == name]
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_example_makes_its_namespace_and_names_an_image_of_ones_own(overlay: str) -> None:
    kustomization = yaml.safe_load((FOLDER / overlay / "kustomization.yaml").read_text())
    namespace = yaml.safe_load((FOLDER / overlay / "namespace.yaml").read_text())
    assert "namespace.yaml" in kustomization["resources"]
    assert namespace["metadata"]["name"] == kustomization["namespace"]
    assert kustomization["images"][0]["name"] == "nginx-python3"


def test_folders_that_are_named_are_there() -> None:
    named = {
        name
        for file in FOLDER.glob("*/*.yaml")
        for name in re.findall(r"deploy/kubernetes/(\w+)", file.read_text())
    }
    assert named
    assert all((FOLDER / name).is_dir() for name in named)


def violations(pod: Manifest) -> list[str]:
    """Name the rules of the Pod Security Standard "restricted" that a pod's spec breaks.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/, baseline included.
    """
    own = pod.get("securityContext", {})
    broken = [name for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name)]
    broken += ["sysctls"] if own.get("sysctls") else []
    broken += ["hostProcess"] if own.get("windowsOptions", {}).get("hostProcess") else []
    usual = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image",
             "persistentVolumeClaim", "projected", "secret"}  # fmt: skip
    broken += [f"volume {each['name']}" for each in pod.get("volumes", []) if not usual & {*each}]
    for part in ("initContainers", "containers", "ephemeralContainers"):
        for container in pod.get(part, []):
            context = own | container.get("securityContext", {})
            broken += [f"{container['name']}: {each}" for each in contained(container, context)]
    return broken


def contained(container: Manifest, context: Manifest) -> list[str]:
    """Name the rules that a container breaks, its pod's settings in mind."""
    capabilities = context.get("capabilities", {})
    rules = {
        "runAsNonRoot": context.get("runAsNonRoot") is True,
        "runAsUser": context.get("runAsUser") != 0,
        "seccompProfile": context.get("seccompProfile", {}).get("type")
        in ("RuntimeDefault", "Localhost"),
        "allowPrivilegeEscalation": context.get("allowPrivilegeEscalation") is False,
        "privileged": not context.get("privileged"),
        "drop ALL": "ALL" in capabilities.get("drop", []),
        "add": {*capabilities.get("add", [])} <= {"NET_BIND_SERVICE"},
        "procMount": context.get("procMount", "Default") == "Default",
        "seLinuxOptions": not {"user", "role"} & {*context.get("seLinuxOptions", {})},
        "appArmorProfile": context.get("appArmorProfile", {}).get("type") != "Unconfined",
        "hostPort": not any(port.get("hostPort") for port in container.get("ports", [])),
    }
    return [rule for rule, kept in rules.items() if not kept]


def validate(manifests: list[Manifest], version: str) -> None:
    """Hold manifests against the schemas of a version of Kubernetes."""
    # Here, because it takes a second, which each of the processes that run the tests would spend.
    import kubernetes_validate

    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.xdist_group("kubernetes")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_fits_the_schemas(overlay: str, version: str) -> None:
    validate(build(FOLDER / overlay), version)


@pytest.mark.xdist_group("kubernetes")
@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_written_fits_the_schemas_without_kustomize(version: str) -> None:
    validate(written(FOLDER / "base"), version)


def test_is_restricted() -> None:
    pod = kind(written(FOLDER / "base"), "Deployment")["spec"]["template"]["spec"]
    assert violations(pod) == []
    for overlay in OVERLAYS:
        pod = kind(build(FOLDER / overlay), "Deployment")["spec"]["template"]["spec"]
        assert violations(pod) == []


def test_the_check_of_restriction_finds_what_is_wrong() -> None:
    pod: Manifest = {
        "hostNetwork": True,
        "volumes": [{"name": "host", "hostPath": {"path": "/"}}],
        "containers": [
            {"name": "app", "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}
        ],
    }
    assert violations(pod) == [
        "hostNetwork", "volume host", "app: runAsNonRoot", "app: seccompProfile",
        "app: allowPrivilegeEscalation", "app: drop ALL", "app: add",
    ]  # fmt: skip


def test_goes_beyond_restricted() -> None:
    pod = kind(written(FOLDER / "base"), "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["automountServiceAccountToken"] is False
    assert {*container["resources"]} == {"requests", "limits"}
    assert {"name": "run", "mountPath": "/srv/run"} in container["volumeMounts"]


def test_the_grace_period_fits_the_drain() -> None:
    pod = kind(written(FOLDER / "base"), "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    environ = {each["name"]: each["value"] for each in container["env"]}
    _, pause = container["lifecycle"]["preStop"]["exec"]["command"]
    assert pod["terminationGracePeriodSeconds"] > int(pause) + int(environ["SHUTDOWN_TIMEOUT"])
    assert {*environ} <= {*names()}


def test_the_probes_ask_from_inside() -> None:
    pod = kind(written(FOLDER / "base"), "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    asked = {
        probe: container[f"{probe}Probe"]["exec"]["command"]
        for probe in ("startup", "readiness", "liveness")
    }
    assert asked == {"startup": ["healthy"], "readiness": ["healthy"], "liveness": ["alive"]}


def test_everything_means_the_same_pods() -> None:
    manifests = written(FOLDER / "base")
    deployment = kind(manifests, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert kind(manifests, "Service")["spec"]["selector"] == labels
    assert kind(manifests, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    assert kind(manifests, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == labels


def test_directly_the_clients_addresses_arrive() -> None:
    manifests = build(FOLDER / "direct")
    service = kind(manifests, "Service")["spec"]
    assert (service["type"], service["externalTrafficPolicy"]) == ("LoadBalancer", "Local")
    assert not [each for each in manifests if each["kind"] == "Ingress"]
    deployment = kind(manifests, "Deployment")["spec"]["template"]["spec"]
    assert "TRUSTED_PROXIES" not in str(deployment)
