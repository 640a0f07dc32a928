"""The situation of five communes over 100,000 articles, over gRPC, against its slowest single store query.

Articles and parcels are generated; the stores are those of the product, in a folder of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from ngoclinh.land.v1.land_service_pb2 import ParcelKey
from ngoclinh.land.v1.parcel_pb2 import Import, ImportState, Parcel
from ngoclinh.media.v1.article_pb2 import ARTICLE_KIND_NEWS, Article
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter
from ngoclinh.situation.v1.situation_service_pb2 import GetSituationRequest, Situation
from ngoclinh.situation.v1.situation_service_pb2_grpc import SituationServiceStub

from bench.harness import Peer, compare, quick, timed
from services.bootstrap import Running, running
from services.core import config, log, names
from services.situation import join
from services.situation.servicer import MENTIONING

NOW = datetime(2026, 11, 20, tzinfo=UTC)
COMMUNES = [f"areas/2025-{code}" for code in ("20944", "20941", "20950", "20938", "20959", "20968", "20971", "20983")]
SENTIMENTS, STANCES = ("negative", "neutral", "positive"), ("critical", "none", "supportive")
TOPICS = ("dat_dai", "y_te", "giao_duc", "thien_tai", "giao_thong", "kinh_te")
GOAL = 0.6
BATCH = 2000


def articles(count: int) -> Iterator[list[Article]]:
    """Articles of the last 30 days, analysed, in batches."""
    rng = random.Random(1)
    for start in range(0, count, BATCH):
        yield [_article(rng, number) for number in range(start, min(start + BATCH, count))]


def _article(rng: random.Random, number: int) -> Article:
    name = names.article_name(f"https://tin.example/{number}")
    made = Article(
        name=name, source=f"sources/s{rng.randrange(40)}", kind=ARTICLE_KIND_NEWS, title=f"Tin số {number}",
        text="Nội dung ngắn.", language_code="vi", story=name, revision=1, change_number=1,
        current_areas=rng.sample(COMMUNES, rng.randint(0, 2)),
    )  # fmt: skip
    made.publish_time.CopyFrom(_stamp(NOW - timedelta(seconds=rng.randrange(30 * 86400))))
    analysis = made.analysis
    analysis.sentiment.label, analysis.event_valence.label = rng.choice(SENTIMENTS), rng.choice(SENTIMENTS)
    analysis.stance.label, analysis.complaint.label = rng.choice(STANCES), rng.choice(("no", "yes"))
    analysis.topics.extend(rng.sample(TOPICS, 2))
    if rng.random() < 0.002:
        made.parcel_references.add(commune="areas/2004-20944", sheet="1", parcel=str(rng.randrange(1, 900)))
    return made


def parcels(count: int) -> list[Parcel]:
    """Parcels of the five communes."""
    rng = random.Random(2)
    made = []
    for number in range(count):
        code = COMMUNES[number % 5].rpartition("-")[2]
        made.append(
            Parcel(
                name=names.parcel_name(2004, code, "1", str(number)), commune=f"areas/2004-{code}", sheet="1",
                number=str(number), current_area=COMMUNES[number % 5], computed_area_m2=rng.uniform(50, 900),
                coordinate_system="EPSG:5899", record=number,
            )
        )  # fmt: skip
    return made


def _stamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


async def fill(program: Running, article_count: int, parcel_count: int) -> None:
    """Put everything into the stores."""
    for batch in articles(article_count):
        await program.stores.index.put(batch)
    import_ = Import(
        name="imports/bench", state=ImportState.IMPORT_STATE_RUNNING, create_time=_stamp(NOW), update_time=_stamp(NOW)
    )
    await program.stores.parcels.begin_import(import_)
    made = parcels(parcel_count)
    for start in range(0, len(made), BATCH):
        await program.stores.parcels.put_parcels(import_.name, made[start : start + BATCH])
    import_.state = ImportState.IMPORT_STATE_COMMITTED
    await program.stores.parcels.commit(import_)


def main() -> None:
    """Measure."""
    few = quick(__doc__ or "")
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        settings = config.load(
            environ={}, flags={"data_dir": Path(folder), "crawler.enabled": False, "log_level": "error"}
        )
        log.configure(settings.log_level)
        stack = contextlib.AsyncExitStack()

        async def start() -> Running:
            return await stack.enter_async_context(
                running(settings, doors=False, work=False, crawl=False, clock=lambda: NOW)
            )

        program = runner.run(start())
        runner.run(fill(program, *((10_000, 2_000) if few else (100_000, 20_000))))
        measure(runner, program, few)
        runner.run(stack.aclose())


def measure(runner: asyncio.Runner, program: Running, few: bool) -> None:
    """Compare the situation with the slowest of the queries that it is made of."""
    stores, five = program.stores, COMMUNES[:5]
    filter_ = ArticleFilter(areas=five)
    filter_.time_range.start_time.CopyFrom(_stamp(NOW - timedelta(days=30)))
    filter_.time_range.end_time.CopyFrom(_stamp(NOW))
    named = ArticleFilter(only_with_parcels=True)
    named.MergeFrom(filter_)
    stub = SituationServiceStub(program.channel)
    keys: list[ParcelKey] = []

    queries: dict[str, Callable[[], Awaitable[Any]]] = {
        "articles by commune": lambda: stores.index.summarize(filter_, join.FACETS, 0, True),
        "articles with parcels": lambda: stores.index.search(named, MENTIONING),
        "parcels by commune": lambda: stores.parcels.summarize(five),
        "parcels that articles name": lambda: stores.parcels.find(keys),
    }

    async def situation() -> Situation:
        answer: Situation = await stub.GetSituation(GetSituationRequest())
        return answer

    def run(query: Callable[[], Awaitable[Any]]) -> Any:
        return runner.run(_await(query))

    keys += sought(run(situation))
    costs = {name: min(timed(lambda query=query: run(query))[0] for _ in range(3)) for name, query in queries.items()}  # type: ignore[misc]
    slowest = max(costs, key=lambda name: costs[name])
    counted = run(queries["articles by commune"])
    compare(
        "situation",
        ours=lambda: run(situation),
        peer=lambda: run(queries[slowest]),
        peer_named=Peer(f"the query '{slowest}' alone, SQLite", sqlite3.sqlite_version),
        count=1,
        unit="answers/cpu_s",
        goal=GOAL,
        rounds=5 if few else 9,
        same=lambda ours, _: (
            [row.media.article_count for row in ours.areas] == [row.total_count for row in counted.areas]
        ),
        extra={
            "articles_in_range": counted.total_count,
            "cpu_ms": {name: round(cost * 1000, 1) for name, cost in costs.items()},
        },
    )


def sought(situation: Situation) -> list[ParcelKey]:
    """What a situation asked the store for: each mentioned parcel once."""
    named = ((each.commune, each.sheet, each.number) for area in situation.areas for each in area.mentioned_parcels)
    return [key for key in map(join.lookup, dict.fromkeys(named)) if key]


async def _await(query: Callable[[], Awaitable[Any]]) -> Any:
    return await query()


if __name__ == "__main__":
    main()
