"""What docs/kubernetes.md tells an operator to write, to make and to have is what the manifests ask for."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.core.sections.doors import GatewaySettings
from services.core.sections.work import SentimentSettings
from services.roles import ROLES
from tests.conftest import ROOT
from tests.k8s import manifests
from tests.k8s.manifests import objects, of_kind, template, workloads
from tests.k8s.test_workloads import settings_of

pytestmark = pytest.mark.kubernetes

GUIDE = (ROOT / "docs/kubernetes.md").read_text(encoding="utf-8")
OVERLAY, PHOBERT = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)


def built(overlay: str, **more: Any) -> tuple[dict[str, Any], ...]:
    """The objects of the overlay that the guide shows, over one of ours, with more patches."""
    kustomization = yaml.safe_load(
        OVERLAY.replace("overlays/cluster", f"overlays/{overlay}").replace("ngoclinh/k8s/", "../../k8s/")
    )
    kustomization["patches"] += more.get("patches", [])
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        (Path(folder) / "kustomization.yaml").write_text(json.dumps(kustomization))
        settings = (ROOT / "k8s/overlays" / overlay / "ngoclinh.toml").read_text()
        (Path(folder) / "ngoclinh.toml").write_text(settings + "# our own\n")
        return objects(Path(sys.executable).with_name("kubectl"), "kustomize", folder)


@pytest.mark.parametrize(("overlay", "names"), [("cluster", set(ROLES)), ("single-node", {"ngoclinh"})])
def test_the_overlay_of_the_guide_is_what_it_says(overlay: str, names: set[str]) -> None:
    own = built(overlay)
    (door,) = (each for each in own if each["kind"] == "Ingress")
    assert (
        {rule["host"] for rule in door["spec"]["rules"]}
        == {"ioc.example.gov.vn"}
        == {host for tls in door["spec"]["tls"] for host in tls["hosts"]}
    )
    (config,) = (each for each in own if each["kind"] == "ConfigMap" and "ngoclinh.toml" in each["data"])
    assert config["data"]["ngoclinh.toml"].endswith("# our own\n")
    parts = [each for each in own if each["kind"] in ("Deployment", "StatefulSet") and _ours(each)]
    assert {each["metadata"]["name"] for each in parts} == names
    for part in parts:
        spec = template(part)["spec"]
        assert {each["image"] for each in spec["containers"]} == {"registry.example.gov.vn/ngoclinh/base:0.1.0"}
        assert config["metadata"]["name"] in {each.get("configMap", {}).get("name") for each in spec["volumes"]}
        given = {each["name"] for each in spec["containers"][0]["env"]}
        assert {"NGOCLINH_TRACING__ENABLED", "NGOCLINH_OBSERVABILITY__METRICS_ADDRESS"} <= given


@pytest.mark.parametrize(("overlay", "name"), [("cluster", "sentiment"), ("single-node", "ngoclinh")])
def test_the_patch_for_phobert_gives_its_image_and_its_model_to_the_classifier_alone(overlay: str, name: str) -> None:
    patches = yaml.safe_load(PHOBERT)
    patches[0]["target"]["name"] = name
    found = {}
    for each in built(overlay, patches=patches):
        if each["kind"] in ("Deployment", "StatefulSet") and _ours(each):
            (container,) = template(each)["spec"]["containers"]
            given = {one["name"]: one.get("value") for one in container["env"]}
            tree = {key.split("__")[1].lower(): given[key] for key in given if key.startswith("NGOCLINH_SENTIMENT__")}
            found[each["metadata"]["name"]] = (container["image"], SentimentSettings.model_validate(tree))
    image, settings = found.pop(name)
    assert image == "registry.example.gov.vn/ngoclinh/phobert-xa:1"
    assert (str(settings.model_dir), str(settings.segmenter_dir)) == ("/srv/phobert", "/srv/rdr")
    for line in ("COPY phobert /srv/phobert", "COPY rdr /srv/rdr", f"build -t {image}"):
        assert line in GUIDE
    assert all("phobert" not in image and settings.model_dir is None for image, settings in found.values())


def _ours(workload: dict[str, Any]) -> bool:
    found: str = template(workload)["metadata"]["labels"]["app.kubernetes.io/name"]
    return found == "ngoclinh"


def test_every_secret_that_is_asked_for_is_in_the_guide_with_its_keys() -> None:
    made = {each["spec"]["secretName"] for each in of_kind("production", "Certificate")}
    asked = {
        volume["secret"]["secretName"]
        for overlay in manifests.OVERLAYS
        for each in workloads(overlay)
        for volume in template(each)["spec"].get("volumes", ())
        if "secret" in volume
    }
    custom = yaml.safe_dump(of_kind("production", "Cluster", "ObjectStore", "Elasticsearch"))
    asked |= set(re.findall(r"(?:secretName|name): (ngoclinh-(?:postgres|elasticsearch|backup)[a-z-]*)", custom))
    assert asked - made == set(re.findall(r"create secret generic (\S+)", GUIDE))
    files = (ROOT / "k8s/overlays/production/ngoclinh.toml").read_text()
    for key in re.findall(r"/run/secrets/(?:stores|users)/([a-z.-]+)", files):
        assert f"`{key}`" in GUIDE, key


def test_every_operator_and_every_namespace_that_is_asked_for_is_in_the_guide() -> None:
    groups = {each["apiVersion"].split("/")[0] for each in manifests.rendered("production")}
    names = {
        "cert-manager.io": "cert-manager", "postgresql.cnpg.io": "CloudNativePG", "barmancloud.cnpg.io": "Barman Cloud",
        "elasticsearch.k8s.elastic.co": "ECK", "kibana.k8s.elastic.co": "ECK", "keda.sh": "KEDA",
        "monitoring.coreos.com": "operator của Prometheus",
    }  # fmt: skip
    kubernetes = {"v1", "apps", "autoscaling", "batch", "networking.k8s.io", "policy", "scheduling.k8s.io"}
    assert groups - kubernetes == set(names)
    assert [name for name in names.values() if name not in GUIDE] == []
    policies = yaml.safe_dump(of_kind("production+tracing", "NetworkPolicy"))
    asked = set(re.findall(r"kubernetes.io/metadata.name: (\S+)", policies)) - {"kube-system"}
    assert [each for each in asked if f"`{each}`" not in GUIDE] == []


def test_the_site_of_the_door_is_one_that_the_gateway_answers_for() -> None:
    (door,) = of_kind("production", "Ingress")
    gateway: GatewaySettings = settings_of("production").gateway
    assert [rule["host"] for rule in door["spec"]["rules"]] == gateway.allowed_hosts


@pytest.mark.parametrize("page", ["kubernetes.md", "monitoring.md"])
def test_every_file_that_the_guide_names_is_there(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w/])(?:k8s|tests)/[a-z][\w./-]*\w", text))
    named |= {f"docs/{each}" for each in re.findall(r"\]\(([\w./-]+)", text)}
    assert named
    assert [each for each in named if not (ROOT / each).exists()] == []
    added = {each for name in manifests.ADDED for each in name.split("+")[1:]}
    assert [each for each in added if not (ROOT / "k8s/components" / each).is_dir()] == []
