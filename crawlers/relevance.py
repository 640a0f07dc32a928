"""The relevance gate: of sources that write about the whole country, only what names a place of ours is kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from crawlers.catalogue import SourceSpec
from services.core import areas
from services.core.config import Settings
from services.core.names import EDITIONS, area_name


class Relevance:
    """Decides by the provinces of the watch areas.

    Args:
        settings: watch areas, and whether the gate is closed at all.
    """

    def __init__(self, settings: Settings) -> None:
        self._open = not settings.crawler.relevance_gate
        self._provinces = frozenset(provinces([code for area in settings.watch_areas.values() for code in area.areas]))

    def keeps(self, source: SourceSpec | None, text: str, day: date) -> bool:
        """Whether a text of a day is kept: all of a local source, of a national one what names a place of ours."""
        if self._open or source is None or source.tier != "national":
            return True
        register = areas.register()
        for mention in areas.mentions(text, day, source.areas):
            for name in mention.current:
                province = register.province_of(name)
                if (province.name if province else name) in self._provinces:
                    return True
        return False


def provinces(codes: Iterable[str]) -> set[str]:
    """Names of the provinces of today that hold communes of today."""
    register = areas.register()
    found = set()
    for code in codes:
        province = register.province_of(area_name(EDITIONS[-1], code))
        if province is not None:
            found.add(province.name)
    return found
