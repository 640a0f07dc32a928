"""What is forgotten over the servers: document by document as the ledger says; a month goes only when it is empty."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.adapters.cluster.index_elastic import ElasticArticleIndex
from services.adapters.cluster.ledger_postgres import PostgresLedger
from services.core.ports import Retained
from services.core.sections.stores import ElasticsearchSettings
from tests.cluster.places import Place
from tests.engines import Elastic, Nats, Postgres
from tests.services.media.test_retention import Office

pytestmark = pytest.mark.cluster

AGES = (1, 100, 200, 400, 800, 801)
"""In days; after 6 months a text is shortened, after 12 files go, after 24 the article."""


@pytest.mark.parametrize("partition", ["single", "monthly"])
async def test_what_is_due_goes_from_ledger_and_index_and_a_month_only_when_it_is_empty(
    partition: str, nats: Nats, postgres: Postgres, elastic: Elastic, tmp_path: Path
) -> None:
    place = Place.on(nats, postgres, elastic)
    settings = ElasticsearchSettings(urls=[elastic.url], alias=place.word, partition=partition)
    async with PostgresLedger(place.database) as ledger, ElasticArticleIndex(settings) as index:
        office = Office(tmp_path, ledger, index)
        names = {age: await office.add(f"a{age}", age) for age in AGES}
        report = await office.janitor().run()
        assert report.refused is None
        assert report.done == {Retained.ARTICLE: 2, Retained.EVIDENCE: 1, Retained.TEXT: 2}
        kept = {age: name for age, name in names.items() if age < 800}
        assert await office.found() == set(kept.values())
        assert {article.name async for article in ledger.replay()} == set(kept.values())
        gone = json.dumps({"query": {"bool": {"filter": [
            {"ids": {"values": [names[800], names[801]]}}, {"exists": {"field": "name"}},
        ]}}})  # fmt: skip
        assert place.ask_for(gone) == 0, "nothing of their documents is left"
        before = set(place.indices())
        dropped = set(await index.tidy("2100-01"))
        assert set(place.indices()) == before - dropped
        assert bool(dropped) == (partition == "monthly"), "the month of what is gone is empty"
        assert await office.found() == set(kept.values()), "what is kept is still there"
        place.throw_away()
