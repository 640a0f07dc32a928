"""The index can be thrown away: it is rebuilt from the ledger to the same answers, while the old one serves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import cast

from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

from services.core.log import get_logger
from services.core.ports import ArticleIndex, HasSnapshots, IndexBuild, Ledger

BATCH = 200

_log = get_logger(__name__)


async def rebuild(ledger: Ledger, index: ArticleIndex, told: Callable[[int], object] = lambda count: None) -> int:
    """Fill a new index from the ledger and let it take the place of the old one; returns the number of articles.

    Workers may go on meanwhile: what they put into the old index is put again from the ledger's changes, at last those
    of the moment of the change. What is taken down meanwhile stays away. After a crash the old index serves.

    Args:
        ledger: the store of record.
        index: what to rebuild.
        told: hears the number of articles after each batch.

    Raises:
        Conflict: another rebuild was begun meanwhile.
    """
    cursor = (await ledger.changes()).cursor
    count = 0
    async with index.rebuild() as build:
        async for batch in _batches(ledger):
            await build.put(batch)
            count += len(batch)
            told(count)
        cursor = await _catch_up(ledger, build, cursor)
        await build.serve()
    await _catch_up(ledger, index, cursor)
    return count


async def restore(
    ledger: Ledger, index: HasSnapshots, name: str, told: Callable[[int], object] = lambda count: None
) -> int:
    """Let a snapshot take the place of the index, made equal to the ledger before it serves; returns what was put.

    The old index serves until then. What was taken down since the snapshot, or is not in a ledger that was restored
    itself, goes; what changed is put again. So it ends where `rebuild` ends, but writes only what differs.

    Args:
        ledger: the store of record.
        index: what to restore.
        name: of the snapshot.
        told: hears the number of articles that were compared, after each batch.

    Raises:
        NotFound: there is no such snapshot.
        Conflict: another rebuild was begun meanwhile.
    """
    cursor = (await ledger.changes()).cursor
    put = compared = 0
    async with index.restore(name) as build:
        async for names in build.names():
            gone = set(names) - await ledger.standing(names)
            if gone:
                await build.forget(sorted(gone))
        async for batch in _batches(ledger):
            changed = await build.behind(batch)
            await build.put(changed)
            put, compared = put + len(changed), compared + len(batch)
            told(compared)
        cursor = await _catch_up(ledger, build, cursor)
        await build.serve()
    await _catch_up(ledger, cast(ArticleIndex, index), cursor)
    return put


async def _batches(ledger: Ledger) -> AsyncIterator[list[Article]]:
    """All articles of a ledger, some at a time."""
    batch: list[Article] = []
    async for article in ledger.replay():
        batch.append(article)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def rebuild_if_empty(ledger: Ledger, index: ArticleIndex) -> int:
    """Fill an index that is empty although the ledger is not, as after its data were lost; returns the number put."""
    if (await index.search(ArticleFilter(include_withdrawn=True), 1)).total:
        return 0
    count = await rebuild(ledger, index)
    if count:
        _log.info("index rebuilt", articles=count)
    return count


async def _catch_up(ledger: Ledger, target: ArticleIndex | IndexBuild, cursor: int) -> int:
    """Put what changed after a cursor; returns the cursor of now."""
    while True:
        changes = await ledger.changes(cursor, BATCH)
        if not changes.articles:
            return changes.cursor
        await target.put(changes.articles)
        cursor = changes.cursor
