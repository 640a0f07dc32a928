"""An overlay as the tests apply it: the project's own, with the tests' settings and images on top."""

from __future__ import annotations

import json
import subprocess
import tempfile
import tomllib
from pathlib import Path
from typing import Any, get_args

import yaml

from services.demo.stories import SiteKey
from tests.conftest import ROOT
from tests.e2e_k8s.kube import KUBECTL, NAMESPACE, OUTSIDE
from tests.e2e_k8s.surroundings import PORT, host, served

OURS = "app.kubernetes.io/name=ngoclinh"
LITTLE = [{"op": "replace", "path": "/spec/template/spec/containers/0/resources/requests/cpu", "value": "20m"}]
"""All pods have to find room on a node of two cores."""


def objects(name: str, tag: str, manifests: Path | None = None) -> list[dict[str, Any]]:
    """Everything that is applied.

    Args:
        name: overlay of the project.
        tag: tag of our image.
        manifests: what `k8s/release` printed of the overlay in another release; without it that of today.
    """
    printed = manifests.read_text() if manifests else _sound([ROOT / "k8s/release", name, tag])
    (settings,) = (each["data"]["ngoclinh.toml"] for each in _documents(printed) if _has_settings(each))
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as made:
        folder = Path(made)
        (folder / "manifests.yaml").write_text(printed)
        (folder / "kustomization.yaml").write_text(json.dumps(_kustomization(tag, _settings(settings))))
        for file, text in served()[1].items():
            (folder / file).write_text(text)
        return _documents(_sound([KUBECTL, "kustomize", folder]))


def _sound(command: list[str | Path]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _documents(text: str) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(text) if each]


def _has_settings(each: dict[str, Any]) -> bool:
    return bool(each["kind"] == "ConfigMap" and "ngoclinh.toml" in each["data"])


def _settings(text: str) -> str:
    """The overlay's settings with the site of the tests in the place of the sources of the package."""
    assert "[crawler]" not in text
    allowed = json.dumps([f"{host(key)}:{PORT}" for key in get_args(SiteKey)])
    text += (
        "\n[crawler]\nbundled_sources = false\ndelay_s = 2\nrelevance_gate = false\n"
        f'sources_dir = "/run/sources"\nallow_private_hosts = {allowed}\n'
    )
    tomllib.loads(text)
    return text


def _kustomization(tag: str, settings: str) -> dict[str, Any]:
    """The kustomization of the tests over the manifests of a release."""
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "any"},
        "spec": {
            "template": {
                "spec": {
                    "containers": [
                        {
                            "name": "ngoclinh",
                            "startupProbe": {"failureThreshold": 600},  # of an earlier release too, on a busy machine
                            "volumeMounts": [{"name": "sources", "mountPath": "/run/sources"}],
                        }
                    ],
                    "volumes": [{"name": "sources", "configMap": {"name": "e2e-sources"}}],
                }
            }
        },
    }
    policy = [
        {
            "op": "add",
            "path": "/spec/egress/-",
            "value": {
                "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": OUTSIDE}}}],
                "ports": [{"protocol": "TCP", "port": PORT}],
            },
        }
    ]
    however_full = "-Ecluster.routing.allocation.disk.threshold_enabled=false"  # the disk of the machine that tests
    elastic = [{"op": "add", "path": "/spec/template/spec/containers/0/args", "value": [however_full]}]
    stores = {
        "docker.io/library/nats": "nats",
        "docker.io/postgis/postgis": "postgis",
        "docker.elastic.co/elasticsearch/elasticsearch": "elasticsearch",
    }
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "resources": ["manifests.yaml"],
        "configMapGenerator": [
            {"name": "e2e-sources", "files": [f"{key}.toml" for key in get_args(SiteKey)]},
        ],
        "patches": [
            {
                "patch": json.dumps(patch),
                "target": {"kind": "Deployment|StatefulSet", "labelSelector": OURS},
            },
            {"patch": json.dumps(LITTLE), "target": {"kind": "Deployment|StatefulSet|Job"}},
            {
                "patch": json.dumps([{"op": "replace", "path": "/data/ngoclinh.toml", "value": settings}]),
                "target": {"kind": "ConfigMap", "name": "ngoclinh-config.*"},
            },
            {"patch": json.dumps(elastic), "target": {"kind": "StatefulSet", "name": "elasticsearch"}},
            {"patch": json.dumps(policy), "target": {"kind": "NetworkPolicy", "name": "crawler|all-in-one"}},
        ],
        "images": [
            {"name": "localhost/ngoclinh/base", "newTag": tag},
            *({"name": old, "newName": f"localhost/ngoclinh-e2e/{new}", "newTag": "1"} for old, new in stores.items()),
        ],
    }
