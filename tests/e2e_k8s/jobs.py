"""A script that runs once in the namespace of the product, with some of its volumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.e2e_k8s.kube import NAMESPACE, apply, kubectl, wait


def run(
    name: str,
    image: str,
    script: str,
    user: int,
    volumes: Mapping[str, Mapping[str, Any]],
    labels: Mapping[str, str] | None = None,
) -> None:
    """Run a shell script as a restricted pod and wait for its end; fails with what it printed.

    Args:
        name: of the pod.
        image: what it runs in.
        script: for `sh -ec`.
        user: user and group id.
        volumes: where they are mounted, and what.
        labels: of the pod; network policies look at them.
    """
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": dict(labels or {})},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True, "runAsUser": user, "runAsGroup": user, "fsGroup": user,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "script",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["/bin/sh", "-ec", script],
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    "volumeMounts": [
                        {"name": f"v{number}", "mountPath": place} for number, place in enumerate(volumes)
                    ],
                }
            ],
            "volumes": [{"name": f"v{number}", **volume} for number, volume in enumerate(volumes.values())],
        },
    }  # fmt: skip
    apply(pod)

    def phase() -> str:
        return kubectl("get", "pod", "-n", NAMESPACE, name, "-o", "jsonpath={.status.phase}")

    wait(name, lambda: phase() in ("Succeeded", "Failed"))
    told = kubectl("logs", "-n", NAMESPACE, name, check=False)
    assert phase() == "Succeeded", told
    kubectl("delete", "pod", "-n", NAMESPACE, name)
