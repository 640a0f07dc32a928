"""Every overlay, with and without what may be added, is accepted by a real API server; a pod with privileges is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e_k8s import crds
from tests.e2e_k8s.kube import NAMESPACE, apply, kubectl, wait
from tests.k8s.manifests import INSTALLATIONS, rendered

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


def name_of(each: dict[str, Any]) -> str:
    name: str = each["metadata"]["name"]
    return name


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_an_overlay_is_accepted(prepared: None, installation: str) -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": list(rendered(installation))}
    told = kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", given=json.dumps(listed))
    assert told.count("serverside-applied") == len(listed["items"]), told
    assert "Warning" not in told


def test_the_number_of_pods_that_an_autoscaler_chose_is_neither_refused_nor_undone(prepared: None) -> None:
    (media,) = (each for each in rendered("production") if each["kind"] == "Deployment" and name_of(each) == "media")

    def number_after_applying() -> str:
        kubectl("apply", "--server-side", "-f", "-", given=json.dumps(media))
        return kubectl("get", "deployment", "media", "-n", NAMESPACE, "-o", "jsonpath={.spec.replicas}")

    try:
        number_after_applying()
        kubectl("scale", "deployment", "media", "-n", NAMESPACE, "--replicas=4")
        assert number_after_applying() == "4"
    finally:
        kubectl("delete", "deployment", "media", "-n", NAMESPACE, "--ignore-not-found", check=False)


def test_a_pod_with_privileges_is_refused(prepared: None) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "rogue", "namespace": NAMESPACE},
        "spec": {"containers": [{"name": "c", "image": "x", "securityContext": {"privileged": True}}]},
    }
    with pytest.raises(AssertionError, match="restricted"):
        kubectl("apply", "--server-side", "-f", "-", given=json.dumps(pod))
