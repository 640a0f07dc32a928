"""What is reported about a source: its state, its discoveries, its counters."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from ngoclinh.media.v1.article_pb2 import DiscoveryHealth, Source, SourceState
from ngoclinh.type.v1.type_pb2 import LocalizedText

from crawlers.catalogue import SourceSpec
from crawlers.frontier import Frontier
from crawlers.schedule import MANY_FAILURES
from services.core import protojson
from services.core.clock import to_timestamp
from services.core.names import source_name

_MOST_S = 100 * 366 * 86_400
"""Largest difference of clocks that is told, in seconds."""


def source(spec: SourceSpec, frontier: Frontier) -> Source:
    """The source as it stands now."""
    row = frontier.rows(
        "SELECT paused, articles, failures, refusals, newest, recent, blocked_until > ?, blocked_vi, blocked_en "
        "FROM source WHERE id = ?",
        frontier.clock(),
        spec.id,
    )[0]
    paused, articles, failures, refusals, newest, recent, blocked, blocked_vi, blocked_en = row
    discoveries = frontier.rows(
        "SELECT kind, url, asked, items, empty_streak, failure_streak, problem_vi, problem_en, due FROM discovery "
        "WHERE source = ? ORDER BY url",
        spec.id,
    )
    asked = [each[2] for each in discoveries if each[2] is not None]
    stopped = bool(discoveries) and all(each[5] >= MANY_FAILURES for each in discoveries)
    answer = Source(
        name=source_name(spec.id),
        title=spec.title,
        home_url=spec.home,
        tier=spec.tier,
        profile=spec.profile,
        licence_note=spec.licence,
        state=_state(bool(paused), stopped, bool(blocked)),
        article_count=articles,
        failure_count=failures,
        refused_count=refusals,
        empty_share=recent.count("e") / len(recent) if recent else 0.0,
        discoveries=[
            DiscoveryHealth(
                kind=kind,
                url=url,
                item_count=items,
                empty_streak=empty,
                failure_streak=failed,
                poll_time=_stamp(when),
                problem=LocalizedText(vi=vi, en=en) if vi else None,
            )
            for kind, url, when, items, empty, failed, vi, en, _ in discoveries
        ],
        problem=LocalizedText(vi=blocked_vi, en=blocked_en) if blocked else None,
        poll_time=_stamp(max(asked, default=None)),
        newest_article_time=_stamp(newest),
    )
    ahead = frontier.ahead(spec.id)
    if ahead is not None:
        answer.clock_offset.FromSeconds(max(-_MOST_S, min(ahead, _MOST_S)))
    if found := frontier.last_check(spec.id):
        answer.MergeFrom(protojson.parse(found, Source()))
    if not paused and not stopped:
        answer.next_poll_time.CopyFrom(_stamp(min((each[8] for each in discoveries), default=None)) or Timestamp())
    return answer


def _state(paused: bool, stopped: bool, blocked: bool) -> SourceState.ValueType:
    if paused:
        return SourceState.SOURCE_STATE_PAUSED
    if stopped:
        return SourceState.SOURCE_STATE_DISABLED
    return SourceState.SOURCE_STATE_BLOCKED if blocked else SourceState.SOURCE_STATE_ACTIVE


def _stamp(seconds: float | None) -> Timestamp | None:
    return None if seconds is None else to_timestamp(datetime.fromtimestamp(seconds, UTC))
