"""The situation of five communes over NATS, PostgreSQL, PostGIS and Elasticsearch, beside its slowest single query.

A million articles and 100,000 parcels, `--quick` 20,000 and 5,000, `--articles N` and `--parcels N` other numbers. Times
are those that a caller waits, each query alone and the whole situation in turn; the goal is at most 1.5 times the slowest
query. Queries are those that the situation makes, with the same limits. Time goes on, so that the range, which ends now,
is another one in each question, as in use, and no engine answers from what it remembers of the question before.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ngoclinh.land.v1.parcel_pb2 import Import, ImportState
from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter
from ngoclinh.situation.v1.situation_service_pb2 import GetSituationRequest, Situation
from ngoclinh.situation.v1.situation_service_pb2_grpc import SituationServiceStub

from bench.harness import engine
from bench.situation import BATCH, COMMUNES, NOW, _stamp, articles, parcels, sought
from services.bootstrap import Running, running
from services.core import config, log
from services.situation import join
from services.situation.servicer import MENTIONING
from tests.engines import Elastic, Nats, Postgres

GOAL = 1.5
DAYS = config.Settings().situation.days
WARM = 20
"""Rounds that count nothing: engines compile what they run often."""
AT_ONCE = 2
"""Batches of articles that are put at the same time."""
STARTED = time.monotonic()

Query = Callable[[], Awaitable[Any]]


def now() -> datetime:
    """The present moment of the program that is measured."""
    return NOW + timedelta(seconds=time.monotonic() - STARTED)


def progress(what: str, done: int, whole: int, start: float) -> None:
    """Tell on standard error how far it is, at every tenth."""
    if done == whole or done * 10 // whole != max(0, done - BATCH) * 10 // whole:
        print(f"{what}: {done:,} of {whole:,}, {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)


async def fill(program: Running, article_count: int, parcel_count: int) -> None:
    """Put everything into the stores, some batches at a time."""
    start, stored = time.perf_counter(), 0
    waiting: set[asyncio.Task[None]] = set()

    async def put(batch: list[Article]) -> None:
        nonlocal stored
        await program.stores.index.put(batch)
        stored += len(batch)
        progress("articles", stored, article_count, start)

    for batch in articles(article_count):
        waiting.add(asyncio.create_task(put(batch)))
        if len(waiting) == AT_ONCE:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    await asyncio.gather(*waiting)
    import_ = Import(
        name="imports/bench", state=ImportState.IMPORT_STATE_RUNNING, create_time=_stamp(NOW), update_time=_stamp(NOW)
    )
    await program.stores.parcels.begin_import(import_)
    made, start = parcels(parcel_count), time.perf_counter()
    for first in range(0, len(made), BATCH):
        await program.stores.parcels.put_parcels(import_.name, made[first : first + BATCH])
        progress("parcels", min(first + BATCH, parcel_count), parcel_count, start)
    import_.state = ImportState.IMPORT_STATE_COMMITTED
    await program.stores.parcels.commit(import_)


def queries(program: Running, answer: Situation) -> Mapping[str, Query]:
    """The queries that a situation is made of, each as its store answers it."""
    stores, five = program.stores, COMMUNES[:5]
    keys = sought(answer)

    def asked(**fields: Any) -> ArticleFilter:
        filter_ = ArticleFilter(areas=five, **fields)
        filter_.time_range.start_time.CopyFrom(_stamp(now() - timedelta(days=DAYS)))
        filter_.time_range.end_time.CopyFrom(_stamp(now()))
        return filter_

    return {
        "articles by commune (Elasticsearch)": lambda: stores.index.summarize(asked(), join.FACETS, 0, True),
        "articles with parcels (Elasticsearch)": lambda: stores.index.search(asked(only_with_parcels=True), MENTIONING),
        "sources (PostgreSQL)": stores.ledger.sources,
        "parcels by commune (PostGIS)": lambda: stores.parcels.summarize(five),
        f"{len(keys)} parcels that articles name (PostGIS)": lambda: stores.parcels.find(keys),
    }


async def measure(program: Running, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of the situation and of each query, in turn."""
    stub = SituationServiceStub(program.channel)
    first = await stub.GetSituation(GetSituationRequest())
    asked: dict[str, Query] = {"situation": lambda: stub.GetSituation(GetSituationRequest()), **queries(program, first)}
    took: dict[str, list[float]] = {name: [] for name in asked}
    for number in range(rounds + WARM):
        for name, query in asked.items():
            start = time.perf_counter()
            answer = await query()
            if number >= WARM:
                took[name].append(1000 * (time.perf_counter() - start))
            if name == "situation":
                assert not any(half.problem.vi.startswith("Phần") for half in answer.freshness), answer.freshness
    return took


def told(took: Mapping[str, Sequence[float]], share: float) -> dict[str, float]:
    """A percentile of each, in milliseconds."""
    return {
        name: round(statistics.quantiles(times, n=100, method="inclusive")[int(share) - 1], 1)
        for name, times in took.items()
    }


def report(took: Mapping[str, Sequence[float]], version: str, extra: Mapping[str, Any]) -> None:
    """One JSON line for the median, one for p99."""
    for share in (50, 99):
        times = told(took, share)
        alone = {name: value for name, value in times.items() if name != "situation"}
        slowest = max(alone, key=lambda name: alone[name])
        ratios = sorted(ours / theirs for ours, theirs in zip(took["situation"], took[slowest], strict=True))
        line = {
            "name": f"situation_cluster_p{share}",
            "ratio": round(times["situation"] / alone[slowest], 2),
            "goal": GOAL,
            "better": "lower",
            "ours": {"value": times["situation"], "unit": "ms"},
            "peer": {"name": f"the query '{slowest}' alone", "version": version, "value": alone[slowest]},
            "rounds": len(ratios),
            "spread": [round(ratios[0], 2), round(ratios[-1], 2)],
            "ms": times,
            **extra,
        }
        print(json.dumps(line, ensure_ascii=False), flush=True)


async def main() -> None:
    """Start the servers, fill them, measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes, for a laptop")
    parser.add_argument("--articles", type=int, help="how many articles")
    parser.add_argument("--parcels", type=int, help="how many parcels")
    given = parser.parse_args()
    article_count = given.articles or (20_000 if given.quick else 1_000_000)
    parcel_count = given.parcels or (5_000 if given.quick else 100_000)
    with contextlib.ExitStack() as stack:
        nats, postgres, elastic = (stack.enter_context(engine(kind)) for kind in (Nats, Postgres, Elastic))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        settings = config.load(
            environ={},
            flags={
                "mode": "cluster",
                "data_dir": Path(folder),
                "crawler.enabled": False,
                "log_level": "error",
                "nats.urls": [nats.url],
                "postgres.url": postgres.database(),
                "elasticsearch.urls": [elastic.url],
                "elasticsearch.replicas": 0,
            },
        )
        log.configure(settings.log_level)
        async with running(settings, doors=False, work=False, crawl=False, clock=now) as program:
            start = time.perf_counter()
            await fill(program, article_count, parcel_count)
            extra = {"articles": article_count, "parcels": parcel_count, "fill_s": round(time.perf_counter() - start)}
            engines = [await store.engine() for store in (program.stores.index, program.stores.parcels)]
            versions = {name: value for engine_ in engines for name, value in engine_.versions.items()}
            version = ", ".join(f"{name} {value}" for name, value in versions.items())
            report(await measure(program, 30 if given.quick else 200), version, extra)


if __name__ == "__main__":
    asyncio.run(main())
