"""The demo's invented stories and the sites that carry them."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crawlers import catalogue
from gis.synthetic import nam_tra_my_sheet
from services.core.areas import mentions
from services.core.clock import vietnam_date
from services.core.masking import mask
from services.core.references import parcel_references
from services.demo import pages
from services.demo.site import DemoWeb
from services.demo.stories import Story, stories
from services.media.analyze import current_areas

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
COMMUNES = {f"areas/2025-{code}" for code in ("20944", "20941", "20950", "20938", "20959")}
PROVINCE = ["areas/2025-48"]


@pytest.fixture(scope="module")
def web() -> Iterator[DemoWeb]:
    with DemoWeb(NOW) as web:
        yield web


def told() -> list[Story]:
    return stories(NOW)


def words(story: Story) -> str:
    return f"{story.title}\n{story.lead}\n{story.body}"


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return str(answer.read().decode())


def test_all_are_from_the_last_three_weeks() -> None:
    assert all(NOW - timedelta(weeks=3) < story.published < NOW for story in told())
    assert len({story.slug for story in told()}) == len(told()) >= 40


def test_every_commune_is_written_about() -> None:
    counts: Counter[str] = Counter()
    for story in told():
        found = mentions(words(story), vietnam_date(story.published), PROVINCE)
        counts.update(current_areas(found))
    assert all(counts[commune] >= 6 for commune in COMMUNES), counts


def test_the_parcels_that_are_named_stand_in_the_generated_sheet() -> None:
    parcels = nam_tra_my_sheet().parcels
    drawn = {(parcels.commune[i].rpartition("-")[2], parcels.sheet[i], parcels.number[i]) for i in range(len(parcels))}
    named = set()
    for story in told():
        day = vietnam_date(story.published)
        for one in parcel_references(words(story), mentions(words(story), day, PROVINCE), day):
            named.add((one.commune.rpartition("-")[2], one.sheet, one.parcel))
    assert named <= drawn
    assert {commune for commune, _, _ in named} == {name.rpartition("-")[2] for name in COMMUNES}


def test_nothing_in_them_is_a_number_of_a_person() -> None:
    for story in told():
        assert mask(words(story))[1] is False, story.slug
        assert not any(mask(reply)[1] for reply in story.replies)


def test_every_page_says_that_it_is_invented(web: DemoWeb) -> None:
    for site in web.sites:
        assert pages.NOTE in get(site.base + "/")
    for story in web.stories[:5]:
        base = next(site.base for site in web.sites if site.key == story.site)
        page = get(base + pages.address(story))
        assert pages.NOTE in page
        assert story.title in page


def test_copies_carry_the_text_of_their_original() -> None:
    bodies = Counter(story.body for story in told())
    assert sum(count > 1 for count in bodies.values()) >= 3


def test_the_sites_forbid_their_inner_pages_and_have_no_others(web: DemoWeb) -> None:
    base = web.sites[0].base
    assert "Disallow: /noi-bo/" in get(base + "/robots.txt")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(base + "/khong-co.html")


def test_the_source_files_are_sound_and_lead_to_the_sites(web: DemoWeb, tmp_path: Path) -> None:
    web.write_sources(tmp_path)
    declared = catalogue.load(tmp_path, bundled=False)
    assert sorted(spec.id for spec in declared) == ["demo-bao", "demo-cong", "demo-dien-dan", "demo-tin"]
    for spec in declared:
        assert spec.areas == PROVINCE
        assert get(spec.url(spec.discover[0]))
