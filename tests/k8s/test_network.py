"""Who may talk to whom, computed from the policies as a cluster would read them."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

import pytest

from services.core.sections.upkeep import TracingSettings
from services.roles import ROLES
from tests.k8s import manifests
from tests.k8s.manifests import labels, matches, of_kind, template, workloads

pytestmark = pytest.mark.kubernetes

GRPC, NATS, POSTGRES, ELASTIC, METRICS, TRACES = 50051, 4222, 5432, 9200, 9100, 4318
CALLS: dict[str, dict[str, int]] = {
    "gateway": {
        "gateway": GRPC, "media": GRPC, "sentiment": GRPC, "land": GRPC, "imports": GRPC,
        "nats": NATS, "postgres": POSTGRES, "elasticsearch": ELASTIC,
    },
    "media": {"gateway": GRPC, "nats": NATS, "postgres": POSTGRES, "elasticsearch": ELASTIC},
    "sentiment": {},
    "land": {"postgres": POSTGRES},
    "imports": {"nats": NATS, "postgres": POSTGRES},
    "worker": {"gateway": GRPC, "sentiment": GRPC, "nats": NATS, "postgres": POSTGRES, "elasticsearch": ELASTIC},
    "crawler": {"nats": NATS},
    "migrate": {"postgres": POSTGRES},
    "retention": {"postgres": POSTGRES, "elasticsearch": ELASTIC},
    "backup": {"postgres": POSTGRES},
    "restore": {"postgres": POSTGRES},
    "nats": {}, "postgres": {}, "elasticsearch": {},
}  # fmt: skip
"""By caller, whom it may call, and at which port; nothing else is allowed inside the namespace."""
SENDS_TRACES = {*ROLES, "all-in-one"}
"""Who may send traces to the collector, where the component `tracing` is added; nobody else, and at that port only."""
FORBIDDEN = (
    "10.0.0.1",
    "172.16.5.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "127.0.0.1",
    "0.0.0.0",
    "224.0.0.1",
)


def name_of(found: dict[str, str]) -> str:
    return found.get("app.kubernetes.io/component") or found["app.kubernetes.io/name"]


def policies(overlay: str, found: dict[str, str], direction: str) -> list[dict[str, Any]]:
    """The rules of one direction that hold for a pod."""
    key = direction.lower()
    return [
        rule
        for policy in of_kind(overlay, "NetworkPolicy")
        if direction in policy["spec"]["policyTypes"] and matches(policy["spec"].get("podSelector") or {}, found)
        for rule in policy["spec"].get(key) or ()
    ]


def numbers(rule: dict[str, Any], workload: dict[str, Any]) -> set[int]:
    """Ports of a rule; names are looked up at the pod that listens."""
    named = {
        port["name"]: port["containerPort"]
        for container in template(workload)["spec"]["containers"]
        for port in container.get("ports", ())
    }
    return {named.get(port["port"], port["port"]) for port in rule.get("ports", ())}


def allowed(overlay: str, caller: dict[str, Any], callee: dict[str, Any]) -> set[int]:
    """Ports at which a pod of `caller` reaches one of `callee`: both sides must allow it."""

    def ports(rules: list[dict[str, Any]], side: str, other: dict[str, str]) -> set[int]:
        return {
            number
            for rule in rules
            for peer in rule.get(side, ())
            if "podSelector" in peer and "namespaceSelector" not in peer and matches(peer["podSelector"], other)
            for number in numbers(rule, callee)
        }

    out = ports(policies(overlay, labels(caller), "Egress"), "to", labels(callee))
    into = ports(policies(overlay, labels(callee), "Ingress"), "from", labels(caller))
    return out & into


@pytest.mark.parametrize("installation", ["cluster", "cluster+ingress+monitoring+tracing"])
def test_the_parts_talk_as_the_table_says_and_not_otherwise(installation: str) -> None:
    pods = {name_of(labels(each)): each for each in workloads(installation)}
    assert set(pods) == set(CALLS)
    for caller, one in pods.items():
        reached = {name: allowed(installation, one, other) for name, other in pods.items()}
        assert {name: ports for name, ports in reached.items() if ports} == {
            name: {port} for name, port in CALLS[caller].items()
        }, caller


@pytest.mark.parametrize("overlay", manifests.INSTALLATIONS)
def test_nothing_is_allowed_that_no_policy_names(overlay: str) -> None:
    denies = [each for each in of_kind(overlay, "NetworkPolicy") if not each["spec"].get("podSelector")]
    everything = next(each for each in denies if each["metadata"]["name"] == "deny-all")
    assert everything["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize("overlay", manifests.INSTALLATIONS)
def test_every_pod_of_ours_has_policies_of_its_own(overlay: str) -> None:
    for workload in workloads(overlay):
        chosen = [
            policy["metadata"]["name"]
            for policy in of_kind(overlay, "NetworkPolicy")
            if policy["spec"].get("podSelector") and matches(policy["spec"]["podSelector"], labels(workload))
        ]
        assert chosen, workload["metadata"]["name"]


@pytest.mark.parametrize("overlay", manifests.INSTALLATIONS)
def test_only_the_crawler_reaches_the_internet_and_never_a_private_address(overlay: str) -> None:
    outside = {}
    for workload in workloads(overlay):
        blocks = [
            (peer["ipBlock"], rule["ports"])
            for rule in policies(overlay, labels(workload), "Egress")
            for peer in rule.get("to", ())
            if "ipBlock" in peer
        ]
        if blocks:
            outside[name_of(labels(workload))] = blocks
    assert set(outside) <= {"crawler", "all-in-one"}
    assert outside, "nobody can crawl"
    for blocks in outside.values():
        for block, ports in blocks:
            kept = [ipaddress.ip_network(each) for each in block["except"]]
            for address in FORBIDDEN:
                assert any(ipaddress.ip_address(address) in each for each in kept), address
            assert {port["port"] for port in ports} == {80, 443}


@pytest.mark.parametrize("overlay", manifests.INSTALLATIONS)
def test_from_outside_the_namespace_only_doors_and_operators_come_in(overlay: str) -> None:
    for policy in of_kind(overlay, "NetworkPolicy"):
        for rule in policy["spec"].get("ingress") or ():
            assert rule.get("from"), f"{policy['metadata']['name']} lets everybody in"
            for peer in rule["from"]:
                if "namespaceSelector" in peer:
                    wanted = peer["namespaceSelector"]["matchLabels"]
                    operators = {"elastic-system", "cnpg-system", "keda", "monitoring"}
                    assert wanted == {"ngoclinh.io/door": "true"} or wanted["kubernetes.io/metadata.name"] in operators


@pytest.mark.parametrize("overlay", manifests.INSTALLATIONS)
def test_to_other_namespaces_go_questions_of_names_and_traces_alone(overlay: str) -> None:
    for workload in workloads(overlay):
        found = {
            (
                peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"],
                tuple(sorted(peer.get("podSelector", {}).get("matchLabels", {}).items())),
                port["port"],
            )
            for rule in policies(overlay, labels(workload), "Egress")
            for peer in rule.get("to", ())
            if "namespaceSelector" in peer
            for port in rule["ports"]
        }
        dns = {("kube-system", (("k8s-app", "kube-dns"),), 53)}
        traces = {("monitoring", (("app.kubernetes.io/name", "opentelemetry-collector"),), TRACES)}
        sends = "+tracing" in overlay and name_of(labels(workload)) in SENDS_TRACES
        assert found == (dns | traces if sends else dns), workload["metadata"]["name"]


@pytest.mark.parametrize("overlay", manifests.ADDED)
def test_who_sends_traces_sends_them_to_where_the_policy_lets_it(overlay: str) -> None:
    senders = set()
    for workload in workloads(overlay):
        (container,) = template(workload)["spec"]["containers"]
        given = {each["name"]: each.get("value") for each in container.get("env", ())}
        if "NGOCLINH_TRACING__ENABLED" in given:
            tree = {name.removeprefix("NGOCLINH_TRACING__").lower(): given[name] for name in given if "TRACING" in name}
            tracing = TracingSettings.model_validate(tree)
            address = urlsplit(tracing.endpoint)
            assert tracing.enabled
            assert (address.hostname, address.port) == ("opentelemetry-collector.monitoring", TRACES)
            senders.add(name_of(labels(workload)))
    assert senders == ({"all-in-one"} if overlay.startswith("single-node") else set(ROLES))


@pytest.mark.parametrize("overlay", ["production", *manifests.ADDED])
def test_figures_are_for_prometheus_alone(overlay: str) -> None:
    prometheus = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
    }
    (monitor,) = of_kind(overlay, "PodMonitor")
    scraped = [
        each
        for each in workloads(overlay)
        if each["kind"] in ("Deployment", "StatefulSet")
        and matches(monitor["spec"]["selector"], labels(each))
        and METRICS in numbers({"ports": [{"port": "metrics"}]}, each)
    ]
    assert {name_of(labels(each)) for each in scraped} == (
        {"all-in-one"} if overlay.startswith("single-node") else set(ROLES)
    )
    for workload in scraped:
        rules = policies(overlay, labels(workload), "Ingress")
        assert all(rule.get("ports") for rule in rules), "a rule without ports opens all of them"
        assert [rule["from"] for rule in rules if METRICS in numbers(rule, workload)] == [[prometheus]]
