"""One cluster for all tests: its images, its surroundings, what was measured."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tomllib
from collections.abc import Generator, Iterator

import pytest

from tests.conftest import ROOT
from tests.e2e_k8s.kube import NAMESPACE, OUTSIDE, kubectl, state
from tests.e2e_k8s.surroundings import make_outside

STORES = ("nats", "postgis", "elasticsearch")
PREVIOUS = ROOT / "build/previous"
"""What tests/e2e_k8s/build-previous makes: image and manifests of a release before this one."""
MEASURED: dict[str, object] = {}
"""What the tests measured, printed at the end."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what the cluster looked like."""
    report = yield
    if report.failed and "cluster" in getattr(item, "fixturenames", ()):
        report.sections.append(("cluster", state()))
    return report


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
        archives = [ROOT / f"build/images/{name}.tar" for name in ("base", *STORES)]
        for archive in (*archives, *PREVIOUS.glob("base.tar")):
            subprocess.run([*shlex.split(load), str(archive)], check=True, timeout=1800)
    there = kubectl("get", "namespaces", "-o", "name")
    if f"namespace/{NAMESPACE}\n" in there:
        pytest.fail(f"the cluster has a namespace {NAMESPACE} already; the tests make it and delete it at the end")
    yield version
    for name, value in MEASURED.items():
        print(f"e2e-k8s: {name}: {json.dumps(value, ensure_ascii=False)}")


@pytest.fixture(scope="session")
def previous() -> str | None:
    """What the release before this one is, where its image and manifests were built."""
    said = PREVIOUS / "FROM"
    return said.read_text().strip() if said.exists() else None


@pytest.fixture(scope="session")
def texts(cluster: str) -> Iterator[int]:
    """Site and client run; how many texts a crawl should find."""
    yield make_outside(cluster)
    kubectl("delete", "namespace", OUTSIDE, "--wait=false", check=False)
