"""Let go what the office may no longer keep, document by document, and nothing where the clock may be wrong.

A clock that is years ahead would make everything old at once. Therefore nothing is forgotten while the clock is behind
the ledger, or disagrees with the time that web servers state; where nobody confirms it, neither the ledger nor the run
before may lie far back. And one run forgets no more than a share of all articles.
"""

from __future__ import annotations

import calendar
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

from ngoclinh.media.v1.article_pb2 import Source
from ngoclinh.type.v1.type_pb2 import LocalizedText

from services.core.clock import Clock, to_datetime, utc_now
from services.core.log import get_logger
from services.core.ports import ArticleIndex, Extent, Ledger, Retained
from services.core.sections.upkeep import RetentionSettings
from services.media.evidence import EvidenceStore

SLACK = timedelta(minutes=10)
"""How far clocks of machines that share a ledger may differ."""
RECENT = timedelta(days=2)
"""Age up to which a time that a web server stated says something about the clock of now."""
ORDER = (Retained.ARTICLE, Retained.EVIDENCE, Retained.TEXT)
"""What goes first: an article that goes whole needs no shortening."""

_log = get_logger(__name__)


@dataclass
class Report:
    """What a run did, or would do.

    Attributes:
        refused: why nothing was forgotten; None where the clock is trusted.
        done: number of articles by kind.
        left: number of articles by kind that are due and wait for the next run.
    """

    refused: LocalizedText | None = None
    done: dict[Retained, int] = field(default_factory=dict)
    left: dict[Retained, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _State:
    """What one run tells the next: when it was, and which articles it had in hand."""

    last_run: datetime | None
    pending: list[str]


class Janitor:
    """Forgets what is due.

    Args:
        ledger: the store of record.
        index: follows the ledger.
        evidence: files of articles.
        settings: how long what is kept.
        state: file in the data folder with what one run tells the next.
        clock: the present moment.
    """

    def __init__(
        self,
        ledger: Ledger,
        index: ArticleIndex,
        evidence: EvidenceStore,
        settings: RetentionSettings,
        state: Path,
        clock: Clock = utc_now,
    ) -> None:
        self._ledger = ledger
        self._index = index
        self._evidence = evidence
        self._settings = settings
        self._file = state
        self._clock = clock

    async def run(self, dry_run: bool = False, confirmed: bool = False) -> Report:
        """Forget what is due, at most the share of the settings.

        Args:
            dry_run: only count.
            confirmed: a person looked at the clock; it is still never behind the ledger.
        """
        now, extent, state = self._clock(), await self._ledger.extent(), self._read()
        report = Report(await self.doubt(confirmed))
        if report.refused:
            _log.warning("nothing is forgotten", reason=report.refused.en)
        if not dry_run:
            await self._follow(state.pending)
        room = max(1, int(self._settings.max_share * extent.articles)) if not report.refused else 0
        for kind in ORDER:
            months = getattr(self._settings, f"{kind.value}_months")
            if not months:
                continue
            due = await self._ledger.due_for_retention(kind, months_before(now, months), room)
            if dry_run:
                done = len(due.names)
            else:
                done = await self._forget(kind, due.names, state.last_run)
            room -= len(due.names)
            report.done[kind], report.left[kind] = done, due.total - len(due.names)
        if not dry_run and not report.refused:
            self._write(_State(now, []))
            _log.info("retention", **{kind.value: count for kind, count in report.done.items()})
        return report

    async def doubt(self, confirmed: bool = False) -> LocalizedText | None:
        """Why the clock is not trusted now; None where it is.

        Args:
            confirmed: a person looked at it.
        """
        extent, sources = await self._ledger.extent(), await self._ledger.sources()
        return distrust(self._clock(), extent, sources, self._read().last_run, self._settings, confirmed)

    def last_run(self) -> datetime | None:
        """When a run last ended that was not refused; None where none did. Reads a file."""
        return self._read().last_run

    async def _forget(self, kind: Retained, names: list[str], last_run: datetime | None) -> int:
        if not names:
            return 0
        self._write(_State(last_run, names))
        count = 0
        for name in names:
            digests: list[str] | None = []
            if kind is Retained.TEXT:
                done = await self._ledger.shorten(name) is not None
            else:
                forget = self._ledger.expire if kind is Retained.ARTICLE else self._ledger.forget_evidence
                digests = await forget(name)
                done = digests is not None
            for sha256 in digests or ():
                await self._evidence.erase(sha256)
            count += done
            await self._follow([name])
        return count

    async def _follow(self, names: list[str]) -> None:
        """Let the index say what the ledger says; also of articles that a run had in hand when it died."""
        for name in names:
            article = await self._ledger.article(name)
            if article is None:
                await self._index.delete([name])
            else:
                await self._index.put([article])

    def _read(self) -> _State:
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            last = kept["last_run"]
            return _State(datetime.fromisoformat(last) if last else None, list(kept["pending"]))
        except (OSError, ValueError, KeyError, TypeError):
            return _State(None, [])

    def _write(self, state: _State) -> None:
        part = self._file.with_name(self._file.name + ".part")
        last = state.last_run.isoformat() if state.last_run else None
        part.write_text(json.dumps({"last_run": last, "pending": state.pending}), encoding="utf-8")
        part.replace(self._file)


def distrust(
    now: datetime,
    extent: Extent,
    sources: Iterable[Source],
    last_run: datetime | None,
    settings: RetentionSettings,
    confirmed: bool = False,
) -> LocalizedText | None:
    """Why the clock is not trusted; None where it is.

    Args:
        now: what the clock says.
        extent: the latest moment that the ledger knows.
        sources: with what their servers said about the time.
        last_run: when something was forgotten before; None where never.
        settings: the bounds.
        confirmed: a person looked at the clock.
    """
    known = [moment for moment in (extent.last_time, last_run) if moment is not None]
    if any(now < moment - SLACK for moment in known):
        return LocalizedText(
            vi=f"Đồng hồ máy ({now:%Y-%m-%d %H:%M} UTC) chậm hơn dữ liệu đã lưu ({max(known):%Y-%m-%d %H:%M} UTC).",
            en=f"The clock ({now:%Y-%m-%d %H:%M} UTC) is behind what is stored ({max(known):%Y-%m-%d %H:%M} UTC).",
        )
    if confirmed:
        return None
    offsets = [
        source.clock_offset.ToTimedelta().total_seconds()
        for source in sources
        if source.HasField("clock_offset") and abs(now - to_datetime(source.poll_time)) < RECENT
    ]
    if offsets:
        off = median(offsets)
        if abs(off) <= settings.max_clock_offset_s:
            return None
        return LocalizedText(
            vi=f"Đồng hồ máy lệch {-off / 3600:+.1f} giờ so với các trang web đang theo dõi.",
            en=f"The clock is {-off / 3600:+.1f} hours off the time that the watched sites state.",
        )
    if any(now - moment > timedelta(days=settings.max_silence_days) for moment in known):
        return LocalizedText(
            vi=f"Không có gì xác nhận đồng hồ máy: dữ liệu hoặc lần dọn trước đã cũ hơn {settings.max_silence_days} ngày. "
            "Nếu ngày giờ đúng, hãy chạy: ngoclinh retention run --confirm-clock",
            en=f"Nothing confirms the clock: the data or the last run are older than {settings.max_silence_days} days. "
            "If date and time are right, run: ngoclinh retention run --confirm-clock",
        )
    return None


def months_before(moment: datetime, months: int) -> datetime:
    """The same day some months earlier, or the last day of that month."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, calendar.monthrange(year, month + 1)[1]))
