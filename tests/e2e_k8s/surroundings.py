"""What is around the product in the cluster: volumes, secrets, a news site of invented stories, a client."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from services.demo import pages
from services.demo.site import DemoSite
from services.demo.stories import SiteKey, stories
from tests.e2e_k8s.kube import NAMESPACE, OUTSIDE, apply, items, kubectl

HERE = Path(__file__).parent
IMAGE = "localhost/ngoclinh/base"
USER, PASSWORD = "analyst", "a password of the tests"
DATABASE_PASSWORD = "a-password-of-the-tests"
PORT = 8080
MADE = "ngoclinh.io/e2e=true"
"""Label of the volumes that the tests make."""
STORIES = 12
"""Stories of each site that are served: a host is asked once in two seconds."""


def host(key: str) -> str:
    """Where one of the sites is."""
    return f"{key}.{OUTSIDE}.svc"


def served() -> tuple[dict[str, dict[str, list[str]]], dict[str, str], int]:
    """Pages by host and path, source files by name, and how many texts a crawl should find."""
    told = [
        story
        for key in get_args(SiteKey)
        for story in [each for each in stories(datetime.now(UTC)) if each.site == key][:STORIES]
    ]
    found: dict[str, dict[str, list[str]]] = {}
    sources = {}
    for key in get_args(SiteKey):
        site = DemoSite(key, told)
        try:
            site.base = f"http://{host(key)}:{PORT}"
            paths = ["/", "/robots.txt", "/rss.xml", "/sitemap.xml"]
            paths += [pages.address(story) for story in told if story.site == key]
            found[host(key)] = {path: [kind, body.decode()] for path in paths for kind, body in [site.answer(path)]}
            sources[f"{key}.toml"] = site.source()
        finally:
            site.close()
    return found, sources, sum(1 + len(story.replies) for story in told)


def make_outside(version: str) -> int:
    """The namespace of site and client; returns the number of texts that there are."""
    found, _, count = served()
    pod = {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
    }
    container = {
        "image": f"{IMAGE}:{version}",
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "scripts", "mountPath": "/scripts"}],
    }
    volumes = [{"name": "scripts", "configMap": {"name": "scripts"}}]
    apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OUTSIDE, "labels": {"ngoclinh.io/door": "true"}}}
    )
    apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "scripts", "namespace": OUTSIDE},
            "data": {
                "site.py": (HERE / "site.py").read_text(),
                "client.py": (HERE / "client.py").read_text(),
                "pages.json": json.dumps(found, ensure_ascii=False),
            },
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "site", "namespace": OUTSIDE},
            "spec": {
                "selector": {"matchLabels": {"app": "site"}},
                "template": {
                    "metadata": {"labels": {"app": "site"}},
                    "spec": {
                        **pod,
                        "containers": [
                            {
                                **container,
                                "name": "site",
                                "command": ["/opt/ngoclinh/bin/python", "/scripts/site.py", "/scripts/pages.json"],
                            }
                        ],
                        "volumes": volumes,
                    },
                },
            },
        },
        *(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": key, "namespace": OUTSIDE},
                "spec": {"selector": {"app": "site"}, "ports": [{"port": PORT}]},
            }
            for key in get_args(SiteKey)
        ),
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "client", "namespace": OUTSIDE},
            "spec": {
                **pod,
                "containers": [
                    {
                        **container,
                        "name": "client",
                        "command": ["/bin/sleep", "86400"],
                        "env": [
                            {"name": "GATEWAY", "value": f"http://gateway.{NAMESPACE}.svc"},
                            {"name": "GATEWAY_USER", "value": USER},
                            {"name": "GATEWAY_PASSWORD", "value": PASSWORD},
                        ],
                    }
                ],
                "volumes": volumes,
            },
        },
    )
    kubectl("wait", "-n", OUTSIDE, "--for=condition=Ready", "pod", "--all", "--timeout=900s", timeout_s=960)
    return count


def make_volumes(overlay: list[dict[str, Any]], folder: str) -> None:
    """Volumes for every claim of an overlay, in folders of the node, where the cluster makes none by itself."""
    if json.loads(kubectl("get", "storageclass", "-o", "json"))["items"]:
        return
    claims = [(each["metadata"]["name"], each["spec"]) for each in overlay if each["kind"] == "PersistentVolumeClaim"]
    claims += [
        (f"{claim['metadata']['name']}-{each['metadata']['name']}-{number}", claim["spec"])
        for each in overlay
        if each["kind"] == "StatefulSet"
        for claim in each["spec"].get("volumeClaimTemplates", ())
        for number in range(each["spec"]["replicas"])
    ]
    node = items("nodes", "default")[0]["metadata"]["name"]
    there = {each["metadata"]["name"] for each in items("persistentvolumes")}
    for name, spec in claims:
        if f"e2e-{name}" in there:
            continue
        place = Path(folder) / name
        place.mkdir(parents=True, exist_ok=True)
        apply(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": f"e2e-{name}", "labels": dict([MADE.split("=")])},
                "spec": {
                    "capacity": {"storage": spec["resources"]["requests"]["storage"]},
                    "accessModes": spec["accessModes"],
                    "persistentVolumeReclaimPolicy": "Retain",
                    "storageClassName": "",
                    "claimRef": {"name": name, "namespace": NAMESPACE},
                    "local": {"path": str(place)},
                    "nodeAffinity": {
                        "required": {
                            "nodeSelectorTerms": [
                                {
                                    "matchExpressions": [
                                        {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
                                    ]
                                }
                            ]
                        }
                    },
                },
            }
        )


def _hashed(password: str) -> str:
    """As releases before argon2id wrote it into the users' file, and as every release since reads it."""
    salt = b"0123456789abcdef"
    key = hashlib.scrypt(password.encode(), salt=salt, dklen=32, n=2**14, r=8, p=1)
    return "$".join(("scrypt", *(base64.b64encode(part).decode() for part in (salt, key))))


def make_secrets() -> None:
    """Users of the gateway, passwords of the stores."""
    for name, data in (
        ("ngoclinh-users", {"users": f"{USER}:{_hashed(PASSWORD)}\n"}),
        ("ngoclinh-stores", {"postgres-password": DATABASE_PASSWORD}),
    ):
        apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "namespace": NAMESPACE},
                "stringData": data,
            }
        )


def ask(method: str, path: str, file: str = "") -> dict[str, Any]:
    """The JSON that the gateway answers to the client; fails where the status is not 200."""
    arguments = [method, path, *([file] if file else [])]
    told = kubectl(
        "exec", "-n", OUTSIDE, "client", "--", "/opt/ngoclinh/bin/python", "/scripts/client.py", "ask", *arguments
    )
    answer = json.loads(told)
    assert answer["status"] == 200, f"{method} {path}: {answer['status']} {answer['body'][:2000]}"
    found: dict[str, Any] = json.loads(answer["body"])
    return found
