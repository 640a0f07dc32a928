"""What is measured, for Prometheus: one catalogue of all metrics, and the meters that the work of a process turns.

Labels take few values that the program itself declares: no names of people, parcels, articles or hosts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The form that `page` writes, which every Prometheus reads."""


@dataclass(frozen=True)
class Metered:
    """One metric.

    Attributes:
        name: as Prometheus and its queries know it.
        kind: type of Prometheus.
        labels: names of its labels.
        vi: what it says, in Vietnamese.
        en: the same in English.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    vi: str
    en: str


CATALOGUE: Mapping[str, Metered] = {
    each.name: each
    for each in (
        Metered("ngoclinh_rpc_seconds", "histogram", ("service", "method"), "Thời gian trả lời một lời gọi", "Seconds that a call took"),
        Metered("ngoclinh_rpcs_total", "counter", ("service", "method", "code"), "Lời gọi đã kết thúc, theo mã gRPC", "Calls that ended, by gRPC code"),
        Metered("ngoclinh_audit_late_total", "counter", ("outcome",), "Mục nhật ký kiểm toán mà sổ cái chưa nhận: waiting (chờ trong tệp), refused (nên không cho xem) hoặc lost (chỉ còn trong nhật ký chương trình)", "Audit entries that the ledger did not take: waiting (in a file), refused (so nothing was shown) or lost (only the program's log has them)"),
        Metered("ngoclinh_events_total", "counter", ("subject", "outcome"), "Sự kiện đã xử lý: done, retry hoặc quarantine; phân tích là subject media.recorded", "Events handled: done, retry or quarantine; an analysis is one of subject media.recorded"),
        Metered("ngoclinh_event_seconds", "histogram", ("subject",), "Thời gian xử lý một sự kiện", "Seconds that an event took"),
        Metered("ngoclinh_index_lag_seconds", "histogram", (), "Từ lúc thu thập bài đến lúc tìm được bài cùng kết quả phân tích", "From the collection of an article until it is found with its analysis"),
        Metered("ngoclinh_store_calls_total", "counter", ("store", "method"), "Lời gọi kho dữ liệu", "Calls of a store"),
        Metered("ngoclinh_store_errors_total", "counter", ("store", "method"), "Lời gọi kho dữ liệu không được trả lời", "Calls of a store without an answer"),
        Metered("ngoclinh_store_seconds_total", "counter", ("store", "method"), "Tổng thời gian gọi kho dữ liệu", "Seconds that calls of a store took together"),
        Metered("ngoclinh_look_ok", "gauge", ("part",), "1 nếu đọc được số liệu của phần này, 0 nếu không", "1 where this part could be looked at, 0 where not"),
        Metered("ngoclinh_bus_depth", "gauge", ("subject", "group"), "Sự kiện chưa xử lý xong", "Events not yet done"),
        Metered("ngoclinh_quarantined", "gauge", ("subject", "group"), "Sự kiện bị cách ly", "Events set aside"),
        Metered("ngoclinh_sources", "gauge", ("state",), "Nguồn tin theo trạng thái", "Sources by state"),
        Metered("ngoclinh_sources_in_trouble", "gauge", (), "Nguồn đang bật mà bị chặn, bị tắt hoặc có lỗi", "Sources that are blocked, disabled or have a problem"),
        Metered("ngoclinh_pages_total", "counter", ("outcome",), "Trang đã tải: article, failure hoặc refused (robots.txt)", "Pages fetched: article, failure or refused (robots.txt)"),
        Metered("ngoclinh_last_poll_timestamp_seconds", "gauge", (), "Lần hỏi nguồn gần nhất (giây Unix)", "When a source was last polled (Unix seconds)"),
        Metered("ngoclinh_imports", "gauge", ("state",), "1000 lần nhập thửa đất mới nhất theo trạng thái", "The newest 1000 imports of parcels by state"),
        Metered("ngoclinh_findings", "gauge", ("severity",), "Kết quả kiểm tra trên thửa hiện hành theo mức độ", "Findings on current parcels by severity"),
        Metered("ngoclinh_disk_free_bytes", "gauge", (), "Dung lượng đĩa còn trống ở thư mục dữ liệu", "Bytes free on the disk of the data folder"),
        Metered("ngoclinh_disk_total_bytes", "gauge", (), "Dung lượng đĩa của thư mục dữ liệu", "Bytes of the disk of the data folder"),
        Metered("ngoclinh_last_backup_timestamp_seconds", "gauge", (), "Bản sao lưu hằng ngày mới nhất (giây Unix), 0 nếu chưa có; không có nếu không bật", "The newest daily backup (Unix seconds), 0 where there is none yet; absent where none is asked for"),
        Metered("ngoclinh_last_retention_timestamp_seconds", "gauge", (), "Lần dọn dữ liệu hết thời hạn gần nhất (giây Unix); không có nếu chưa từng", "When something past its time was last forgotten (Unix seconds); absent where never"),
        Metered("ngoclinh_clock_in_doubt", "gauge", (), "1 nếu không tin được đồng hồ máy, 0 nếu tin", "1 where the clock is in doubt, 0 where not"),
        Metered("ngoclinh_certificate_end_timestamp_seconds", "gauge", ("certificate",), "Hạn của chứng thư trong cài đặt (giây Unix)", "When a certificate of the settings ends (Unix seconds)"),
    )
}  # fmt: skip
"""Every metric by its name."""

Sample = tuple[str, Sequence[str], float]
"""Name of a metric, values of its labels, value."""

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
"""The meters of this process."""


def _counter(name: str) -> Counter:
    metered = CATALOGUE[name]
    return Counter(name, metered.en, metered.labels, registry=REGISTRY)


def _histogram(name: str, buckets: Sequence[float]) -> Histogram:
    metered = CATALOGUE[name]
    return Histogram(name, metered.en, metered.labels, registry=REGISTRY, buckets=buckets)


_SECONDS = (0.005, 0.02, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
RPC_SECONDS = _histogram("ngoclinh_rpc_seconds", _SECONDS)
RPCS = _counter("ngoclinh_rpcs_total")
EVENTS = _counter("ngoclinh_events_total")
AUDIT_LATE = _counter("ngoclinh_audit_late_total")
for _outcome in ("waiting", "refused", "lost"):
    AUDIT_LATE.labels(_outcome)  # at 0 from the start: the first one is seen as a rise
EVENT_SECONDS = _histogram("ngoclinh_event_seconds", _SECONDS)
INDEX_LAG = _histogram("ngoclinh_index_lag_seconds", (1.0, 3.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0))


class _Samples:
    """A collector of samples that were taken elsewhere."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = list(samples)

    def collect(self) -> Iterable[Metric]:
        """One family a metric, in the order in which they come."""
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for name, labels, value in self._samples:
            metered = CATALOGUE[name]
            family = CounterMetricFamily if metered.kind == "counter" else GaugeMetricFamily
            families.setdefault(name, family(name, metered.en, labels=metered.labels)).add_metric(labels, value)
        return families.values()


def page(samples: Iterable[Sample] = ()) -> bytes:
    """The meters of this process and some samples beside them, as Prometheus reads them.

    Args:
        samples: what was looked at just now.
    """
    looked = CollectorRegistry()
    looked.register(_Samples(samples))
    return generate_latest(REGISTRY) + generate_latest(looked)
