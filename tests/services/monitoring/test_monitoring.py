"""Rules and dashboard: what they ask for is exported, rules are silent when all is well and raised by what they are for."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from services.core.metrics import CATALOGUE
from services.monitoring import grafana
from services.monitoring.alerts import ALERTS, CLUSTER_ALERTS, RUNBOOK, rules
from services.monitoring.promql import Query
from services.reference import monitoring
from tests.conftest import ROOT

NOW = 1_795_000_000.0
EXPRESSIONS = [*(alert.expr for alert in ALERTS), *(panel.expr for panel in grafana.PANELS)]


def series(**values: float) -> dict[Any, float]:
    """Samples by text: the name, then `__label_value` each. Example: ``ngoclinh_look_ok__part_bus=1``."""
    found = {}
    for text, value in values.items():
        name, *labels = text.split("__")
        found[name, frozenset((key, rest) for key, _, rest in (each.partition("_") for each in labels))] = value
    return found


WELL = series(
    up__job_ngoclinh__instance_a=1,
    up__job_ngoclinh__instance_b=1,
    up__job_other=0,
    ngoclinh_look_ok__part_bus=1,
    ngoclinh_look_ok__part_ledger=1,
    ngoclinh_bus_depth__subject_x__group_y=900,
    ngoclinh_quarantined__subject_x__group_y=0,
    ngoclinh_last_poll_timestamp_seconds=NOW - 600,
    ngoclinh_last_backup_timestamp_seconds=NOW - 86_400,
    ngoclinh_last_retention_timestamp_seconds=NOW - 90_000,
    ngoclinh_clock_in_doubt=0,
    ngoclinh_certificate_end_timestamp_seconds__certificate_a=NOW + 90 * 86_400,
    ngoclinh_certificate_end_timestamp_seconds__certificate_b=NOW + 15 * 86_400,
    ngoclinh_sources_in_trouble=2,
    ngoclinh_sources__state_active=18,
    ngoclinh_sources__state_blocked=2,
    ngoclinh_rpcs_total__code_OK=1000,
    ngoclinh_rpcs_total__code_INTERNAL=10,
    ngoclinh_rpcs_total__code_INVALID=500,
    ngoclinh_audit_late_total__outcome_waiting=0,
    ngoclinh_audit_late_total__outcome_lost=0,
    ngoclinh_index_lag_seconds_sum=2000,
    ngoclinh_index_lag_seconds_count=100,
    ngoclinh_disk_free_bytes=50,
    ngoclinh_disk_total_bytes=100,
    ngoclinh_imports__state_running=0,
    ngoclinh_imports__state_committed=5,
)
WRONG = {
    "NgocLinhDown": series(up__job_ngoclinh__instance_b=0),
    "NgocLinhStoreSilent": series(ngoclinh_look_ok__part_ledger=0),
    "NgocLinhQueueLong": series(ngoclinh_bus_depth__subject_x__group_y=1001),
    "NgocLinhQuarantine": series(ngoclinh_quarantined__subject_x__group_y=1),
    "NgocLinhCrawlerSilent": series(ngoclinh_last_poll_timestamp_seconds=NOW - 7300),
    "NgocLinhSourcesInTrouble": series(ngoclinh_sources_in_trouble=5),
    "NgocLinhCallsFail": series(ngoclinh_rpcs_total__code_INTERNAL=100),
    "NgocLinhAuditLate": series(ngoclinh_audit_late_total__outcome_waiting=1),
    "NgocLinhIndexLate": series(ngoclinh_index_lag_seconds_sum=61_000),
    "NgocLinhDiskFull": series(ngoclinh_disk_free_bytes=9),
    "NgocLinhBackupOld": series(ngoclinh_last_backup_timestamp_seconds=0),
    "NgocLinhRetentionStopped": series(ngoclinh_last_retention_timestamp_seconds=NOW - 260_000),
    "NgocLinhClockInDoubt": series(ngoclinh_clock_in_doubt=1),
    "NgocLinhCertificateEnds": series(ngoclinh_certificate_end_timestamp_seconds__certificate_b=NOW + 13 * 86_400),
    "NgocLinhImportStuck": series(ngoclinh_imports__state_running=1),
}
"""What differs from `WELL`, by the alert that it raises."""
CLUSTER_WELL = series(
    kube_deployment_spec_replicas__namespace_ngoclinh__deployment_media=2,
    kube_deployment_status_replicas_available__namespace_ngoclinh__deployment_media=2,
    kube_deployment_spec_replicas__namespace_other__deployment_x=2,
    kube_deployment_status_replicas_available__namespace_other__deployment_x=0,
    kube_statefulset_replicas__namespace_ngoclinh__statefulset_nats=3,
    kube_statefulset_status_replicas_ready__namespace_ngoclinh__statefulset_nats=3,
    kube_job_failed__namespace_ngoclinh__condition_true=0,
    kube_job_failed__namespace_ngoclinh__condition_false=1,
    kube_cronjob_status_last_successful_time__namespace_ngoclinh__cronjob_backup=NOW - 90_000,
    kubelet_volume_stats_available_bytes__namespace_ngoclinh__persistentvolumeclaim_a=50,
    kubelet_volume_stats_capacity_bytes__namespace_ngoclinh__persistentvolumeclaim_a=100,
)
CLUSTER_WRONG = {
    "NgocLinhPodsMissing": series(kube_deployment_status_replicas_available__namespace_ngoclinh__deployment_media=1),
    "NgocLinhStoresMissing": series(kube_statefulset_status_replicas_ready__namespace_ngoclinh__statefulset_nats=2),
    "NgocLinhJobFailed": series(kube_job_failed__namespace_ngoclinh__condition_true=1),
    "NgocLinhCronJobOld": series(
        kube_cronjob_status_last_successful_time__namespace_ngoclinh__cronjob_backup=NOW - 130_000
    ),
    "NgocLinhVolumeFull": series(kubelet_volume_stats_available_bytes__namespace_ngoclinh__persistentvolumeclaim_a=9),
}
"""The same over the figures of a cluster; names and labels are those of kube-state-metrics and of the kubelet."""


@pytest.mark.parametrize("alert", ALERTS + CLUSTER_ALERTS, ids=lambda alert: alert.name)
def test_a_rule_is_raised_by_what_it_is_for_and_by_nothing_else(alert: Any) -> None:
    well, wrongs = WELL | CLUSTER_WELL, WRONG | CLUSTER_WRONG
    raised = {name for name, wrong in wrongs.items() if Query(alert.expr, well | wrong, time=NOW).evaluate()}
    assert raised == {alert.name}
    assert not Query(alert.expr, well, time=NOW).evaluate()
    assert not Query(alert.expr, {}, time=NOW).evaluate(), "a part that is not in use raises nothing"


def test_a_rate_counts_what_came_in_its_range_only() -> None:
    (alert,) = (alert for alert in ALERTS if alert.name == "NgocLinhCallsFail")
    now = WELL | WRONG[alert.name]
    assert not Query(alert.expr, now | series(ngoclinh_rpcs_total__code_OK=2000), before=now, time=NOW).evaluate()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_everything_that_is_asked_for_is_exported_with_its_labels(expression: str) -> None:
    query = Query(expression, WELL, time=NOW)
    query.evaluate()
    assert query.selected
    for name, labels in query.selected:
        if name == "up":
            assert labels == {"job"}
            continue
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        metered = CATALOGUE[name if name in CATALOGUE else base]
        assert (metered.kind == "histogram") == (base != name), name
        assert labels <= set(metered.labels)
    own = {label for name, _ in query.selected for label in _labels(name)}
    grouped = {label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")}
    assert grouped <= own | {"le", "instance"}


def _labels(name: str) -> tuple[str, ...]:
    found = CATALOGUE.get(name) or CATALOGUE.get(re.sub(r"_(bucket|sum|count)$", "", name))
    return found.labels if found else ()


def test_every_metric_is_on_the_dashboard_or_in_a_rule() -> None:
    text = " ".join(EXPRESSIONS)
    assert [name for name in CATALOGUE if name not in text] == []


@pytest.mark.parametrize("alerts", [ALERTS, CLUSTER_ALERTS], ids=["own", "cluster"])
def test_the_file_of_rules_says_in_both_languages_what_is_wrong_and_links_to_what_to_do(alerts: Any) -> None:
    (group,) = yaml.safe_load(rules(alerts))["groups"]
    assert [rule["alert"] for rule in group["rules"]] == [alert.name for alert in alerts]
    page = monitoring()
    for rule, alert in zip(group["rules"], alerts, strict=True):
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert rule["expr"] == alert.expr
        assert re.fullmatch(r"\d+[mh]", rule["for"])
        assert rule["labels"]["severity"] in ("critical", "warning")
        told = rule["annotations"]
        assert all(told[f"{kind}_{lang}"] for kind in ("summary", "description") for lang in ("vi", "en"))
        assert told["runbook_url"] == f"{RUNBOOK}#{alert.name.lower()}"
        assert f"### {alert.name}\n\n{alert.vi} {alert.do_vi}\n\n{alert.en} {alert.do_en}\n" in page


def test_the_operator_of_prometheus_gets_the_rules_of_the_product_and_those_of_the_cluster() -> None:
    made = yaml.safe_load((ROOT / "k8s/monitoring/prometheus-rule.yaml").read_text(encoding="utf-8"))
    groups = {group["name"]: [rule["alert"] for rule in group["rules"]] for group in made["spec"]["groups"]}
    assert groups == {
        "ngoclinh": [alert.name for alert in ALERTS],
        "ngoclinh-kubernetes": [alert.name for alert in CLUSTER_ALERTS],
    }


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    board = json.loads(grafana.dashboard())
    cells = [
        (x, y)
        for panel in board["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in board["panels"]}) == len(grafana.PANELS)


@pytest.mark.parametrize(("page", "lang"), [("operate.md", "en"), ("operate.vi.md", "vi")])
def test_the_guide_says_what_to_do_for_every_alert_of_the_file_of_rules(page: str, lang: str) -> None:
    guide = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (group,) = yaml.safe_load((ROOT / "k8s/monitoring/alerts.yaml").read_text(encoding="utf-8"))["groups"]
    lines = [line.strip("| ").split(" | ") for line in guide.splitlines() if line.startswith("| `NgocLinh")]
    rows = {name.split("`")[1]: (name, means, do) for name, means, do in lines}
    assert list(rows) == [rule["alert"] for rule in group["rules"]]
    for rule in group["rules"]:
        name, means, do = rows[rule["alert"]]
        told = rule["annotations"]
        assert (means, do) == (told[f"summary_{lang}"], told[f"description_{lang}"])
        assert ("**!**" in name) == (rule["labels"]["severity"] == "critical")
