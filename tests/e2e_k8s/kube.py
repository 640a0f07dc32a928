"""kubectl for tests: every command is the user's own kubectl on the cluster of KUBECONFIG."""

from __future__ import annotations

import contextlib
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
PATIENCE_S = 900
"""How long anything may take on a busy machine; a wait ends as soon as the thing is true."""


def kubectl(*arguments: str, given: str | None = None, check: bool = True, timeout_s: float = 900) -> str:
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


def stays(pod: dict[str, Any]) -> bool:
    """Is it one of a service, and is nobody ending it?"""
    return "job-name" not in pod["metadata"].get("labels", {}) and "deletionTimestamp" not in pod["metadata"]


def pods(namespace: str = NAMESPACE) -> list[dict[str, Any]]:
    """Pods that are to stay: not those of jobs, nor those that are ending."""
    return [pod for pod in items("pods", namespace) if stays(pod)]


def wait(what: str, condition: Callable[[], bool], within_s: float = PATIENCE_S) -> float:
    """Seconds until a condition held; fails after `within_s`."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < within_s, f"{what}: not within {within_s} s"
        time.sleep(1)
    return round(time.monotonic() - start, 1)


def rolled_out(within_s: float = PATIENCE_S) -> float:
    """Seconds until every workload has its pods Ready."""
    return wait("every pod Ready", lambda: all(_is_there(each) for each in _workloads()), within_s)


def _workloads() -> list[dict[str, Any]]:
    return [each for each in items("deployments,statefulsets,pods") if each["kind"] != "Pod" or stays(each)]


def _is_there(each: dict[str, Any]) -> bool:
    if each["kind"] == "Pod":
        return is_ready(each)
    wanted, status = each["spec"]["replicas"], each["status"]
    seen = status.get("observedGeneration", 0) >= each["metadata"]["generation"]
    enough = min(status.get("readyReplicas", 0), status.get("updatedReplicas", 0)) >= wanted
    return bool(seen and enough and status.get("replicas", 0) == wanted)


def state() -> str:
    """Nodes, pods, events and the ends of logs: what a person would look at. Never fails."""
    parts = []

    def look(*arguments: str, last: int = 6000) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            parts.append(f"== kubectl {' '.join(arguments)}\n{kubectl(*arguments, check=False, timeout_s=60)[-last:]}")

    look("get", "nodes,pods,jobs", "-A", "-o", "wide")
    for namespace in (NAMESPACE, OUTSIDE):
        look("get", "events", "-n", namespace, "--sort-by=.lastTimestamp", last=4000)
    try:
        found = items("pods")
    except (AssertionError, subprocess.TimeoutExpired, ValueError):
        found = []
    for pod in found:
        name, fine = pod["metadata"]["name"], is_ready(pod) or pod["status"].get("phase") == "Succeeded"
        look("logs", "-n", NAMESPACE, name, f"--tail={5 if fine else 40}")
        if not fine:
            look("describe", "pod", "-n", NAMESPACE, name, last=3000)
            look("logs", "-n", NAMESPACE, name, "--tail=40", "--previous")
    return "\n".join(parts)
