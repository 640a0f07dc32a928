"""The search index over articles in Elasticsearch.

What a search means is decided in `services.core.search` and indexed as tokens (`elastic_mapping`), so that the same
articles are found in the same order as in the embedded index. Pages follow each other by a key of time and name, as
there: it is unique, holds no state in the cluster and stays right under writes.

What was put is durable when `put` returns. Others see it after `refresh_s`; this object sees it at once, because it has
the index refreshed before it reads where it wrote since, and before its first reading.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from elasticsearch import ApiError, NotFoundError
from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter, SummarizeArticlesResponse

from services.adapters.cluster import elastic_counts, elastic_query
from services.adapters.cluster.elastic_build import ElasticIndexBuild
from services.adapters.cluster.elastic_bulk import Bulk, Item
from services.adapters.cluster.elastic_client import Client
from services.adapters.cluster.elastic_documents import Documents
from services.adapters.cluster.elastic_engine import engine_state
from services.adapters.cluster.elastic_indices import Indices
from services.adapters.cluster.elastic_snapshots import ElasticIndexRestore, Snapshots
from services.core import search
from services.core.errors import InvalidPageToken, Unavailable
from services.core.ports import ArticlePage, EngineState, Snapshot
from services.core.sections.stores import ElasticsearchSettings

_NO_TITLES: Mapping[str, str] = {}
_PAUSE_S = 0.2
Alias = Callable[[int], str]
"""Tells the alias to write through by the time of first collection, in microseconds since 1970."""
Missing = Callable[[str], Awaitable[None]]
"""Makes what an alias stands for."""
_LONG = range(-(2**63), 2**63)


class ElasticArticleIndex:
    """The port `ArticleIndex` over Elasticsearch 9.

    Args:
        settings: addresses, alias, partition; an address alone takes the defaults of the rest, and
            ``http://host:port/alias`` names the alias too.
        source_titles: tells the display names of sources by their resource names; asked again for unknown ones.

    Raises:
        InvalidField: an address holds a password.
    """

    def __init__(
        self,
        settings: ElasticsearchSettings | str,
        source_titles: Callable[[], Mapping[str, str]] = lambda: _NO_TITLES,
    ) -> None:
        self._settings = _from_address(settings) if isinstance(settings, str) else settings
        self._client = Client(self._settings)
        self._indices = Indices(self._client, self._settings)
        self._bulk = Bulk(self._client)
        self._snapshots = Snapshots(self._client, self._settings)
        self._documents = Documents(source_titles)
        self._unseen = True
        self._refreshing = asyncio.Lock()

    async def __aenter__(self) -> ElasticArticleIndex:
        """Nothing to do: the cluster is reached at the first use."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.close()

    async def put(self, articles: Sequence[Article]) -> None:
        """Add or replace; a state with a lower `change_number` never replaces one with a higher.

        Raises:
            InputError: an article does not fit; all others of this call, and those of other calls, are stored.
            Unavailable: the cluster does not answer or stays busy; some may be stored.
        """
        _raise_first(await self.put_each(articles))

    async def put_each(self, articles: Sequence[Article]) -> list[Exception | None]:
        """As `put`, but tells of each article what kept it from being stored; None where it is.

        Raises:
            Unavailable: the cluster does not answer.
        """
        await self._indices.ensure()
        indices = self._indices
        return await self._send(articles, lambda time: indices.write_alias(indices.part(time)), self._add)

    async def search(self, filter_: ArticleFilter, limit: int, after: Sequence[object] | None = None) -> ArticlePage:
        """Articles that match, newest publication first, then by name; `text` is left empty, `excerpt` filled.

        Raises:
            InvalidPageToken: `after` is no key that this method gave.
        """
        key = _after(after)
        query = search.parse(filter_.query)
        told = await self._ask(
            query=elastic_query.condition(filter_),
            sort=[{"when_micros": "desc"}, {"name": "asc"}],
            search_after=key,
            size=limit + 1,
            source=["record", "lead", "text"] if query else ["record"],
            track_total_hits=True,
        )
        hits = told["hits"]["hits"]
        articles = await asyncio.to_thread(lambda: [_shown(hit["_source"], query) for hit in hits[:limit]])
        next_key = list(hits[limit - 1]["sort"]) if len(hits) > limit else None
        return ArticlePage(articles, next_key, told["hits"]["total"]["value"])

    async def summarize(
        self, filter_: ArticleFilter, facets: Sequence[int], interval: int, by_area: bool = False
    ) -> SummarizeArticlesResponse:
        """Counts by facets and time; with `by_area` for each area of the filter too."""
        return await elastic_counts.count(self._ask, filter_, facets, interval, by_area)

    async def delete(self, names: Sequence[str]) -> None:
        """Remove articles for good: until `clear`, a `put` of such a name is ignored, also of one not yet known."""
        await self._indices.remove(names)
        self._unseen = True

    async def clear(self) -> None:
        """Remove everything."""
        await self._indices.clear()
        self._unseen = True

    def rebuild(self) -> ElasticIndexBuild:
        """A new generation, to be filled beside the one that serves; the partition of the settings takes effect."""
        return ElasticIndexBuild(self._client, self._indices, self._write, self._settings.partition == "single")

    async def snapshot(self, name: str) -> Snapshot:
        """Write a snapshot of what serves, with the names of what was taken down; returns when it is whole."""
        await self._indices.ensure()
        serving = [index.name(self._indices.alias) for index in await self._indices.listed() if index.serving]
        return await self._snapshots.take(name, [*serving, self._indices.removed.index])

    async def snapshots(self) -> list[Snapshot]:
        """All snapshots, oldest first."""
        return await self._snapshots.all()

    def restore(self, name: str) -> ElasticIndexRestore:
        """A new generation that begins as a snapshot, in its partition."""
        return ElasticIndexRestore(self._client, self._indices, self._write, self._snapshots, name)

    async def tidy(self, before: str) -> list[str]:
        """Remove months before `before` (``2026-10``) without an article, erase what was replaced; for a janitor."""
        return await self._indices.tidy(before)

    async def engine(self) -> EngineState:
        """How the cluster is: version, bytes of the indices, shards that do not answer.

        Raises:
            Unavailable: it does not answer.
        """
        return await engine_state(self._client, self._indices.alias)

    async def close(self) -> None:
        """Wait for what is under way and close the connections."""
        await self._bulk.close()
        await self._client.close()

    # -------------------------------------------------------- inside

    async def _write(self, articles: Sequence[Article], alias: Alias, missing: Missing) -> None:
        _raise_first(await self._send(articles, alias, missing))

    async def _send(self, articles: Sequence[Article], alias: Alias, missing: Missing) -> list[Exception | None]:
        """Send articles; of each what kept it from being stored."""
        sources = await self._documents.encoded(articles)
        items = []
        for article, source in zip(articles, sources, strict=True):
            collected = article.first_collect_time.ToMicroseconds() if article.HasField("first_collect_time") else 0
            items.append(Item(article.name, article.change_number, source, partial(alias, collected), missing))
        try:
            return await self._bulk.put(items)
        finally:
            self._unseen = True

    async def _add(self, alias: str) -> None:
        """Make the part that an alias stands for; where the whole index was thrown away, all of it."""
        self._indices.forget()
        await self._indices.ensure()
        await self._indices.add_part(alias.removeprefix(self._indices.write_alias("")))

    async def _ask(self, **body: Any) -> Mapping[str, Any]:
        """The answer to a search in the alias, with everything that this object wrote."""
        await self._indices.ensure()
        try:
            return await self._search(body)
        except NotFoundError:  # the index was replaced at this moment, or somebody threw it away
            self._indices.forget()
            await self._indices.ensure()
        except Unavailable as error:
            if not isinstance(error.__cause__, ApiError):
                raise
            await asyncio.sleep(_PAUSE_S)  # a part does not answer: it was replaced at this moment, or is just starting
        return await self._search(body)

    async def _search(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        alias = self._indices.alias
        async with self._refreshing:
            if self._unseen:
                self._unseen = False
                try:
                    await self._client.call("indices.refresh", index=alias)
                except BaseException:
                    self._unseen = True
                    raise
        found: Mapping[str, Any] = await self._client.call(
            "search", index=alias, allow_partial_search_results=False, **body
        )
        return found


def _raise_first(errors: Sequence[Exception | None]) -> None:
    """Raise the error that may pass, else the first, if any."""
    found = [error for error in errors if error is not None]
    if found:
        raise next((error for error in found if isinstance(error, Unavailable)), found[0])


def _from_address(address: str) -> ElasticsearchSettings:
    """Settings from ``http://host:port`` or ``http://host:port/alias``."""
    base, _, alias = address.partition("://")[2].partition("/")
    url = f"{address.partition('://')[0]}://{base}"
    return ElasticsearchSettings(urls=[url], alias=alias) if alias else ElasticsearchSettings(urls=[url])


def _after(key: Sequence[object] | None) -> list[object] | None:
    if key is None:
        return None
    match key:
        case [int(time), str(name)] if time in _LONG:
            return [time, name]
        case _:
            raise InvalidPageToken


def _shown(source: Mapping[str, Any], query: search.Query | None) -> Article:
    article = Article.FromString(base64.b64decode(source["record"]))
    if query is not None:
        article.excerpt = search.excerpt([source.get("text", ""), article.lead], query)
    return article
