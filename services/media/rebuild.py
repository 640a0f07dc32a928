"""The index can be thrown away: it is rebuilt from the ledger to the same answers."""

from __future__ import annotations

from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

from services.core.log import get_logger
from services.core.ports import ArticleIndex, Ledger

BATCH = 200

_log = get_logger(__name__)


async def rebuild(ledger: Ledger, index: ArticleIndex) -> int:
    """Empty the index and fill it from the ledger; returns the number of articles.

    Workers may go on meanwhile: a later state that they put is not replaced by an earlier one of the replay.
    """
    await index.clear()
    count, batch = 0, list[Article]()
    async for article in ledger.replay():
        batch.append(article)
        if len(batch) == BATCH:
            await index.put(batch)
            count, batch = count + len(batch), []
    await index.put(batch)
    return count + len(batch)


async def rebuild_if_empty(ledger: Ledger, index: ArticleIndex) -> int:
    """Fill an index that is empty although the ledger is not, as after its file was deleted; returns the number put."""
    if (await index.search(ArticleFilter(include_withdrawn=True), 1)).total:
        return 0
    count = await rebuild(ledger, index)
    if count:
        _log.info("index rebuilt", articles=count)
    return count
