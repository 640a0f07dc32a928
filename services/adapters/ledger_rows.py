"""What the adapters of `Ledger` have in common: how messages are kept in rows and put together, whatever the database.

Times in rows are microseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from ngoclinh.media.v1.alert_pb2 import Alert, AlertRule
from ngoclinh.media.v1.article_pb2 import Article, Evidence
from ngoclinh.media.v1.event_pb2 import ArticleAnalyzed, ArticleCollected, SubmissionFailed
from ngoclinh.media.v1.media_service_pb2 import CorrectArticleRequest
from ngoclinh.type.v1.type_pb2 import ERROR_REASON_FETCH_REFUSED

from services.core import corrections, search
from services.core.clock import to_timestamp
from services.core.errors import InvalidPageToken
from services.core.names import content_digest
from services.core.ports import Correction

REPLAY_BATCH = 200
"""Articles that a replay reads at once."""
REPLAY_START = -(2**62)
"""A moment before every other."""

REFUSED = SubmissionFailed(reason=ERROR_REASON_FETCH_REFUSED)
"""The answer to whoever submits an article that was taken down."""
REFUSED.message.vi = "Bài này đã bị gỡ theo yêu cầu và không được lưu lại."
REFUSED.message.en = "This article was taken down and is not stored again."


class Row(NamedTuple):
    """One row of table `article` that is not taken down."""

    seq: int
    name: str
    revision: int
    change_number: int
    first_collect_time: int
    withdrawn_time: int | None


class Kept(NamedTuple):
    """A version without its text."""

    revision: int
    content_sha256: str
    collect_time: int


class Placed(NamedTuple):
    """Where a collected version goes.

    Attributes:
        version: what to keep; None where this content is the present one or came later already.
        shown: whether it is the present version now.
    """

    version: Kept | None
    shown: bool


def micros(moment: datetime) -> int:
    """An aware moment as it is kept in rows."""
    return to_timestamp(moment).ToMicroseconds()


def place(event: ArticleCollected, present: int, kept: Iterable[Kept]) -> Placed:
    """Decide about a collected version.

    Args:
        event: what was collected.
        present: revision of the version that is shown; 0 where there is none.
        kept: the versions that are there.
    """
    article, versions = event.article, list(kept)
    content = event.content_sha256 or content_digest(article.title, article.lead, article.text)
    time = article.collect_time.ToMicroseconds()
    if any(
        version.content_sha256 == content and (version.collect_time >= time or version.revision == present)
        for version in versions
    ):
        return Placed(None, shown=False)
    revision = 1 + max((version.revision for version in versions), default=0)
    newest = max((version.collect_time for version in versions), default=time)
    return Placed(Kept(revision, content, time), shown=time >= newest)


def compose(
    row: Row, event: bytes, files: Iterable[Evidence], analysis: bytes | None, said: Sequence[bytes]
) -> Article:
    """Put an article together.

    Args:
        row: of the article.
        event: the `ArticleCollected` of its present version.
        files: its evidence, in the order in which it came.
        analysis: the newest `ArticleAnalyzed` of that version, if any.
        said: the `CorrectArticleRequest`s about it, oldest first.
    """
    article = version(row.revision, event)
    article.change_number = row.change_number
    article.first_collect_time.FromMicroseconds(row.first_collect_time)
    del article.evidence[:]
    article.evidence.extend(files)
    if row.withdrawn_time is not None:
        article.withdrawn_time.FromMicroseconds(row.withdrawn_time)
    if analysis is not None:
        _add_analysis(article, ArticleAnalyzed.FromString(analysis))
    if said:
        corrections.apply(article, map(CorrectArticleRequest.FromString, said))
    return article


def version(revision: int, event: bytes) -> Article:
    """The article of a stored `ArticleCollected`."""
    article = ArticleCollected.FromString(event).article
    article.revision = revision
    article.text_length = len(article.text)
    article.excerpt = search.excerpt([article.text, article.lead])
    return article


def correction(request: bytes, user: str, time: int) -> Correction:
    """What a person said, out of its row."""
    return Correction(CorrectArticleRequest.FromString(request), user, datetime.fromtimestamp(time / 1e6, UTC))


def rules(records: Iterable[bytes]) -> list[AlertRule]:
    """Alert rules in the order of their titles, then names."""
    return sorted(map(AlertRule.FromString, records), key=lambda rule: (rule.title, rule.name))


def acknowledge(alert: Alert, user: str, note: str, moment: datetime) -> bool:
    """Say who took care of an alert, and when; False where somebody did before."""
    if alert.HasField("acknowledge_time"):
        return False
    alert.acknowledge_time.CopyFrom(to_timestamp(moment))
    alert.acknowledge_user, alert.note = user, note
    return True


def alert_key(after: Sequence[object] | None) -> tuple[int, str] | None:
    """Moment and name of the last alert of a page; None where it is the first page that is asked for.

    Raises:
        InvalidPageToken: `after` is no key of a page of alerts.
    """
    match after:
        case None:
            return None
        case [int(time), str(name)]:
            return time, name
        case _:
            raise InvalidPageToken


def _add_analysis(article: Article, event: ArticleAnalyzed) -> None:
    article.analysis.CopyFrom(event.analysis)
    article.places.extend(event.places)
    article.current_areas.extend(event.current_areas)
    article.parcel_references.extend(event.parcel_references)
    article.documents.extend(event.documents)
