"""What every pod must be, whoever wrote its manifest."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from services.adapters.cluster.nats_streams import Layout, places
from services.core.config import Settings
from services.roles import ROLES, addresses
from tests.conftest import ROOT
from tests.k8s import manifests
from tests.k8s.manifests import labels, matches, of_kind, template, workloads

pytestmark = pytest.mark.kubernetes

EVERY = [(overlay, each) for overlay in manifests.INSTALLATIONS for each in workloads(overlay)]
IDS = [f"{overlay}-{each['metadata']['name']}" for overlay, each in EVERY]
VENDORS_ROOT = {"elasticsearch"}
"""Whose root file system is not read-only; the reason is in k8s/checkov.yaml."""
every = pytest.mark.parametrize(("overlay", "workload"), EVERY, ids=IDS)


def ours(workload: dict[str, Any]) -> bool:
    return labels(workload)["app.kubernetes.io/name"] == "ngoclinh"


@every
def test_a_pod_has_no_privilege(overlay: str, workload: dict[str, Any]) -> None:
    spec = template(workload)["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] != "default"
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC"))
    assert not any("hostPath" in volume for volume in spec.get("volumes", ()))
    for container in spec["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        if labels(workload)["app.kubernetes.io/name"] not in VENDORS_ROOT:
            assert context["readOnlyRootFilesystem"] is True


@every
def test_a_pod_says_what_it_needs(overlay: str, workload: dict[str, Any]) -> None:
    for container in template(workload)["spec"]["containers"]:
        resources = container["resources"]
        assert {"cpu", "memory"} <= set(resources["requests"])
        assert "memory" in resources["limits"]
    for volume in template(workload)["spec"].get("volumes", ()):
        if "emptyDir" in volume:
            assert "sizeLimit" in volume["emptyDir"], volume["name"]


@every
def test_images_are_named_exactly(overlay: str, workload: dict[str, Any]) -> None:
    for container in template(workload)["spec"]["containers"]:
        image = container["image"]
        if overlay.startswith("production"):
            assert "@sha256:" in image, image
        else:
            assert ":" in image.rsplit("/", 1)[-1], image
        assert not image.endswith(":latest")


@every
def test_a_service_is_probed_and_ends_in_peace(overlay: str, workload: dict[str, Any]) -> None:
    if workload["kind"] in ("Job", "CronJob"):
        return
    spec = template(workload)["spec"]
    assert workload["spec"]["revisionHistoryLimit"] <= 5
    for container in spec["containers"]:
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert probe in container, (container["name"], probe)
        if ours(workload):
            names = {
                container[probe]["grpc"]["service"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")
            }
            assert names == {"startup", "readiness", "liveness"}
            assert container["lifecycle"]["preStop"]["sleep"]["seconds"] < spec["terminationGracePeriodSeconds"]


@every
def test_what_has_several_pods_survives_a_drain(overlay: str, workload: dict[str, Any]) -> None:
    if workload["kind"] != "Deployment" or pods(overlay, workload) < 2:
        return
    budgets = [
        each for each in of_kind(overlay, "PodDisruptionBudget") if matches(each["spec"]["selector"], labels(workload))
    ]
    assert len(budgets) == 1
    assert budgets[0]["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert workload["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    spread = template(workload)["spec"]["topologySpreadConstraints"]
    assert {each["topologyKey"] for each in spread} == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    for each in spread:
        assert matches(each["labelSelector"], labels(workload))
        assert each["matchLabelKeys"] == ["pod-template-hash"]


def pods(overlay: str, workload: dict[str, Any]) -> int:
    """The least number of pods of a Deployment: its own, or that of what scales it, never both."""
    name = workload["metadata"]["name"]
    scalers = [
        each["spec"]
        for each in of_kind(overlay, "HorizontalPodAutoscaler", "ScaledObject")
        if each["spec"]["scaleTargetRef"]["name"] == name
    ]
    if not scalers:
        own: int = workload["spec"]["replicas"]
        return own
    # Whoever applies a number that an autoscaler has changed is refused, or undoes it.
    assert "replicas" not in workload["spec"], name
    (scaler,) = scalers
    least: int = scaler["minReplicas"] if "minReplicas" in scaler else scaler["minReplicaCount"]
    return least


def test_what_scales_names_something_that_is_there() -> None:
    there = {each["metadata"]["name"] for each in of_kind("production", "Deployment")}
    scaled = [
        each["spec"]["scaleTargetRef"]["name"]
        for each in of_kind("production", "HorizontalPodAutoscaler", "ScaledObject")
    ]
    assert len(scaled) == len(set(scaled))
    assert set(scaled) <= there


def test_more_workers_come_where_events_wait() -> None:
    (scaled,) = of_kind("production", "ScaledObject")
    layout = Layout(settings_of("production").nats.prefix, 3, 60.0)
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["metadata"]["stream"] == layout.events
    assert trigger["metadata"]["consumer"] in {layout.consumer(*place) for place in places()}


def test_every_certificate_is_kept_in_a_secret_of_its_own() -> None:
    """Two certificates in one Secret take each other's place: those of the services, and that of the door."""
    kept = [each["spec"]["secretName"] for each in of_kind("production", "Certificate")]
    kept += [tls["secretName"] for each in of_kind("production", "Ingress") for tls in each["spec"]["tls"]]
    assert len(kept) == len(set(kept))


@every
def test_labels_are_the_same_everywhere(overlay: str, workload: dict[str, Any]) -> None:
    found = labels(workload)
    assert "app.kubernetes.io/name" in found
    if ours(workload):
        assert found["app.kubernetes.io/part-of"] == "ngoclinh"
    if workload["kind"] not in ("Job", "CronJob"):
        assert matches(workload["spec"]["selector"], found)


@pytest.mark.parametrize("overlay", manifests.INSTALLATIONS)
def test_everything_lies_in_the_namespace_of_the_product(overlay: str) -> None:
    for each in manifests.rendered(overlay):
        if each["kind"] not in ("Namespace", "PriorityClass"):
            assert each["metadata"]["namespace"] == "ngoclinh", (each["kind"], each["metadata"]["name"])


@every
def test_what_runs_at_its_hour_runs_at_the_hour_of_viet_nam_and_once(overlay: str, workload: dict[str, Any]) -> None:
    if workload["kind"] == "CronJob":
        assert workload["spec"]["timeZone"] == "Asia/Ho_Chi_Minh"
        assert workload["spec"]["concurrencyPolicy"] == "Forbid"
        assert workload["spec"]["startingDeadlineSeconds"] > 0
        assert workload["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] > 0


def test_the_classifier_has_a_cpu_limit() -> None:
    sentiment = next(each for each in workloads("cluster") if each["metadata"]["name"] == "sentiment")
    assert "cpu" in template(sentiment)["spec"]["containers"][0]["resources"]["limits"]


def test_the_one_pod_over_files_is_never_there_twice() -> None:
    (pod,) = of_kind("single-node", "Deployment")
    assert pod["spec"]["replicas"] == 1
    assert pod["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize("overlay", ["cluster", "production"])
def test_every_part_runs_and_is_found_where_the_settings_say(overlay: str) -> None:
    run = {
        template(each)["spec"]["containers"][0]["args"][1]: labels(each)["app.kubernetes.io/component"]
        for each in workloads(overlay)
        if ours(each) and each["kind"] not in ("Job", "CronJob")
    }
    assert set(run) == set(ROLES)
    services = {each["metadata"]["name"]: each["spec"] for each in of_kind(overlay, "Service")}
    settings = settings_of(overlay)
    for name, target in addresses(settings.peers).items():
        host, _, port = target.removeprefix("dns:///").partition(":")
        assert services[host]["clusterIP"] == "None", f"{host}: a cluster address pins a channel to one pod"
        assert services[host]["ports"][0]["port"] == int(port)
        part = services[host]["selector"]["app.kubernetes.io/component"]
        assert name in ROLES[part].names, (name, host)


@pytest.mark.parametrize("overlay", manifests.OVERLAYS)
def test_the_settings_of_an_overlay_are_settings(overlay: str) -> None:
    settings = settings_of(overlay)
    assert settings.grpc.reflection is False
    assert settings.gateway.users_file is not None
    assert settings.grpc.health_address.endswith(":50052")


def test_in_production_services_show_certificates_to_each_other() -> None:
    settings = settings_of("production")
    assert settings.grpc.ca_file is not None
    assert settings.grpc.trust_network is False
    for each in workloads("production"):
        if (
            labels(each).get("app.kubernetes.io/component") in ROLES
        ):  # the crawler serves nothing, but it listens, and it calls
            mounts = {mount["mountPath"] for mount in template(each)["spec"]["containers"][0]["volumeMounts"]}
            assert "/run/secrets/tls" in mounts, each["metadata"]["name"]


@every
def test_every_secret_is_a_reference_and_its_files_are_for_the_user_of_the_pod_alone(
    overlay: str, workload: dict[str, Any]
) -> None:
    assert not of_kind(overlay, "Secret")
    for volume in template(workload)["spec"].get("volumes", ()):
        assert "secret" not in volume or volume["secret"]["defaultMode"] == 0o440, volume["name"]
    for container in template(workload)["spec"]["containers"]:
        for variable in container.get("env", ()):
            assert "PASSWORD" not in variable["name"] or variable["name"].endswith("_FILE"), variable["name"]


def settings_of(overlay: str) -> Settings:
    tree = tomllib.loads((ROOT / "k8s/overlays" / overlay / "ngoclinh.toml").read_text())
    return Settings.model_validate(tree)
