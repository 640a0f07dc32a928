"""What must be in a store after the power was cut, given what its writer had told before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing

from ngoclinh.land.v1.land_service_pb2 import ParcelFilter
from ngoclinh.land.v1.parcel_pb2 import ImportState
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

from services.core.ports import ArticleIndex, Bus, Ledger, ParcelStore
from tests.contracts.articles import article, collected
from tests.contracts.bus_worker import submission
from tests.contracts.parcel_store import of_import
from tests.contracts.parcel_store_worker import PARCELS_IN_AN_IMPORT, a_parcel


async def check_bus(bus: Bus, told: Sequence[str]) -> int:
    """Every event lies once, in order, and its key is still known; how many there are."""
    depth = (await bus.depth())["media.submission", "ledger"]
    keys: list[str] = []
    async with aclosing(bus.consume("media.submission", "ledger")) as deliveries:  # type: ignore[type-var]
        while len(keys) < depth:
            keys.append((await anext(deliveries)).key)
    assert keys == [f"k{number}" for number in range(depth)]
    assert keys[: len(told)] == list(told)
    await bus.publish("media.submission", submission(keys[-1]), keys[-1])
    assert (await bus.depth())["media.submission", "ledger"] == depth
    return depth


async def check_ledger(ledger: Ledger, told: Sequence[str]) -> int:
    """Every article is there once with its analysis and its correction; how many there are."""
    stored = [kept async for kept in ledger.replay()]
    names = [article(f"c{number}").name for number in range(len(stored))]
    assert sorted(kept.name for kept in stored) == sorted(names)
    assert names[: len(told)] == list(told)
    done = {kept.name for kept in stored if kept.analysis.stance.label == "critical"}
    assert set(told) <= done
    assert not (await ledger.record_collected(collected(article("c0")))).changed
    return len(stored)


async def check_index(index: ArticleIndex, told: Sequence[str]) -> int:
    """Every article is found once, by its words too; how many there are."""
    page = await index.search(ArticleFilter(), 100_000)
    names = {article(f"c{number}").name for number in range(page.total)}
    assert Counter(found.name for found in page.articles) == Counter(names)
    assert page.total >= len(told)
    assert (await index.search(ArticleFilter(query="nội dung bài"), 1)).total == page.total
    return page.total


async def check_parcels(store: ParcelStore, told: Sequence[str]) -> int:
    """Whole imports only, each with its findings, and all that were told; how many there are."""
    imports, _ = await store.imports(100_000)
    done = [one.name for one in imports if one.state == ImportState.IMPORT_STATE_COMMITTED]
    assert sorted(done) == sorted(f"imports/i{number + 1}" for number in range(len(done)))
    assert len(done) >= len(told)
    if done:
        assert len((await store.parcels(ParcelFilter(), 1000, None)).parcels) == PARCELS_IN_AN_IMPORT
        assert len(await store.history(a_parcel(0).name)) == len(done)
    for name in done[:20]:
        found = await store.findings(of_import(name), 1000, None)
        assert len(found.findings) == PARCELS_IN_AN_IMPORT
    return len(done)
