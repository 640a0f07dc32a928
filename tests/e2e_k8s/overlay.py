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


def objects(name: str, tag: str) -> list[dict[str, Any]]:
    """Everything that is applied.

    Args:
        name: overlay of the project.
        tag: tag of our image.
    """
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as made:
        folder = Path(made)
        (folder / "ngoclinh.toml").write_text(_settings(name))
        (folder / "kustomization.yaml").write_text(json.dumps(_kustomization(name, tag)))
        for file, text in served()[1].items():
            (folder / file).write_text(text)
        done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return [each for each in yaml.safe_load_all(done.stdout) if each]


def _settings(name: str) -> str:
    """The overlay's settings with the site of the tests in the place of the sources of the package."""
    text = (ROOT / "k8s/overlays" / name / "ngoclinh.toml").read_text()
    assert "[crawler]" not in text
    allowed = json.dumps([f"{host(key)}:{PORT}" for key in get_args(SiteKey)])
    text += (
        "\n[crawler]\nbundled_sources = false\ndelay_s = 2\nrelevance_gate = false\n"
        f'sources_dir = "/run/sources"\nallow_private_hosts = {allowed}\n'
    )
    tomllib.loads(text)
    return text


def _kustomization(name: str, tag: str) -> dict[str, Any]:
    """The kustomization of the tests over the project's overlay."""
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "any"},
        "spec": {
            "template": {
                "spec": {
                    "containers": [
                        {"name": "ngoclinh", "volumeMounts": [{"name": "sources", "mountPath": "/run/sources"}]}
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
    stores = {
        "docker.io/library/nats": "nats",
        "docker.io/postgis/postgis": "postgis",
        "docker.elastic.co/elasticsearch/elasticsearch": "elasticsearch",
    }
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "resources": [f"../../k8s/overlays/{name}"],
        "configMapGenerator": [
            {"name": "ngoclinh-config", "behavior": "replace", "files": ["ngoclinh.toml"]},
            {"name": "e2e-sources", "files": [f"{key}.toml" for key in get_args(SiteKey)]},
        ],
        "patches": [
            {
                "patch": json.dumps(patch),
                "target": {"kind": "Deployment|StatefulSet", "labelSelector": OURS},
            },
            {"patch": json.dumps(LITTLE), "target": {"kind": "Deployment|StatefulSet|Job"}},
            {"patch": json.dumps(policy), "target": {"kind": "NetworkPolicy", "name": "crawler|all-in-one"}},
        ],
        "images": [
            {"name": "localhost/ngoclinh/base", "newTag": tag},
            *({"name": old, "newName": f"localhost/ngoclinh-e2e/{new}", "newTag": "1"} for old, new in stores.items()),
        ],
    }
