"""The smallest definitions that let an API server take the custom kinds of the overlays; their operators bring the real ones."""

from __future__ import annotations

from typing import Any

KINDS = (
    ("elasticsearch.k8s.elastic.co", "v1", "Elasticsearch", "elasticsearches"),
    ("kibana.k8s.elastic.co", "v1", "Kibana", "kibanas"),
    ("postgresql.cnpg.io", "v1", "Cluster", "clusters"),
    ("postgresql.cnpg.io", "v1", "ScheduledBackup", "scheduledbackups"),
    ("barmancloud.cnpg.io", "v1", "ObjectStore", "objectstores"),
    ("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects"),
    ("cert-manager.io", "v1", "Certificate", "certificates"),
    ("cert-manager.io", "v1", "Issuer", "issuers"),
    ("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors"),
    ("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"),
)


def definitions() -> list[dict[str, Any]]:
    """One definition for each kind."""
    return [
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}"},
            "spec": {
                "group": group,
                "scope": "Namespaced",
                "names": {"kind": kind, "plural": plural},
                "versions": [
                    {
                        "name": version,
                        "served": True,
                        "storage": True,
                        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                    }
                ],
            },
        }
        for group, version, kind, plural in KINDS
    ]
