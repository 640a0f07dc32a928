"""What is forgotten, kept safe and told about the running product."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from services.core.sections.base import Section


class RetentionSettings(Section):
    """How long what is kept; articles under a hold are kept for ever."""

    enabled: bool = Field(True, description="Forget every day what is due.")
    text_months: int = Field(
        6,
        ge=0,
        le=1200,
        description="Months after the last collection for which an article keeps its whole text, then an excerpt; 0 means for ever.",
    )
    evidence_months: int = Field(
        60, ge=0, le=1200, description="Months for which files that people added are kept; 0 means for ever."
    )
    article_months: int = Field(
        60, ge=0, le=1200, description="Months for which articles are kept at all; 0 means for ever."
    )
    max_share: float = Field(0.05, gt=0, le=1, description="Largest share of all articles that one run touches.")
    max_clock_offset_s: float = Field(
        3600,
        gt=0,
        description="Seconds by which this machine's clock may differ from what the watched sites state; beyond, nothing is forgotten.",
    )
    max_silence_days: int = Field(
        30,
        ge=1,
        description="Days for which a clock is believed that nobody confirms: no site, no new data, no earlier run.",
    )


class BackupSettings(Section):
    """The daily backup."""

    folder: Path | None = Field(
        None, description="Folder of the daily backups, best on another disk; empty makes none by itself."
    )
    hour: int = Field(2, ge=0, le=23, description="Hour of the day in Vietnam after which it is made.")
    keep: int = Field(7, ge=1, le=1000, description="Daily backups that are kept.")
    max_upload_mb: int = Field(
        20_000, ge=1, le=1_000_000, description="Largest backup or bundle that the settings page takes, in MB."
    )


class ObservabilitySettings(Section):
    """What is measured, for Prometheus."""

    metrics_address: str = Field(
        "",
        description="host:port of a port that answers /metrics only, without users; empty opens none. Beyond this machine "
        "only where the network lets nobody but the monitoring reach it. The gateway has /metrics for its users besides.",
    )


class TracingSettings(Section):
    """Traces by OpenTelemetry (`pip install 'ngoclinh[otel]'`)."""

    enabled: bool = Field(False, description="Send traces to a collector.")
    endpoint: str = Field(
        "http://127.0.0.1:4318",
        pattern=r"^https?://",
        description="Collector that takes OTLP over HTTP, without /v1/traces.",
    )
    sample_ratio: float = Field(1.0, ge=0, le=1, description="Share of the traces that are kept.")
    service_name: str = Field("ngoclinh", min_length=1, description="Name under which the traces are kept.")
