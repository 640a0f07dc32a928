"""What the product does: collect, analyse, warn, check parcels, join."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from services.core.sections.base import Section


class CrawlerSettings(Section):
    """Polite crawling."""

    enabled: bool = Field(True, description="Crawl while the product runs.")
    contact: str = Field(
        "https://github.com/ngoclinh-ioc/ngoclinh",
        description="Address or mail that the user agent names, so that a site can reach the office.",
    )
    delay_s: float = Field(
        5,
        ge=2,
        description="Seconds between two requests to one host, start to start; a longer Crawl-delay wins. Floor 2.",
    )
    timeout_s: float = Field(30, gt=0, description="Seconds without a byte after which a page is given up.")
    total_timeout_s: float = Field(
        60, gt=0, le=120, description="Seconds after which a page is given up however it trickles."
    )
    max_page_mb: int = Field(10, ge=1, le=64, description="Largest page in MB, decompressed.")
    concurrent_requests: int = Field(
        16, ge=1, le=64, description="Requests in progress over all hosts; each host has one at most."
    )
    sources_dir: Path | None = Field(
        None,
        description="Folder with the operator's source files (*.toml), besides those of the package; "
        "sources that are added in the dashboard go there. Default: `sources` in the data folder.",
    )
    bundled_sources: bool = Field(True, description="Also use the sources of the package.")
    sources: list[str] = Field([], description="Only these sources; empty means all.")
    allow_private_hosts: list[str] = Field(
        [], description="host:port pairs on private or loopback addresses that may be crawled, for tests and intranets."
    )
    proxy: str = Field(
        "",
        pattern=r"^(https?://[^/@\s]+)?$",
        description="Proxy for everything that is crawled, without a password in it. Names are still resolved and checked "
        "here first, so this machine needs DNS; the proxy resolves them again and must itself refuse private addresses. "
        "Example: http://proxy.example.vn:3128",
    )
    relevance_gate: bool = Field(
        True, description="Keep articles of national sources only where they name a place of a watch area's province."
    )
    check_hours: int = Field(
        24,
        ge=0,
        le=8760,
        description="Hours between two checks whether a source still reads as declared; 0 checks none.",
    )
    memory_mb: int = Field(1024, ge=256, description="Memory fence of the crawler process in MB.")
    silence_s: float = Field(
        120.0,
        ge=30,
        description="Seconds without a sign of life after which the crawler process is ended and started again.",
    )
    shards: int = Field(1, ge=1, le=64, description="Crawlers that share the hosts.")
    shard: int = Field(0, ge=0, le=63, description="Which of them this one is, from 0.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.shard >= self.shards:
            raise ValueError(f"shard {self.shard} of {self.shards}: they are counted from 0")
        return self


class MediaSettings(Section):
    """Keeping articles."""

    events_at_once: int = Field(
        64, ge=1, le=256, description="Collected articles that are recorded and indexed at the same time."
    )
    events_together: int = Field(
        250, ge=1, le=500, description="Most analysed articles that are recorded and indexed in one step."
    )


class SentimentSettings(Section):
    """The classifier."""

    model_dir: Path | None = Field(
        None,
        description="Folder of a PhoBERT classifier, as `ngoclinh model export` writes it; "
        "empty means the bundled baseline.",
    )
    backend: Literal["onnx", "torch"] = Field(
        "onnx", description="What runs a PhoBERT classifier: ONNX Runtime, or transformers with torch."
    )
    precision: Literal["int8", "fp32"] = Field("int8", description="Which of the two exported ONNX models runs.")
    segmenter: Literal["rdr", "pyvi", "none"] = Field(
        "rdr",
        description="Word segmentation in front of PhoBERT: the rules of RDRSegmenter, which PhoBERT was trained with, "
        "pyvi, or none.",
    )
    segmenter_dir: Path | None = Field(
        None,
        description="Folder with `wordsegmenter.rdr`, `vi-vocab` and, for names, the jar of RDRSegmenter or VnCoreNLP; "
        "empty means the installed package python_rdrsegmenter.",
    )
    accept_licence: str = Field(
        "",
        description="Licence that is accepted although a gate would refuse it, exactly as the card of the model names "
        'it. Example: agpl-3.0. The value "none" accepts a model without a licence.',
    )
    max_text_chars: int = Field(
        20_000, ge=1000, description="Characters of a text that are analysed; the rest is cut and `truncated` says so."
    )
    workers: int = Field(
        0,
        ge=0,
        le=64,
        description="Threads that run the model, each on one processor; 0 takes one for each processor, 4 at most.",
    )
    batch_tokens: int = Field(
        512, ge=256, le=8192, description="Largest batch: number of its texts times the tokens of the longest."
    )
    window_ms: float = Field(
        5, ge=0, le=50, description="Milliseconds for which a batch waits for further texts, while it is not full."
    )
    max_queue_tokens: int = Field(
        1_000_000, ge=10_000, description="Tokens that may wait; a call that finds too little room is refused."
    )
    max_queue_mb: int = Field(
        64, ge=16, description="MB of texts that may wait; a call that finds too little room is refused."
    )


class AlertSettings(Section):
    """Alerts."""

    webhook_hosts: list[str] = Field(
        [],
        description="host:port pairs to which alert rules may send their alerts; these may lie in the office's own network.",
    )


class LandSettings(Section):
    """Reading and validating parcels."""

    max_upload_mb: int = Field(512, ge=1, description="Largest file in MB.")
    reader_memory_mb: int = Field(2048, ge=256, description="Memory fence of the reader process in MB.")
    reader_timeout_s: float = Field(300, gt=0, description="Seconds after which the reader process is ended.")
    max_parcels: int = Field(2_000_000, ge=1, description="Most parcels in one file.")
    max_vertices: int = Field(100_000, ge=100, description="Most vertices of one parcel; a larger one is a finding.")
    keep_owners: bool = Field(
        False,
        description="Keep what imported files say of owners, apart from the parcels: personal data, see docs/security.md.",
    )


class SituationSettings(Section):
    """The joined view."""

    days: int = Field(30, ge=1, description="Days that a situation covers where no range is asked for.")
    stale_after_hours: float = Field(24, gt=0, description="Age at which data of the media half are marked as stale.")


class WatchAreaSettings(Section):
    """One watch area."""

    title: str = Field(description="Display name.")
    areas: list[str] = Field(min_length=1, description="Codes of the communes of today, 5 digits each.")
