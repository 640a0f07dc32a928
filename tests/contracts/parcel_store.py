"""Clauses of the port `ParcelStore`. An adapter's test is a subclass with `factory` and `location`."""

from __future__ import annotations

import asyncio
import pkgutil
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import pytest
from ngoclinh.land.v1.area_outline_pb2 import AreaOutline
from ngoclinh.land.v1.land_service_pb2 import FindingFilter, ParcelFilter, ParcelKey
from ngoclinh.land.v1.parcel_pb2 import Finding, ImportState, Parcel, Severity
from ngoclinh.type.v1.type_pb2 import BoundingBox

from services.core.errors import Conflict, NotFound
from services.core.ports import ParcelStore
from tests.contracts.crash import run_and_kill
from tests.contracts.parcel_store_worker import (
    AREA,
    OTHER_AREA,
    PARCELS_IN_AN_IMPORT,
    a_finding,
    a_parcel,
    an_import,
    owners_of,
    put,
)

ERROR, WARNING, INFO = Severity.SEVERITY_ERROR, Severity.SEVERITY_WARNING, Severity.SEVERITY_INFO


def of_import(name: str) -> FindingFilter:
    return FindingFilter(**{"import": name})


def a_key(communes: list[str], sheet: str, number: str) -> ParcelKey:
    return ParcelKey(communes=communes, sheet=sheet, number=number)


async def names(store: ParcelStore, filter_: ParcelFilter | None = None) -> list[str]:
    """Names of the current parcels that match, all pages of 3."""
    found: list[str] = []
    after = None
    while True:
        page = await store.parcels(filter_ or ParcelFilter(), 3, after)
        found += [parcel.name for parcel in page.parcels]
        after = page.next_key
        if after is None:
            assert page.total == len(found)
            return found


async def finding_names(store: ParcelStore, filter_: FindingFilter | None = None) -> list[str]:
    """Ids of the findings that match, all pages of 3."""
    found: list[str] = []
    after = None
    while True:
        page = await store.findings(filter_ or FindingFilter(), 3, after)
        found += [finding.name.removeprefix("findings/") for finding in page.findings]
        after = page.next_key
        if after is None:
            assert page.total == len(found)
            return found


def around(parcels: list[Parcel]) -> BoundingBox:
    """The smallest box that holds some parcels."""
    boxes = [parcel.bounds for parcel in parcels]
    return BoundingBox(
        west_deg=min(box.west_deg for box in boxes),
        south_deg=min(box.south_deg for box in boxes),
        east_deg=max(box.east_deg for box in boxes),
        north_deg=max(box.north_deg for box in boxes),
    )


class ParcelStoreContract:
    """Every clause; `self.open()` gives further users of the same store."""

    factory: ClassVar[str]
    """Import path of a callable (location) -> ParcelStore. Example: "package.module:Class"."""

    def location(self, tmp_path: Path) -> str:
        """Where the store of one test lies."""
        raise NotImplementedError

    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        return self.location(tmp_path)

    def open(self, place: str) -> ParcelStore:
        store: ParcelStore = pkgutil.resolve_name(self.factory)(place)
        return store

    @pytest.fixture
    async def store(self, place: str) -> AsyncIterator[ParcelStore]:
        store = self.open(place)
        yield store
        await store.close()

    # -------------------------------------------------------- imports

    async def test_nothing_is_visible_before_the_commit(self, store: ParcelStore) -> None:
        parcel = a_parcel(1)
        running = an_import(1)
        await store.begin_import(running)
        await store.put_parcels(running.name, [parcel])
        await store.put_findings(running.name, [a_finding("f", parcel)])
        assert await store.import_(running.name) == running
        assert await store.get(parcel.name) is None
        assert await store.history(parcel.name) == []
        assert await names(store) == []
        assert await finding_names(store) == []
        assert await finding_names(store, of_import(running.name)) == []
        assert await store.find([a_key(["areas/2004-20944"], "3", "1")]) == [[]]
        assert (await store.summarize([AREA]))[0].parcel_count == 0

    async def test_after_the_commit_everything_is_there_as_it_was_put(self, store: ParcelStore) -> None:
        parcels = [a_parcel(1), a_parcel(2, declared_area_m2=99.5)]
        finding = a_finding("f", parcels[0])
        done = await put(store, 1, parcels, [finding])
        assert await store.import_(done.name) == done
        for parcel in parcels:
            kept = await store.get(parcel.name)
            assert kept is not None
            assert kept.create_time == done.update_time
            kept.ClearField("create_time")
            assert kept == parcel
        assert (await store.findings(FindingFilter(), 10)).findings == [finding]
        assert (await store.findings(of_import(done.name), 10)).findings == [finding]

    async def test_geometry_comes_back_bit_for_bit(self, store: ParcelStore) -> None:
        rng = random.Random(1)
        parcels = [a_parcel(n, source_wkb=rng.randbytes(n * 1000), wgs84_wkb=rng.randbytes(n)) for n in range(5)]
        await put(store, 1, parcels, [])
        for parcel in parcels:
            kept = await store.get(parcel.name)
            assert kept is not None
            assert (kept.source_wkb, kept.wgs84_wkb) == (parcel.source_wkb, parcel.wgs84_wkb)

    async def test_a_later_import_supersedes_by_name_and_history_stays(self, store: ParcelStore) -> None:
        await put(store, 1, [a_parcel(1), a_parcel(2)], [a_finding("old", a_parcel(1)), a_finding("kept", a_parcel(2))])
        await put(store, 2, [a_parcel(1, number="1a", current_area=OTHER_AREA)], [a_finding("new", a_parcel(1))])
        current = await store.get(a_parcel(1).name)
        assert current is not None
        assert (current.number, getattr(current, "import")) == ("1a", "imports/i2")
        history = await store.history(a_parcel(1).name)
        assert [version.number for version in history] == ["1", "1a"]
        assert [version.source_wkb for version in history] == [a_parcel(1).source_wkb] * 2
        assert await names(store) == [a_parcel(1).name, a_parcel(2).name]
        assert await finding_names(store) == ["kept", "new"]
        assert await finding_names(store, of_import("imports/i1")) == ["kept", "old"], "superseded ones by import"
        assert await names(store, ParcelFilter(**{"import": "imports/i1"})) == [a_parcel(2).name]

    async def test_the_same_import_again_changes_no_answer_but_the_time(self, store: ParcelStore) -> None:
        for number in (1, 2):
            await put(store, number, [a_parcel(1)], [a_finding("f", a_parcel(1))])
        assert await names(store) == [a_parcel(1).name]
        assert await finding_names(store) == ["f"]
        assert (await store.summarize([AREA]))[0].error_count == 1
        assert len(await store.history(a_parcel(1).name)) == 2

    @pytest.mark.parametrize("state", [ImportState.IMPORT_STATE_FAILED, ImportState.IMPORT_STATE_REJECTED])
    async def test_a_failed_import_leaves_findings_only(self, store: ParcelStore, state: int) -> None:
        await put(store, 1, [a_parcel(1)], [])
        await store.begin_import(an_import(2))
        await store.put_parcels("imports/i2", [a_parcel(1, number="x"), a_parcel(7)])
        await store.put_findings("imports/i2", [a_finding("f", a_parcel(1, "imports/i2"))])
        await store.fail(an_import(2, state))
        assert await names(store) == [a_parcel(1).name]
        assert await finding_names(store) == []
        assert await finding_names(store, of_import("imports/i2")) == ["f"]
        kept = await store.import_("imports/i2")
        assert kept is not None
        assert kept.state == state

    async def test_a_running_import_that_begins_again_starts_anew(self, store: ParcelStore) -> None:
        await store.begin_import(an_import(1))
        await store.put_parcels("imports/i1", [a_parcel(1), a_parcel(2)])
        await store.put_findings("imports/i1", [a_finding("f", a_parcel(1))])
        await put(store, 1, [a_parcel(2)], [])
        assert await names(store) == [a_parcel(2).name]
        assert await finding_names(store, of_import("imports/i1")) == []

    async def test_an_ended_or_unknown_import_takes_nothing_more(self, store: ParcelStore) -> None:
        await put(store, 1, [a_parcel(1)], [])
        for call in (
            store.begin_import(an_import(1)),
            store.put_parcels("imports/i1", [a_parcel(2)]),
            store.put_findings("imports/i1", [a_finding("f", a_parcel(1))]),
            store.commit(an_import(1, ImportState.IMPORT_STATE_COMMITTED)),
            store.fail(an_import(1, ImportState.IMPORT_STATE_FAILED)),
        ):
            with pytest.raises(Conflict):
                await call
        with pytest.raises(NotFound):
            await store.put_parcels("imports/none", [a_parcel(2)])
        assert await names(store) == [a_parcel(1).name]

    async def test_two_parcels_of_one_name_in_an_import_are_refused(self, store: ParcelStore) -> None:
        await store.begin_import(an_import(1))
        with pytest.raises(Conflict):
            await store.put_parcels("imports/i1", [a_parcel(1), a_parcel(1)])

    async def test_imports_come_newest_first_in_pages(self, store: ParcelStore) -> None:
        for number in range(1, 6):
            await put(store, number, [a_parcel(number)], [])
        found: list[str] = []
        after = None
        while True:
            page, after = await store.imports(2, after)
            found += [import_.name for import_ in page]
            if after is None:
                break
        assert found == [f"imports/i{number}" for number in (5, 4, 3, 2, 1)]
        assert await store.import_("imports/none") is None

    # -------------------------------------------------------- parcels

    async def test_filters_of_parcels(self, store: ParcelStore) -> None:
        parcels = [
            a_parcel(1),
            a_parcel(2, current_area=OTHER_AREA),
            a_parcel(3, sheet="05"),
            a_parcel(4, commune="areas/2004-20956"),
        ]
        await put(store, 1, parcels, [])
        own = {parcel.number: parcel.name for parcel in parcels}
        for filter_, numbers in (
            (ParcelFilter(areas=[AREA]), "134"),
            (ParcelFilter(areas=[AREA, OTHER_AREA]), "1234"),
            (ParcelFilter(areas=["areas/2025-00004"]), ""),
            (ParcelFilter(commune="areas/2004-20956"), "4"),
            (ParcelFilter(sheet="5"), "3"),
            (ParcelFilter(number="2"), "2"),
            (ParcelFilter(areas=[AREA], number="2"), ""),
        ):
            assert await names(store, filter_) == [own[number] for number in numbers]

    async def test_a_box_includes_what_touches_it_and_nothing_beyond(self, store: ParcelStore) -> None:
        parcels = [a_parcel(number) for number in range(10)]
        await put(store, 1, parcels, [])
        edge = parcels[3].bounds.east_deg
        south, north = parcels[3].bounds.south_deg, parcels[3].bounds.north_deg

        async def within(west: float, east: float) -> list[str]:
            box = BoundingBox(west_deg=west, east_deg=east, south_deg=south - 1, north_deg=north + 1)
            return await names(store, ParcelFilter(bounds=box))

        assert await within(edge, edge) == [parcels[3].name, parcels[4].name]
        assert await within(edge - 1e-9, edge - 1e-10) == [parcels[3].name]
        assert await within(edge + 1e-10, edge + 1e-9) == [parcels[4].name]
        assert await within(0, 180) == [parcel.name for parcel in parcels]
        assert await within(109, 110) == []

    async def test_neighbours_are_those_whose_bounds_touch(self, store: ParcelStore) -> None:
        parcels = [a_parcel(number) for number in range(6)]
        apart = a_parcel(99)
        bare = a_parcel(50)
        bare.ClearField("bounds")
        await put(store, 1, [*parcels, apart, bare], [])
        found = await store.neighbours(parcels[2].name)
        assert [parcel.name for parcel in found] == [parcels[1].name, parcels[3].name]
        assert found[0].source_wkb == parcels[1].source_wkb
        assert await store.neighbours(apart.name) == []
        assert await store.neighbours(bare.name) == []
        with pytest.raises(NotFound):
            await store.neighbours("parcels/none")

    async def test_bounds_of_a_superseded_version_are_forgotten(self, store: ParcelStore) -> None:
        await put(store, 1, [a_parcel(1)], [])
        moved = a_parcel(1)
        moved.bounds.CopyFrom(a_parcel(500).bounds)
        await put(store, 2, [moved], [])
        assert await names(store, ParcelFilter(bounds=a_parcel(1).bounds)) == []
        assert await names(store, ParcelFilter(bounds=moved.bounds)) == [moved.name]

    async def test_parcels_are_found_by_what_a_text_says(self, store: ParcelStore) -> None:
        await put(store, 1, [a_parcel(7, sheet="03", number="025-1 "), a_parcel(8)], [])
        today, before = "areas/2025-20944", "areas/2004-20944"
        found = await store.find(
            [
                a_key([today, before, before], "003", "8"),
                a_key([today], "3", "8"),
                a_key([before], "3", "25-1"),
                a_key([], "3", "8"),
                a_key([before], "3", "8"),
            ]
        )
        seven, eight = [a_parcel(7).name], [a_parcel(8).name]
        assert [[parcel.name for parcel in each] for each in found] == [eight, [], seven, [], eight]
        assert await store.find([]) == []

    async def test_a_key_that_means_several_parcels_gives_them_by_name(self, store: ParcelStore) -> None:
        one, other = a_parcel(8, number="9"), a_parcel(7, number="09", commune="areas/2004-20941")
        await put(store, 1, [one, other], [])
        [found] = await store.find([a_key([one.commune, other.commune], "3", "9")])
        assert [parcel.name for parcel in found] == sorted([one.name, other.name])
        assert not any(parcel.wgs84_wkb or parcel.source_wkb for parcel in found)

    async def test_a_former_name_leads_to_the_parcel(self, store: ParcelStore) -> None:
        old = "parcels/2004-20944-1-77"
        await put(store, 1, [a_parcel(7, aliases=[old]), a_parcel(8)], [])
        kept = await store.get(old)
        assert kept is not None
        assert (kept.name, list(kept.aliases)) == (a_parcel(7).name, [old])
        await put(store, 2, [a_parcel(7)], [])
        assert await store.get(old) is None, "the present version no longer has the alias"

    async def test_no_character_is_refused_or_ends_a_text(self, store: ParcelStore) -> None:
        odd = a_parcel(1, name="parcels/\0\ud7ff\U0001f33e'%s\\", sheet="3\0", aliases=["parcels/a\0b"])
        finding = a_finding("f\0g", odd)
        finding.message.vi = "Thửa \0 chồng lấn"
        await put(store, 1, [odd], [finding])
        for name in (odd.name, odd.aliases[0]):
            kept = await store.get(name)
            assert kept is not None
            assert (kept.name, kept.sheet) == (odd.name, odd.sheet)
        assert await store.get("parcels/a") is None
        assert (await store.findings(FindingFilter(parcel=odd.name), 10)).findings == [finding]
        assert await names(store, ParcelFilter(sheet="\0")) == []

    async def test_pages_stay_stable_while_others_write(self, store: ParcelStore) -> None:
        await put(store, 1, [a_parcel(number) for number in range(100, 160, 2)], [])
        seen: list[str] = []
        after = None
        for step in range(2, 100):
            page = await store.parcels(ParcelFilter(), 4, after)
            seen += [parcel.name for parcel in page.parcels]
            after = page.next_key
            if after is None:
                break
            await put(store, step, [a_parcel(100 + 2 * step - 3), a_parcel(100 + 2 * step)], [])
        there_all_along = {a_parcel(number).name for number in range(100, 160, 2)}
        assert there_all_along <= set(seen)
        assert len(seen) == len(set(seen))
        assert seen == sorted(seen)

    # -------------------------------------------------------- maps

    async def test_parcels_within_a_box_come_with_their_shape_and_no_more_than_asked(self, store: ParcelStore) -> None:
        parcels = [a_parcel(number) for number in range(6)]
        await put(store, 1, parcels, [])
        await put(store, 2, [a_parcel(3, number="3a")], [])
        running = an_import(3)
        await store.begin_import(running)
        await store.put_parcels(running.name, [a_parcel(9)])
        found = await store.within(ParcelFilter(bounds=parcels[3].bounds), 10)
        assert [(one.number, one.wgs84_wkb, one.source_wkb) for one in found] == [
            ("2", parcels[2].wgs84_wkb, b""), ("4", parcels[4].wgs84_wkb, b""), ("3a", parcels[3].wgs84_wkb, b""),
        ]  # fmt: skip
        assert [one.number for one in await store.within(ParcelFilter(bounds=parcels[3].bounds), 2)] == ["2", "4"]
        only = ParcelFilter(bounds=parcels[3].bounds, **{"import": "imports/i2"})
        assert [one.number for one in await store.within(only, 10)] == ["3a"]
        assert await store.within(ParcelFilter(bounds=BoundingBox(west_deg=1, east_deg=2)), 10) == []

    async def test_squares_count_each_parcel_of_a_box_once(self, store: ParcelStore) -> None:
        parcels = [a_parcel(number) for number in range(8)]  # each 0.001° wide
        parcels[0].error_count, parcels[1].error_count, parcels[1].warning_count = 3, 1, 2
        await put(store, 1, parcels, [])
        await put(store, 2, [a_parcel(7, warning_count=1)], [])
        box = BoundingBox(west_deg=108.0, east_deg=108.008, south_deg=15.0, north_deg=15.008)
        found = await store.squares(ParcelFilter(bounds=box), 4)
        assert [(one.column, one.row, one.parcel_count, one.error_count, one.warning_count) for one in found] == [
            (0, 0, 2, 2, 1), (1, 0, 2, 0, 0), (2, 0, 2, 0, 0), (3, 0, 2, 0, 1),
        ]  # fmt: skip
        only = await store.squares(ParcelFilter(bounds=box, **{"import": "imports/i2"}), 1)
        assert [(one.parcel_count, one.warning_count) for one in only] == [(1, 1)]
        half = BoundingBox(west_deg=108.0035, east_deg=108.2, south_deg=14.0, north_deg=15.1)
        assert sum(one.parcel_count for one in await store.squares(ParcelFilter(bounds=half), 3)) == 5

    # -------------------------------------------------------- findings

    async def test_findings_come_most_serious_first_then_by_code_then_by_name(self, store: ParcelStore) -> None:
        parcel = a_parcel(1)
        findings = [
            a_finding("a", parcel, "T01", INFO),
            a_finding("b", parcel, "T02", ERROR),
            a_finding("c", parcel, "G02", ERROR),
            a_finding("e", parcel, "A01", WARNING),
            a_finding("d", parcel, "A01", WARNING),
        ]
        await put(store, 1, [parcel], findings)
        assert await finding_names(store) == ["c", "b", "d", "e", "a"]

    async def test_filters_of_findings(self, store: ParcelStore) -> None:
        one, two = a_parcel(1), a_parcel(2, current_area=OTHER_AREA)
        overlap = a_finding("t", one)
        overlap.related_parcels.append(two.name)
        sheet = Finding(name="findings/s", rule="rules/k02", rule_code="K02", severity=INFO, record=-1)
        await put(store, 1, [one, two], [overlap, a_finding("k", two, "K05", WARNING), sheet])
        for filter_, expected in (
            (FindingFilter(), ["t", "k"]),
            (of_import("imports/i1"), ["t", "k", "s"]),
            (FindingFilter(areas=[AREA]), ["t"]),
            (FindingFilter(areas=[OTHER_AREA]), ["k"]),
            (FindingFilter(parcel=two.name), ["t", "k"]),
            (FindingFilter(parcel=one.name), ["t"]),
            (FindingFilter(rule_codes=["K05", "G01"]), ["k"]),
            (FindingFilter(severities=[ERROR]), ["t"]),
            (FindingFilter(severities=[Severity.SEVERITY_UNSPECIFIED]), ["t", "k"]),
            (FindingFilter(bounds=one.bounds), ["t"]),
        ):
            assert await finding_names(store, filter_) == expected, filter_

    async def test_the_same_finding_twice_is_kept_once(self, store: ParcelStore) -> None:
        parcel = a_parcel(1)
        await put(store, 1, [parcel], [a_finding("f", parcel), a_finding("f", parcel)])
        assert await finding_names(store) == ["f"]

    async def test_summaries_agree_with_the_lists(self, store: ParcelStore) -> None:
        parcels = [a_parcel(number, current_area=AREA if number % 3 else OTHER_AREA) for number in range(12)]
        findings = [
            a_finding(f"f{number}", parcels[number], "T01" if number % 2 else "A01", ERROR if number % 2 else WARNING)
            for number in range(10)
        ]
        await put(store, 1, parcels, findings)
        await put(store, 2, [a_parcel(1, current_area=OTHER_AREA, computed_area_m2=50.0)], [])
        asked = [OTHER_AREA, "areas/2025-00004", AREA]
        summaries = await store.summarize(asked)
        assert [summary.area for summary in summaries] == asked
        for summary in summaries:
            page = await store.parcels(ParcelFilter(areas=[summary.area]), 1000)
            found = (await store.findings(FindingFilter(areas=[summary.area]), 1000)).findings
            assert summary.parcel_count == len(page.parcels)
            assert summary.area_m2 == pytest.approx(sum(parcel.computed_area_m2 for parcel in page.parcels))
            assert summary.error_count == sum(finding.severity == ERROR for finding in found)
            assert summary.warning_count == sum(finding.severity == WARNING for finding in found)
            assert summary.rules == {
                code: count for code in ("A01", "T01") if (count := sum(finding.rule_code == code for finding in found))
            }
        assert summaries[0].newest_import_time is not None
        assert int(summaries[0].newest_import_time.timestamp()) == an_import(2).update_time.seconds
        assert summaries[1].newest_import_time is None
        assert summaries[2].newest_import_time is not None
        assert int(summaries[2].newest_import_time.timestamp()) == an_import(1).update_time.seconds
        assert await store.summarize([]) == []

    async def test_summaries_say_where_the_parcels_lie_and_where_to_look_first(self, store: ParcelStore) -> None:
        middle = [a_parcel(number) for number in range(3)]
        far = [a_parcel(number, error_count=1) for number in (200, 201)]  # 20 km to the east
        nowhere, alone = a_parcel(9), a_parcel(400, current_area=OTHER_AREA)
        nowhere.ClearField("bounds")
        await put(store, 1, [*middle, *far, nowhere, alone], [])
        here, there, empty = await store.summarize([AREA, OTHER_AREA, "areas/2025-00004"])
        assert here.bounds == around(middle + far)
        assert here.focus == around(far), "few parcels, but with errors"
        assert there.bounds == there.focus == alone.bounds
        assert empty.bounds is None
        assert empty.focus is None
        await put(store, 2, [a_parcel(200), a_parcel(201, current_area=OTHER_AREA)], [])
        here, there = await store.summarize([AREA, OTHER_AREA])
        assert here.bounds == around([*middle, far[0]])
        assert here.focus == around(middle), "without errors most parcels count"
        assert there.bounds == around([far[1], alone])
        await put(store, 3, [nowhere, *(a_parcel(number, current_area=OTHER_AREA) for number in (0, 1, 2, 200))], [])
        [here] = await store.summarize([AREA])
        assert (here.parcel_count, here.bounds, here.focus) == (1, None, None)

    async def test_what_an_older_release_summed_up_is_measured_when_the_store_is_opened(self, place: str) -> None:
        store = self.open(place)
        await put(store, 1, [a_parcel(1), a_parcel(200, error_count=1), a_parcel(3, current_area=OTHER_AREA)], [])
        before = await store.summarize([AREA, OTHER_AREA])
        assert before[0].focus == a_parcel(200).bounds
        await store.close()
        self.unmeasure(place)
        store = self.open(place)
        assert await store.summarize([AREA, OTHER_AREA]) == before
        await store.close()

    # -------------------------------------------------------- layers

    async def test_a_layer_is_replaced_as_a_whole_and_alone(self, store: ParcelStore, place: str) -> None:
        old = [AreaOutline(area=area, wgs84_wkb=bytes([number])) for number, area in enumerate((AREA, OTHER_AREA))]
        new = AreaOutline(area=AREA, wgs84_wkb=random.Random(1).randbytes(100_000))
        asked = [OTHER_AREA, "areas/2025-00004", AREA]
        assert await store.layer("communes", asked) == []
        await store.put_layer("communes", old)
        await store.put_layer("hamlets", old)
        assert await store.layer("communes", asked) == old[::-1]
        await store.put_layer("communes", [new])
        other = self.open(place)
        try:
            assert await other.layer("communes", asked) == [new]
            assert await other.layer("hamlets", asked) == old[::-1]
        finally:
            await other.close()
        await store.put_layer("communes", [])
        assert await store.layer("communes", asked) == []
        assert await store.layer("hamlets", []) == []

    async def test_readers_see_all_of_a_layer_or_nothing(self, store: ParcelStore) -> None:
        areas = [f"areas/2025-{number:05}" for number in range(200)]

        async def write() -> None:
            for number in range(1, 9):
                shape = bytes([number]) * 1000
                await store.put_layer("communes", [AreaOutline(area=area, wgs84_wkb=shape) for area in areas])

        writing = asyncio.create_task(write())
        while not writing.done():
            seen = await store.layer("communes", areas)
            assert (len(seen), len({one.wgs84_wkb for one in seen})) in {(0, 0), (200, 1)}
            await asyncio.sleep(0)
        await writing

    # -------------------------------------------------------- owners

    async def test_owners_lie_apart_and_are_seen_with_the_commit(self, store: ParcelStore) -> None:
        parcel, other = a_parcel(1, aliases=["parcels/2004-20944-3-0"]), a_parcel(2)
        await store.begin_import(an_import(1))
        await store.put_parcels("imports/i1", [parcel, other], [owners_of(parcel)])
        assert await store.owners(parcel.name) is None, "nothing is visible before the commit"
        await store.commit(an_import(1, ImportState.IMPORT_STATE_COMMITTED))
        assert await store.owners(parcel.name) == owners_of(parcel)
        assert await store.owners("parcels/2004-20944-3-0") == owners_of(parcel), "aliases are followed"
        assert await store.owners(other.name) is None
        assert await store.owners("parcels/2004-20944-9-9") is None
        everything = [await store.get(parcel.name), *await store.history(parcel.name)]
        everything += (await store.parcels(ParcelFilter(), 9)).parcels + await store.neighbours(other.name)
        everything += await store.within(ParcelFilter(), 9) + (await store.find([a_key([parcel.commune], "3", "1")]))[0]
        assert not any("Bịa" in str(each) for each in everything)

    async def test_owners_belong_to_the_version_that_brought_them(self, store: ParcelStore) -> None:
        await put(store, 1, [a_parcel(1), a_parcel(2)], [], owner="Người Trước")
        await put(store, 2, [a_parcel(1)], [], owner="Người Sau")
        await put(store, 3, [a_parcel(2)], [])
        found = await store.owners(a_parcel(1).name)
        assert found is not None
        assert (found.fields[0].value, getattr(found, "import")) == ("Người Sau", "imports/i2")
        assert await store.owners(a_parcel(2).name) is None, "a version without owners has none"

    async def test_an_import_that_starts_anew_or_fails_leaves_no_owners(self, store: ParcelStore) -> None:
        running = an_import(1)
        for end in (store.begin_import(running), store.fail(an_import(1, ImportState.IMPORT_STATE_CANCELLED))):
            await store.begin_import(running)
            await store.put_parcels(running.name, [a_parcel(1)], [owners_of(a_parcel(1))])
            await end
            assert await store.erase_owners(a_parcel(1).name) == 0

    async def test_owners_are_erased_by_parcel_in_all_versions_and_by_import(self, store: ParcelStore) -> None:
        await put(store, 1, [a_parcel(1), a_parcel(2), a_parcel(3)], [], owner="Người Trước")
        await put(store, 2, [a_parcel(1)], [], owner="Người Sau")
        assert await store.erase_owners(a_parcel(1).name) == 2
        assert await store.erase_owners(a_parcel(1).name) == 0
        assert await store.owners(a_parcel(1).name) is None
        assert await store.owners(a_parcel(2).name) is not None
        assert await store.erase_owners("imports/i1") == 2
        assert await store.owners(a_parcel(2).name) is None
        assert len(await names(store)) == 3, "the parcels stay"

    async def test_nothing_says_that_it_has_owners_after_they_were_erased(self, store: ParcelStore) -> None:
        first, second = a_parcel(1, has_owners=True), a_parcel(2, has_owners=True)
        await store.begin_import(an_import(1))
        await store.put_parcels("imports/i1", [first, second], [owners_of(first), owners_of(second)])
        done = an_import(1, ImportState.IMPORT_STATE_COMMITTED)
        done.owners_kept = True
        await store.commit(done)

        async def said() -> list[bool]:
            import_ = await store.import_("imports/i1")
            assert import_ is not None
            page = await store.parcels(ParcelFilter(), 9)
            history = [await store.history(one.name) for one in page.parcels]
            assert [one.has_owners for (one,) in history] == [one.has_owners for one in page.parcels]
            return [import_.owners_kept, *(one.has_owners for one in page.parcels)]

        assert await said() == [True, True, True]
        await store.erase_owners(first.name)
        assert await said() == [True, False, True]
        await store.erase_owners("imports/i1")
        assert await said() == [False, False, False]
        found = await store.get(second.name)
        assert found is not None
        second.has_owners = False
        assert found.source_wkb == second.source_wkb, "all else stays"

    async def test_two_parcels_of_one_name_leave_no_owners_behind(self, store: ParcelStore) -> None:
        await store.begin_import(an_import(1))
        with pytest.raises(Conflict):
            await store.put_parcels("imports/i1", [a_parcel(1), a_parcel(1)], [owners_of(a_parcel(1))])
        assert await store.erase_owners("imports/i1") == 0

    # -------------------------------------------------------- processes

    async def test_another_user_of_the_store_sees_a_commit_at_once(self, store: ParcelStore, place: str) -> None:
        other = self.open(place)
        try:
            await put(store, 1, [a_parcel(1)], [])
            assert await names(other) == [a_parcel(1).name]
            await put(other, 2, [a_parcel(2)], [])
            assert await names(store) == [a_parcel(1).name, a_parcel(2).name]
        finally:
            await other.close()

    async def test_readers_see_all_of_an_import_or_nothing(self, store: ParcelStore) -> None:
        async def write() -> None:
            for number in range(1, 6):
                await put(store, number, [a_parcel(record) for record in range(200 * number)], [])

        writing = asyncio.create_task(write())
        seen: set[int] = set()
        while not writing.done():
            seen.add((await store.parcels(ParcelFilter(), 1)).total)
            await asyncio.sleep(0)
        await writing
        assert seen <= {0, 200, 400, 600, 800, 1000}

    async def test_kill_9_leaves_whole_imports_only_and_loses_none_that_was_told(self, place: str) -> None:
        rng = random.Random(7)
        for _ in range(4):
            told = [int(line) for line in run_and_kill(
                "tests.contracts.parcel_store_worker", self.factory, self.fresh(place), after=3, rng=rng
            )]  # fmt: skip
            store = self.open(place)
            try:
                committed = [
                    import_
                    for import_ in (await store.imports(1000))[0]
                    if import_.state == ImportState.IMPORT_STATE_COMMITTED
                ]
                assert told == list(range(1, len(told) + 1))
                assert len(committed) in (len(told), len(told) + 1)
                assert len(await names(store)) == PARCELS_IN_AN_IMPORT
                assert len(await store.history(a_parcel(0).name)) == len(committed)
                for import_ in committed:
                    assert len(await finding_names(store, of_import(import_.name))) == PARCELS_IN_AN_IMPORT
                assert (await store.summarize([AREA]))[0].error_count == PARCELS_IN_AN_IMPORT
                await put(store, 1000, [a_parcel(1)], [])
            finally:
                await store.close()

    def fresh(self, place: str) -> str:
        """The same place, empty."""
        raise NotImplementedError

    def unmeasure(self, place: str) -> None:
        """Make the store one of the release before, of which no summary says where its parcels lie."""
        raise NotImplementedError


MEASURED = [f"{focus}{side}" for focus in ("", "focus_") for side in ("west", "south", "east", "north")]
"""Columns of `summary` that say where parcels lie."""
