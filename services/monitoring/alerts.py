"""Rules of Prometheus: when somebody must look, and what to do then."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

FAULTS = ("UNKNOWN", "INTERNAL", "UNAVAILABLE")
"""Codes of calls that failed for a reason of ours."""
RUNBOOK = "https://github.com/ngoclinh-ioc/ngoclinh/blob/main/docs/reference/monitoring.md"


@dataclass(frozen=True)
class Alert:
    """One rule.

    Attributes:
        name: of the alert.
        expr: condition in PromQL.
        wait: how long it must hold.
        severity: critical asks for somebody now, warning within a day.
        vi: what is wrong, in Vietnamese.
        en: the same in English.
        do_vi: what to do, in Vietnamese.
        do_en: the same in English.
    """

    name: str
    expr: str
    wait: str
    severity: Literal["critical", "warning"]
    vi: str
    en: str
    do_vi: str
    do_en: str


ALERTS = (
    Alert(
        "NgocLinhDown", 'min(up{job="ngoclinh"}) < 1', "5m", "critical",
        "Một phần của Ngọc Linh không trả lời.", "A part of Ngọc Linh does not answer.",
        "Xem `systemctl status ngoclinh` hoặc `kubectl get pods`, rồi đọc nhật ký của phần đó và khởi động lại.",
        "Look at `systemctl status ngoclinh` or `kubectl get pods`, read the log of that part, and start it again.",
    ),
    Alert(
        "NgocLinhStoreSilent", "min(ngoclinh_look_ok) < 1", "5m", "critical",
        "Một kho dữ liệu không trả lời.", "A store does not answer.",
        "Chạy `ngoclinh doctor`: lệnh cho biết kho nào và vì sao. Các tiến trình tự tiếp tục khi kho hoạt động lại.",
        "Run `ngoclinh doctor`: it tells which store and why. The workers go on by themselves once it is back.",
    ),
    Alert(
        "NgocLinhQueueLong", "max(ngoclinh_bus_depth) > 1000", "30m", "warning",
        "Sự kiện dồn lại trong hàng đợi.", "Events pile up in a queue.",
        "Xem nhóm nào chờ trên trang Vận hành; tìm dòng `retry` trong nhật ký; thêm tiến trình worker nếu máy còn sức.",
        "See on the operations page which group waits; look for `retry` in the log; add workers where the machine has room.",
    ),
    Alert(
        "NgocLinhQuarantine", "sum(ngoclinh_quarantined) > 0", "10m", "warning",
        "Có sự kiện bị cách ly.", "Events were set aside.",
        "Đọc lý do trên trang Vận hành hoặc bằng `ngoclinh queue list`; sửa nguyên nhân rồi cho xử lý lại (`ngoclinh queue retry`), hoặc xoá (`ngoclinh queue purge`).",
        "Read the reason on the operations page or with `ngoclinh queue list`; repair the cause and release them (`ngoclinh queue retry`), or purge them (`ngoclinh queue purge`).",
    ),
    Alert(
        "NgocLinhCrawlerSilent", "time() - max(ngoclinh_last_poll_timestamp_seconds) > 7200", "10m", "critical",
        "Đã hai giờ không hỏi nguồn tin nào.", "No source was polled for two hours.",
        "Kiểm tra mạng ra Internet và proxy, tiến trình crawler, `crawler.enabled`, và đồng hồ máy.",
        "Check the way to the Internet and the proxy, the crawler process, `crawler.enabled`, and the clock.",
    ),
    Alert(
        "NgocLinhSourcesInTrouble", "sum(ngoclinh_sources_in_trouble) / sum(ngoclinh_sources) > 0.2", "1h", "warning",
        "Hơn một phần năm nguồn tin gặp sự cố.", "More than a fifth of the sources are in trouble.",
        "Xem lý do của từng nguồn trên trang Nguồn tin. Nhiều nguồn cùng lúc thường là do mạng của chính mình.",
        "See the reason of each on the sources page. Many at once are mostly a matter of one's own network.",
    ),
    Alert(
        "NgocLinhCallsFail",
        f'sum(rate(ngoclinh_rpcs_total{{code=~"{"|".join(FAULTS)}"}}[10m]))'
        " / sum(rate(ngoclinh_rpcs_total[10m])) > 0.05",
        "10m", "critical",
        "Hơn 5% lời gọi thất bại.", "More than 5% of the calls fail.",
        "Tìm dòng `fault` trong nhật ký; mã `request_id` ở đó dẫn tới mọi dòng của cùng lời gọi.",
        "Look for `fault` in the log; the `request_id` there leads to every line of the same call.",
    ),
    Alert(
        "NgocLinhAuditLate", "sum(rate(ngoclinh_audit_late_total[30m])) > 0", "1m", "critical",
        "Sổ cái không nhận kịp mục nhật ký kiểm toán.", "The ledger does not take audit entries in time.",
        "Chạy `ngoclinh doctor` xem sổ cái. Mục chờ trong `audit-waiting.jsonl` tự vào sổ cái khi nó trả lời; tìm dòng `audit entry not kept` trong nhật ký.",
        "See with `ngoclinh doctor` how the ledger is. Entries in `audit-waiting.jsonl` go there by themselves once it answers; look for `audit entry not kept` in the log.",
    ),
    Alert(
        "NgocLinhIndexLate",
        "sum(rate(ngoclinh_index_lag_seconds_sum[30m])) / sum(rate(ngoclinh_index_lag_seconds_count[30m])) > 600",
        "10m", "warning",
        "Bài mới mất hơn mười phút mới tìm được.", "New articles take more than ten minutes until they are found.",
        "Xem hàng đợi nào dài và thời gian của SentimentService; thêm worker hoặc bản sao của dịch vụ phân tích.",
        "See which queue is long and how long SentimentService takes; add workers or replicas of the analysis.",
    ),
    Alert(
        "NgocLinhDiskFull", "min(ngoclinh_disk_free_bytes / ngoclinh_disk_total_bytes) < 0.1", "10m", "critical",
        "Đĩa của thư mục dữ liệu còn dưới 10%.", "Less than 10% of the data disk is free.",
        "Chuyển bớt bản sao lưu sang đĩa khác, giảm thời hạn trong `[retention]`, hoặc mở rộng đĩa.",
        "Move backups to another disk, shorten the terms in `[retention]`, or enlarge the disk.",
    ),
    Alert(
        "NgocLinhBackupOld", "time() - max(ngoclinh_last_backup_timestamp_seconds) > 129600", "10m", "critical",
        "Bản sao lưu mới nhất đã quá 36 giờ.", "The newest backup is older than 36 hours.",
        "Tìm dòng `repeated work failed` trong nhật ký; kiểm tra dung lượng và quyền ghi của `backup.folder`.",
        "Look for `repeated work failed` in the log; check room and rights of `backup.folder`.",
    ),
    Alert(
        "NgocLinhRetentionStopped", "time() - max(ngoclinh_last_retention_timestamp_seconds) > 259200", "10m", "warning",
        "Đã ba ngày không dọn dữ liệu hết thời hạn lưu.", "Nothing past its time was forgotten for three days.",
        "Xem lý do trên trang Cài đặt, mục Việc chạy định kỳ, hoặc bằng `ngoclinh retention run --dry-run`.",
        "See why on the settings page under what runs by itself, or with `ngoclinh retention run --dry-run`.",
    ),
    Alert(
        "NgocLinhClockInDoubt", "max(ngoclinh_clock_in_doubt) > 0", "15m", "warning",
        "Không tin được đồng hồ máy; không có gì bị xoá.", "The clock is in doubt; nothing is forgotten.",
        "Chạy `timedatectl` và chỉnh giờ, bật NTP. Nếu giờ đã đúng: `ngoclinh retention run --confirm-clock`.",
        "Run `timedatectl`, set the time, switch NTP on. Where it is right: `ngoclinh retention run --confirm-clock`.",
    ),
    Alert(
        "NgocLinhCertificateEnds",
        "min(ngoclinh_certificate_end_timestamp_seconds) - time() < 1209600",
        "1h", "critical",
        "Một chứng thư sắp hết hạn trong 14 ngày, hoặc đã hết hạn.", "A certificate ends within 14 days, or has ended.",
        "Xem chứng thư nào trên trang Vận hành. Thay tệp chứng thư và khoá; giữa các phần của Ngọc Linh không cần khởi động lại, cổng web thì cần.",
        "See on the operations page which one. Replace the files of certificate and key; between parts of Ngọc Linh they are followed without a restart, the gateway needs one.",
    ),
    Alert(
        "NgocLinhImportStuck", 'max(ngoclinh_imports{state="running"}) > 0', "6h", "warning",
        "Luôn có lần nhập thửa đất đang chạy suốt sáu giờ.", "An import of parcels has been running for six hours.",
        "Xem tiến độ trên trang Nhập dữ liệu; huỷ lần nhập bị treo rồi nhập lại tệp.",
        "See its progress on the imports page; cancel an import that hangs and import the file again.",
    ),
)  # fmt: skip
"""Every rule over the product's own figures."""

CLUSTER_ALERTS = (
    Alert(
        "NgocLinhPodsMissing",
        'kube_deployment_spec_replicas{namespace="ngoclinh"} - kube_deployment_status_replicas_available{namespace="ngoclinh"} > 0',
        "15m", "critical",
        "Một phần của Ngọc Linh thiếu pod.", "A part of Ngọc Linh has fewer pods than it should.",
        "Chạy `kubectl -n ngoclinh get pods`, rồi `describe pod TÊN`: thiếu tài nguyên, không tải được ảnh, chờ Job migrate, hay tự dừng (`logs --previous TÊN`).",
        "Run `kubectl -n ngoclinh get pods`, then `describe pod NAME`: no room, no image, waiting for the Job migrate, or an end of its own (`logs --previous NAME`).",
    ),
    Alert(
        "NgocLinhStoresMissing",
        'kube_statefulset_replicas{namespace="ngoclinh"} - kube_statefulset_status_replicas_ready{namespace="ngoclinh"} > 0',
        "15m", "critical",
        "Một pod có ổ đĩa riêng (kho dữ liệu, nhập thửa đất, thu thập) không sẵn sàng.",
        "A pod with a volume of its own (a store, imports, the crawler) is not ready.",
        "Chạy `kubectl -n ngoclinh get statefulsets,pods,pvc`: ổ đĩa có gắn được không, nút của nó còn không; đọc nhật ký của pod.",
        "Run `kubectl -n ngoclinh get statefulsets,pods,pvc`: can its volume be attached, is its node there; read the log of the pod.",
    ),
    Alert(
        "NgocLinhJobFailed", 'kube_job_failed{namespace="ngoclinh",condition="true"} > 0', "5m", "critical",
        "Một Job thất bại: nâng lược đồ, sao lưu hoặc dọn dữ liệu.",
        "A Job failed: of migrating, of the backup or of forgetting.",
        "Đọc `kubectl -n ngoclinh logs job/TÊN`, sửa nguyên nhân, xoá Job (cảnh báo hết), chạy lại: migrate bằng cách áp dụng lại bộ cấu hình, việc khác bằng `create job --from=cronjob/TÊN`.",
        "Read `kubectl -n ngoclinh logs job/NAME`, mend the cause, delete the Job (which ends the alert), run it again: migrate by applying the overlay, others by `create job --from=cronjob/NAME`.",
    ),
    Alert(
        "NgocLinhCronJobOld", 'time() - kube_cronjob_status_last_successful_time{namespace="ngoclinh",cronjob=~"backup|retention"} > 129600', "10m", "critical",
        "Sao lưu hoặc dọn dữ liệu hết thời hạn chưa thành công đã quá 36 giờ.",
        "The backup or forgetting has not succeeded for 36 hours.",
        "Chạy `kubectl -n ngoclinh get cronjobs,jobs` và đọc nhật ký của Job mới nhất; ổ `ngoclinh-backup` còn chỗ không, đồng hồ có đúng không.",
        "Run `kubectl -n ngoclinh get cronjobs,jobs` and read the log of the newest Job; has the volume `ngoclinh-backup` room, is the clock right.",
    ),
    Alert(
        "NgocLinhVolumeFull",
        'kubelet_volume_stats_available_bytes{namespace="ngoclinh"} / kubelet_volume_stats_capacity_bytes{namespace="ngoclinh"} < 0.1',
        "10m", "critical",
        "Một ổ đĩa còn dưới 10%.", "Less than 10% of a volume is free.",
        "Chạy `kubectl -n ngoclinh get pvc`; tăng `spec.resources.requests.storage` của ổ đó nếu lớp lưu trữ cho phép, hoặc giảm thời hạn trong `[retention]`.",
        "Run `kubectl -n ngoclinh get pvc`; enlarge `spec.resources.requests.storage` of that volume where its class allows it, or shorten the terms in `[retention]`.",
    ),
)  # fmt: skip
"""Rules over what Kubernetes tells of the namespace (kube-state-metrics, kubelet): what no process of ours can see."""


def rules(alerts: Sequence[Alert] = ALERTS, group: str = "ngoclinh") -> str:
    """Rules as a file of Prometheus; strings are written as JSON, which YAML reads as it stands."""
    lines = [
        "# Written by `make docs`; change services/monitoring/alerts.py instead.",
        "groups:",
        f"  - name: {group}",
        "    rules:",
    ]
    for alert in alerts:
        annotations = {
            "summary_vi": alert.vi,
            "summary_en": alert.en,
            "description_vi": alert.do_vi,
            "description_en": alert.do_en,
            "runbook_url": f"{RUNBOOK}#{alert.name.lower()}",
        }
        lines += [
            f"      - alert: {alert.name}",
            f"        expr: {_text(alert.expr)}",
            f"        for: {alert.wait}",
            "        labels:",
            f"          severity: {alert.severity}",
            "        annotations:",
            *(f"          {key}: {_text(value)}" for key, value in annotations.items()),
        ]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
