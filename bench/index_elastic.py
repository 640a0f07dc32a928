"""Analysed events on a bus to searchable documents per second: our path against a bare bulk.

Ours: the bytes of each event are decoded and handled by the worker of the index, in batches as it takes them; the
article is read from its bytes, made into a document, put, and searchable in the end; what is published with the
acknowledgement is made into bytes. The bus and the ledger are of this script's memory: neither NATS nor PostgreSQL is
measured here, but articles are those that a ledger gives. The peer sends the very same documents, which lie ready as
dicts, with `async_streaming_bulk` of the vendor's client, as many at a time as fit into one request, and refreshes. Both
write to an index of the same mapping and durability; only the peer's work ends there, for its documents are made before.
Seconds are those of the wall, from the first event or document until a search tells all of them; `per_cpu_s` has documents
per CPU second of this process alone, without the server's.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any, cast

import orjson
from elasticsearch import AsyncElasticsearch
from elasticsearch.helpers import async_streaming_bulk
from google.protobuf.message import Message
from ngoclinh.media.v1.article_pb2 import ARTICLE_KIND_NEWS, Article
from ngoclinh.media.v1.event_pb2 import ArticleAnalyzed
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

from bench.harness import Peer, compare, cpu_seconds, engine, quick
from services.adapters.cluster import elastic_mapping, elastic_values
from services.adapters.cluster.elastic_bulk import MAX_BYTES, MAX_ITEMS
from services.adapters.cluster.index_elastic import ElasticArticleIndex
from services.core import events, search
from services.core.names import article_name
from services.core.ports import Bus, Delivery, Ledger, Output
from services.core.sections.stores import ElasticsearchSettings
from services.core.sections.work import MediaSettings
from services.core.worker import run_worker
from services.demo.stories import stories
from services.media.workers import Keeper
from tests.engines import Elastic

GOAL = 0.6
SUBJECT, GROUP = "media.analyzed", "index"
AREAS = ["areas/2025-20938", "areas/2025-20944"]
LABELS = {
    "sentiment": ("negative", "neutral", "positive"),
    "event_valence": ("negative", "neutral", "positive"),
    "stance": ("critical", "none", "supportive"),
    "complaint": ("no", "yes"),
    "toxicity": ("no", "yes"),
}


@dataclass
class Record:
    """What lies ready of one article: its event, and its bytes as the ledger keeps them."""

    name: str
    payload: bytes
    article: bytes


def records(count: int) -> list[Record]:
    """Articles of some 400 words, made of the demo's invented stories."""
    rng = random.Random(5)
    now = datetime(2026, 11, 1, tzinfo=UTC)
    told = stories(now)
    return [_record(rng, number, told, now) for number in range(count)]


def _record(rng: random.Random, number: int, told: Sequence[Any], now: datetime) -> Record:
    first, *others = rng.sample(told, 4)
    made = Article(
        name=article_name(f"https://tin.example/{number}"),
        source="sources/tin",
        kind=ARTICLE_KIND_NEWS,
        url=f"https://tin.example/{number}",
        title=first.title,
        lead=first.lead,
        text="\n\n".join([f"Bài số {number}.", first.body, *(other.body for other in others)]),
        language_code="vi",
    )
    made.publish_time.FromDatetime(now - timedelta(minutes=number))
    made.collect_time.FromDatetime(now)
    made.story = made.name
    event = ArticleAnalyzed(article=made.name, revision=1, current_areas=AREAS)
    for head, labels in LABELS.items():
        judgement = getattr(event.analysis, head)
        judgement.label = rng.choice(labels)
        for label in labels:
            judgement.scores[label] = 1 / len(labels)
        judgement.sentences.add(text=first.title, weight=0.5)
    event.analysis.topics.extend(["dat_dai", "moi_truong"])
    event.analysis.models.append("baseline@1")
    event.analysis.coverage = 1.0
    event.analysis.analyze_time.FromDatetime(now)
    event.places.add(area="areas/2004-20938", current_areas=AREAS[:1], text="Trà Leng", score=0.9)
    made.first_collect_time.CopyFrom(made.collect_time)
    made.revision, made.change_number, made.text_length = 1, 2, len(made.text)
    made.excerpt = search.excerpt([made.text, made.lead])
    for name in ("analysis", "places", "current_areas"):
        made.MergeFrom(Article(**{name: getattr(event, name)}))
    return Record(made.name, event.SerializeToString(), made.SerializeToString())


class Memory:
    """Bus and ledger of one run: hands out the events, knows the articles."""

    def __init__(self, kept: Sequence[Record]) -> None:
        self._kept = kept
        self._by_name = {record.name: record for record in kept}

    async def batches(self, subject: str, group: str, most: int) -> AsyncIterator[list[MemoryDelivery]]:
        """Every event once, `most` at a time."""
        for start in range(0, len(self._kept), most):
            decoded = (events.decode(subject, record.payload) for record in self._kept[start : start + most])
            yield [MemoryDelivery(event) for event in decoded if event is not None]

    async def acknowledge(self, done: Sequence[tuple[Delivery, Sequence[Output]]]) -> None:
        """The bytes of what is published."""
        for _, outputs in done:
            for output in outputs:
                events.encode(output.subject, output.event)

    async def record_analyses(self, events: Sequence[ArticleAnalyzed]) -> list[Article]:
        """The articles with their analyses."""
        return [Article.FromString(self._by_name[event.article].article) for event in events]


@dataclass
class MemoryDelivery:
    """An event in the hands of the worker; any end but a good one ends the measurement."""

    event: Message
    subject: str = SUBJECT
    key: str = ""
    attempt: int = 1

    async def ack(self, outputs: Sequence[Output] = ()) -> None:
        """Not expected here."""
        raise AssertionError("ack")

    async def retry(self, delay_s: float, counted: bool = True) -> None:
        """Not expected here."""
        raise AssertionError("retry")

    async def quarantine(self, reason: str) -> None:
        """Not expected here."""
        raise AssertionError(reason)


@dataclass
class Ways:
    """Both ways to one server.

    Attributes:
        url: of the server.
        kept: the articles.
        documents: the same as dicts.
        client: the vendor's.
        rates: documents per CPU second of this process by way, in the last run.
    """

    url: str
    kept: Sequence[Record]
    documents: Sequence[Mapping[str, Any]]
    client: AsyncElasticsearch
    rates: dict[str, float] = field(default_factory=dict)
    numbers: Any = field(default_factory=itertools.count)

    async def ours(self) -> int:
        """From events to an index of its own."""
        async with ElasticArticleIndex(ElasticsearchSettings(urls=[self.url], alias="ours", timeout_s=60)) as index:
            memory = Memory(self.kept)
            keeper = Keeper(cast(Ledger, memory), index)
            start = cpu_seconds()
            handle, most = keeper.handlers[SUBJECT, GROUP], MediaSettings().events_together
            await run_worker(cast(Bus, memory), SUBJECT, GROUP, handle, at_once=most)
            total = (await index.search(ArticleFilter(), 1)).total
            self.rates["ours"] = round(len(self.kept) / (cpu_seconds() - start), 1)
            await index.clear()
        return total

    async def peer(self) -> int:
        """The documents in bulk into an index with the same mapping."""
        name = f"peer-{next(self.numbers)}"
        settings = {"number_of_replicas": 0, "refresh_interval": "1s", "analysis": elastic_mapping.ANALYSIS}
        start = cpu_seconds()
        await self.client.indices.create(index=name, settings=settings, mappings=elastic_mapping.mapping())
        actions = (
            {"_op_type": "index", "_index": name, "_id": document["name"], "version": 2, "version_type": "external_gte"}
            | {"_source": document}
            for document in self.documents
        )
        async for _ in async_streaming_bulk(self.client, actions, chunk_size=MAX_ITEMS, max_chunk_bytes=MAX_BYTES):
            pass
        await self.client.indices.refresh(index=name)
        total: int = (await self.client.count(index=name))["count"]
        self.rates["peer"] = round(len(self.documents) / (cpu_seconds() - start), 1)
        await self.client.indices.delete(index=name)
        return total


async def _open(url: str, kept: Sequence[Record]) -> Ways:
    memory = Memory(kept)
    documents = []
    for record in kept:
        (article,) = await memory.record_analyses([ArticleAnalyzed.FromString(record.payload)])
        documents.append(orjson.loads(orjson.dumps(elastic_values.document(article, {}))))
    return Ways(url, kept, documents, AsyncElasticsearch(url, request_timeout=60))


def main() -> None:
    """Measure."""
    few = quick(__doc__ or "")
    count, rounds = (1500, 3) if few else (6000, 7)  # more than are remembered: a round finds no words of the last one
    with engine(Elastic) as server, asyncio.Runner() as runner:
        ways = runner.run(_open(server.url, records(count)))
        gc.collect()
        gc.freeze()  # what lies ready for either way costs neither of them
        for way in (ways.ours, ways.peer):
            runner.run(way())
        compare(
            "index_elastic",
            ours=lambda: runner.run(ways.ours()),
            peer=lambda: runner.run(ways.peer()),
            peer_named=Peer("elasticsearch-py async_streaming_bulk", version("elasticsearch")),
            count=count,
            unit="documents/s",
            clock=time.perf_counter,
            goal=GOAL,
            rounds=rounds,
            same=lambda ours, peer: ours == peer == count,
            extra={"per_cpu_s": ways.rates},
        )
        runner.run(ways.client.close())


if __name__ == "__main__":
    main()
