"""The manifests as a cluster would get them."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT

OVERLAYS = tuple(sorted(path.name for path in (ROOT / "k8s/overlays").iterdir()))
ADDED = ("cluster+ingress+monitoring+tracing", "production+tracing", "single-node+ingress+monitoring+tracing")
"""Overlays with all the components that docs/kubernetes.md says may be added to them."""
INSTALLATIONS = OVERLAYS + ADDED
WORKLOADS = ("Deployment", "StatefulSet", "Job", "CronJob")


@functools.cache
def rendered(installation: str) -> tuple[dict[str, Any], ...]:
    """All objects of an overlay, or of OVERLAY+COMPONENT… as `k8s/release` prints them."""
    if "+" in installation:
        return objects(ROOT / "k8s/release", installation)
    kubectl = Path(sys.executable).with_name("kubectl")
    return objects(kubectl, "kustomize", ROOT / "k8s/overlays" / installation)


def objects(*command: str | Path) -> tuple[dict[str, Any], ...]:
    """What a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return tuple(each for each in yaml.safe_load_all(done.stdout) if each)


def of_kind(overlay: str, *kinds: str) -> list[dict[str, Any]]:
    """The objects of some kinds."""
    return [each for each in rendered(overlay) if each["kind"] in kinds]


def template(workload: dict[str, Any]) -> dict[str, Any]:
    """The pod template of a workload."""
    spec = workload["spec"]
    if workload["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    found: dict[str, Any] = spec["template"]
    return found


def workloads(overlay: str) -> list[dict[str, Any]]:
    """Everything that makes pods."""
    return of_kind(overlay, *WORKLOADS)


def labels(workload: dict[str, Any]) -> dict[str, str]:
    """Labels of its pods."""
    found: dict[str, str] = template(workload)["metadata"]["labels"]
    return found


def matches(selector: dict[str, Any], found: dict[str, str]) -> bool:
    """Does a label selector choose these labels?"""
    if any(found.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for each in selector.get("matchExpressions") or ():
        has = found.get(each["key"])
        right = {
            "In": lambda has=has, each=each: has in each["values"],
            "NotIn": lambda has=has, each=each: has not in each["values"],
            "Exists": lambda has=has: has is not None,
        }[each["operator"]]
        if not right():
            return False
    return True
