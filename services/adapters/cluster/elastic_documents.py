"""Articles as the bytes of their documents."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

import orjson
from ngoclinh.media.v1.article_pb2 import Article

from services.adapters.cluster.elastic_values import document

AT_ONCE = 20_000
"""Characters of text that are made into documents on the event loop; more goes to a thread."""
TITLES_S = 60.0
"""Shortest pause in seconds between two readings of the display names of sources."""


class Documents:
    """Makes documents.

    Args:
        source_titles: tells the display names of sources by their resource names.
    """

    def __init__(self, source_titles: Callable[[], Mapping[str, str]]) -> None:
        self._read_titles = source_titles
        self._titles: Mapping[str, str] = {}
        self._read_time = -TITLES_S

    async def encoded(self, articles: Sequence[Article]) -> list[bytes]:
        """The JSON of each article's document."""
        unknown = any(article.source not in self._titles for article in articles)
        if unknown and time.monotonic() - self._read_time >= TITLES_S:
            self._read_time = time.monotonic()
            self._titles = await asyncio.to_thread(self._read_titles)
        if sum(article.text_length for article in articles) <= AT_ONCE:
            return self._encoded(articles)
        return await asyncio.to_thread(self._encoded, articles)

    def _encoded(self, articles: Sequence[Article]) -> list[bytes]:
        return [orjson.dumps(document(article, self._titles)) for article in articles]
