"""Every overlay is accepted by a real API server, and refused is what restricted Pod Security refuses."""

from __future__ import annotations

import json

import pytest

from tests.e2e_k8s import crds
from tests.e2e_k8s.kube import NAMESPACE, apply, kubectl, wait
from tests.k8s.manifests import OVERLAYS, rendered

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def prepared(cluster: str) -> None:
    definitions = crds.definitions()
    apply(*definitions)
    for each in definitions:
        name = each["metadata"]["name"]
        kubectl("wait", "--for=condition=Established", "crd", name, "--timeout=600s")
    apply(*(each for each in rendered("single-node") if each["kind"] == "Namespace"))
    wait("namespace", lambda: NAMESPACE in kubectl("get", "ns", "-o", "name"))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_accepted(prepared: None, overlay: str) -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": list(rendered(overlay))}
    told = kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", given=json.dumps(listed))
    assert told.count("serverside-applied") == len(listed["items"]), told
    assert "Warning" not in told


def test_a_pod_with_privileges_is_refused(prepared: None) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "rogue", "namespace": NAMESPACE},
        "spec": {"containers": [{"name": "c", "image": "x", "securityContext": {"privileged": True}}]},
    }
    with pytest.raises(AssertionError, match="restricted"):
        kubectl("apply", "--server-side", "-f", "-", given=json.dumps(pod))
