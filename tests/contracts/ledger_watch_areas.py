"""Clauses of the port `Ledger` about watch areas. An adapter's test is a subclass with `factory` and `location`."""

from __future__ import annotations

import pkgutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import pytest
from ngoclinh.area.v1.area_service_pb2 import WatchArea

from services.core.ports import Ledger


def area(id_: str, title: str, *codes: str) -> WatchArea:
    return WatchArea(name=f"watchAreas/{id_}", title=title, areas=[f"areas/2025-{code}" for code in codes])


class WatchAreaLedgerContract:
    """Every clause; `self.open()` gives further users of the same ledger."""

    factory: ClassVar[str]
    """Import path of a callable (location) -> Ledger. Example: "package.module:Class"."""

    def location(self, tmp_path: Path) -> str:
        """Where the ledger of one test lies."""
        raise NotImplementedError

    def open(self, tmp_path: Path) -> Ledger:
        ledger: Ledger = pkgutil.resolve_name(self.factory)(self.location(tmp_path))
        return ledger

    @pytest.fixture
    async def ledger(self, tmp_path: Path) -> AsyncIterator[Ledger]:
        ledger = self.open(tmp_path)
        yield ledger
        await ledger.close()

    async def test_a_watch_area_reads_as_it_was_last_written(self, ledger: Ledger) -> None:
        assert await ledger.watch_areas() == []
        await ledger.put_watch_area(area("b", "Bắc Trà My", "20900"), "an")
        await ledger.put_watch_area(area("a", "Nam Trà My", "20944", "20941"), "an")
        await ledger.put_watch_area(area("b", "Trà My", "20900", "20908"), "bình")
        expected = [area("a", "Nam Trà My", "20944", "20941"), area("b", "Trà My", "20900", "20908")]
        assert await ledger.watch_areas() == expected

    async def test_an_ended_one_is_gone_until_it_is_written_again(self, ledger: Ledger) -> None:
        await ledger.put_watch_area(area("a", "A", "20944"), "an")
        await ledger.delete_watch_area("watchAreas/a", "an")
        await ledger.delete_watch_area("watchAreas/none", "an")
        assert await ledger.watch_areas() == []
        await ledger.put_watch_area(area("a", "A2", "20941"), "an")
        assert await ledger.watch_areas() == [area("a", "A2", "20941")]

    async def test_another_user_of_the_ledger_and_a_later_one_see_the_same(
        self, ledger: Ledger, tmp_path: Path
    ) -> None:
        await ledger.put_watch_area(area("a", "A", "20944"), "an")
        other = self.open(tmp_path)
        try:
            assert await other.watch_areas() == await ledger.watch_areas() == [area("a", "A", "20944")]
        finally:
            await other.close()
