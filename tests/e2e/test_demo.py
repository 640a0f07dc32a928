"""`ngoclinh demo`: within three minutes of its ready line a situation for each of the five communes, all of it real work."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.e2e.program import eventually, running

COMMUNES = ["20944", "20941", "20950", "20938", "20959"]


@pytest.mark.slow
def test_the_demo_shows_both_halves_for_each_of_the_five_communes(tmp_path: Path) -> None:
    with running("--data-dir", tmp_path, "demo", "--port", "0", "--grpc-port", "0") as program:
        start = time.monotonic()

        def filled() -> bool:
            areas = program.get("/v1/situation")["areas"]
            halves = [(int(area["media"]["article_count"]), int(area["land"]["parcel_count"])) for area in areas]
            return all(articles and parcels for articles, parcels in halves)

        eventually(filled, timeout_s=180, pause_s=2)
        assert time.monotonic() - start < 180
        situation = program.get("/v1/situation")
        assert [area["area"]["code"] for area in situation["areas"]] == COMMUNES
        assert [half["stale"] for half in situation["freshness"]] == [False, False]
        assert any(parcel["parcel"] for area in situation["areas"] for parcel in area["mentioned_parcels"])
        analysed = program.get("/v1/articles?page_size=200")["articles"]
        assert any(article["analysis"]["sentiment"]["sentences"] for article in analysed if article.get("analysis"))
        found = program.get("/v1/findings?filter.severities=SEVERITY_ERROR&page_size=1000")["findings"]
        assert {"T01", "T02", "A01"} & {finding["rule_code"] for finding in found}
        assert program.ask("/").status == 200
