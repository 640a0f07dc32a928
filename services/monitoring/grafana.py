"""The dashboard of Grafana: panels as a table, written as the JSON that Grafana imports."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Panel(NamedTuple):
    """One panel.

    Attributes:
        vi: title in Vietnamese.
        en: title in English.
        expr: query in PromQL.
        legend: what a line is called.
        unit: of Grafana.
        kind: stat or timeseries.
    """

    vi: str
    en: str
    expr: str
    legend: str = ""
    unit: str = "short"
    kind: str = "timeseries"


_P95 = "histogram_quantile(0.95, sum by ({by}le) (rate({name}_bucket[5m])))"
PANELS = (
    Panel("Phần đang chạy", "Parts that answer", 'sum(up{job="ngoclinh"})', kind="stat"),
    Panel("Sự kiện bị cách ly", "Quarantined events", "max(sum by (instance) (ngoclinh_quarantined))", kind="stat"),
    Panel("Nguồn gặp sự cố", "Sources in trouble", "max(ngoclinh_sources_in_trouble)", kind="stat"),
    Panel("Từ lần hỏi nguồn gần nhất", "Since the last poll", "time() - max(ngoclinh_last_poll_timestamp_seconds)", unit="s", kind="stat"),
    Panel("Tuổi bản sao lưu", "Age of the backup", "time() - max(ngoclinh_last_backup_timestamp_seconds)", unit="s", kind="stat"),
    Panel("Đĩa còn trống", "Disk free", "min(ngoclinh_disk_free_bytes / ngoclinh_disk_total_bytes)", unit="percentunit", kind="stat"),
    Panel("Lời gọi theo mã", "Calls by code", "sum by (code) (rate(ngoclinh_rpcs_total[5m]))", "{{code}}", "reqps"),
    Panel("Thời gian lời gọi, p95", "Time of calls, p95", _P95.format(by="service, ", name="ngoclinh_rpc_seconds"), "{{service}}", "s"),
    Panel("Hàng đợi", "Queues", "max by (subject, group) (ngoclinh_bus_depth)", "{{subject}}/{{group}}"),
    Panel("Sự kiện đã xử lý", "Events handled", "sum by (subject, outcome) (rate(ngoclinh_events_total[5m]))", "{{subject}} {{outcome}}", "ops"),
    Panel("Thời gian xử lý sự kiện, p95", "Time of events, p95", _P95.format(by="subject, ", name="ngoclinh_event_seconds"), "{{subject}}", "s"),
    Panel("Từ thu thập đến tìm được, p95", "From collected to found, p95", _P95.format(by="", name="ngoclinh_index_lag_seconds"), "p95", "s"),
    Panel("Phân tích", "Analyses", 'sum(rate(ngoclinh_events_total{subject="media.recorded",outcome="done"}[5m]))', "done", "ops"),
    Panel("Trang đã tải", "Pages fetched", "max by (outcome) (rate(ngoclinh_pages_total[15m]))", "{{outcome}}", "ops"),
    Panel("Nguồn theo trạng thái", "Sources by state", "max by (state) (ngoclinh_sources)", "{{state}}"),
    Panel("Lỗi kho dữ liệu", "Errors of stores", "sum by (store) (rate(ngoclinh_store_errors_total[5m]))", "{{store}}", "ops"),
    Panel("Thời gian kho dữ liệu", "Time of stores", "sum by (store) (rate(ngoclinh_store_seconds_total[5m])) / sum by (store) (rate(ngoclinh_store_calls_total[5m]))", "{{store}}", "s"),
    Panel("Nhập thửa đất", "Imports", "max by (state) (ngoclinh_imports)", "{{state}}"),
    Panel("Kết quả kiểm tra", "Findings", "max by (severity) (ngoclinh_findings)", "{{severity}}"),
    Panel("Chứng thư còn lại", "Certificates, time left", "min by (certificate) (ngoclinh_certificate_end_timestamp_seconds) - time()", "{{certificate}}", "s"),
    Panel("Từ lần dọn dữ liệu gần nhất", "Since something was forgotten", "time() - max(ngoclinh_last_retention_timestamp_seconds)", "s", "s"),
    Panel("Đồng hồ đáng ngờ", "Clock in doubt", "max(ngoclinh_clock_in_doubt)", "clock"),
    Panel("Phần không đọc được", "Parts that could not be looked at", "min by (part) (ngoclinh_look_ok)", "{{part}}"),
)  # fmt: skip
"""Every panel, from the top left."""

_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def dashboard() -> str:
    """The dashboard as Grafana imports it."""
    stats = sum(panel.kind == "stat" for panel in PANELS)
    source = {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    board = {
        "uid": "ngoclinh",
        "title": "Ngọc Linh",
        "tags": ["ngoclinh"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [source]},
        "panels": [_panel(number, panel, stats) for number, panel in enumerate(PANELS)],
    }
    return json.dumps(board, ensure_ascii=False, indent=2) + "\n"


def _panel(number: int, panel: Panel, stats: int) -> dict[str, Any]:
    """A stat is a sixth of the width in the first row; the others are halves below."""
    row, column = divmod(number - stats, 2)
    place = (
        {"x": 4 * number, "y": 0, "w": 4, "h": 4}
        if panel.kind == "stat"
        else {"x": 12 * column, "y": 4 + 8 * row, "w": 12, "h": 8}
    )
    return {
        "id": number + 1,
        "type": panel.kind,
        "title": f"{panel.vi} / {panel.en}",
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [{"refId": "A", "datasource": _SOURCE, "expr": panel.expr, "legendFormat": panel.legend}],
    }
