"""One cluster for all tests: its images, its surroundings, what was measured."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tomllib
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT
from tests.e2e_k8s.kube import OUTSIDE, kubectl
from tests.e2e_k8s.surroundings import make_outside

STORES = ("nats", "postgis", "elasticsearch")
MEASURED: dict[str, object] = {}
"""What the tests measured, printed at the end."""


@pytest.fixture(scope="session")
def version() -> str:
    """The release, which is the tag of our image."""
    found: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return found


@pytest.fixture(scope="session")
def cluster(version: str) -> Iterator[str]:
    """The cluster of KUBECONFIG with the images in it; the tag of our image.

    NGOCLINH_LOAD_IMAGE is a command that loads an image archive, whose path is added to it. Without it the images are
    taken as they are.
    """
    if not os.environ.get("KUBECONFIG"):
        pytest.fail("KUBECONFIG names no cluster (docs/operate.md)")
    load = os.environ.get("NGOCLINH_LOAD_IMAGE")
    if load:
        for name in ("base", *STORES):
            subprocess.run([*shlex.split(load), str(ROOT / f"build/images/{name}.tar")], check=True, timeout=600)
    kubectl("get", "nodes")
    yield version
    for name, value in MEASURED.items():
        print(f"e2e-k8s: {name}: {json.dumps(value, ensure_ascii=False)}")


@pytest.fixture(scope="session")
def texts(cluster: str) -> Iterator[int]:
    """Site and client run; how many texts a crawl should find."""
    yield make_outside(cluster)
    kubectl("delete", "namespace", OUTSIDE, "--wait=false", check=False)
