"""Articles as they change, for screens that stay open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

from services.core.ports import Ledger
from services.media.conditions import matches

POLL_S = 1.0
"""Seconds between two looks for changes."""
PAGE = 200
"""Most changes of one look."""


async def watch(ledger: Ledger, cursor: int, filter_: ArticleFilter) -> AsyncIterator[Article]:
    """Articles that change after a moment and match, without their whole text, until the caller stops.

    Args:
        ledger: tells changes by a cursor.
        cursor: the ledger's at that moment.
        filter_: its watch area is spelled out already.
    """
    while True:
        found = await ledger.changes(cursor, PAGE)
        cursor = found.cursor
        for article in found.articles:
            if matches(filter_, article):
                article.ClearField("text")
                yield article
        if len(found.articles) < PAGE:
            await asyncio.sleep(POLL_S)
