"""kubectl for tests: every command is the user's own kubectl on the cluster of KUBECONFIG."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

KUBECTL = str(Path(sys.executable).with_name("kubectl"))
NAMESPACE = "ngoclinh"
OUTSIDE = "ngoclinh-e2e"
"""Namespace of what is not the product: the news site, the client."""


def kubectl(*arguments: str, given: str | None = None, check: bool = True, timeout_s: float = 300) -> str:
    """What kubectl prints."""
    done = subprocess.run(
        [KUBECTL, *arguments], input=given, capture_output=True, text=True, check=False, timeout=timeout_s
    )
    assert done.returncode == 0 or not check, (
        f"kubectl {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    )
    return done.stdout


def apply(*objects: dict[str, Any]) -> None:
    """Apply objects server-side."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=json.dumps(listed))


def items(kind: str, namespace: str = NAMESPACE, selector: str = "") -> list[dict[str, Any]]:
    """Objects of a kind."""
    chosen = ["-l", selector] if selector else []
    found: list[dict[str, Any]] = json.loads(kubectl("get", kind, "-n", namespace, "-o", "json", *chosen))["items"]
    return found


def is_ready(pod: dict[str, Any]) -> bool:
    """Does it answer its probes, and is nobody ending it?"""
    conditions = pod["status"].get("conditions", ())
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def pods(namespace: str = NAMESPACE) -> list[dict[str, Any]]:
    """Pods that are to stay: not those of jobs, nor those that are ending."""
    return [
        pod
        for pod in items("pods", namespace)
        if "job-name" not in pod["metadata"].get("labels", {}) and "deletionTimestamp" not in pod["metadata"]
    ]


def wait(what: str, condition: Callable[[], bool], within_s: float) -> float:
    """Seconds until a condition held; fails with the state of the pods after `within_s`."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > within_s:
            raise AssertionError(f"{what}: not within {within_s} s\n{state()}")
        time.sleep(1)
    return round(time.monotonic() - start, 1)


def state() -> str:
    """Pods, events and the ends of logs of those that are not ready: what a person would look at."""
    text = kubectl("get", "pods", "-A", "-o", "wide", check=False)
    text += kubectl("get", "events", "-n", NAMESPACE, "--sort-by=.lastTimestamp", check=False)[-4000:]
    for pod in items("pods"):
        if not is_ready(pod) and pod["status"].get("phase") != "Succeeded":
            name = pod["metadata"]["name"]
            for previous in ("--previous=true", "--previous=false"):
                text += f"\n== {name} {previous}\n" + kubectl(
                    "logs", "-n", NAMESPACE, name, "--tail=40", previous, check=False
                )
    return text


def rolled_out(within_s: float = 400) -> float:
    """Seconds until every workload has its pods Ready."""

    def done() -> bool:
        for each in [*items("deployments"), *items("statefulsets")]:
            wanted = each["spec"]["replicas"]
            status = each["status"]
            if status.get("observedGeneration", 0) < each["metadata"]["generation"]:
                return False
            if status.get("readyReplicas", 0) < wanted or status.get("updatedReplicas", 0) < wanted:
                return False
            if status.get("replicas", 0) != wanted:
                return False
        return all(is_ready(pod) for pod in pods())

    return wait("every pod Ready", done, within_s)
