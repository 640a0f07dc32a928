"""The watch areas: those of the settings, and over them what people keep in the ledger."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence

from ngoclinh.area.v1.area_service_pb2 import WatchArea

from services.core.areas import register
from services.core.errors import Conflict, InvalidField, NotFound, Unavailable
from services.core.names import area_name, random_id
from services.core.ports import WatchAreaLedger
from services.core.sections.work import WatchAreaSettings
from services.core.vietnamese import fold

TODAY = 2025
"""Edition that is valid now."""
PATIENCE_S = 3.0
"""Seconds to wait for the ledger before its last answer is taken."""
MOST_AREAS = 500
MOST_TITLE = 100
"""Characters."""


class WatchAreas:
    """Reads and changes them.

    Args:
        settings: the settings' watch areas by id; people may change them, not remove them.
        ledger: where changes are kept; None where nothing can be changed.

    Raises:
        InvalidField: a watch area of the settings names a code that no commune of today has.
    """

    def __init__(self, settings: Mapping[str, WatchAreaSettings], ledger: WatchAreaLedger | None) -> None:
        self._defaults = {area.name: area for area in (_of_settings(*row) for row in settings.items())}
        self._ledger = ledger
        self._kept: list[WatchArea] = []
        self._silent: Unavailable | None = None

    async def all(self) -> dict[str, WatchArea]:
        """All watch areas by name, in that order; where the ledger does not answer, as it last said."""
        if self._ledger:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    self._kept, self._silent = await self._ledger.watch_areas(), None
            except Unavailable as error:
                self._silent = error
            except TimeoutError:
                self._silent = Unavailable("Sổ cái không trả lời.", "The ledger does not answer.")
        found = self._defaults | {area.name: area for area in self._kept}
        return dict(sorted(found.items()))

    async def get(self, name: str) -> WatchArea:
        """One watch area.

        Raises:
            NotFound: there is none of that name.
            Unavailable: the ledger, which may have it, does not answer.
        """
        found = (await self.all()).get(name)
        if found is None:
            raise self._silent or NotFound(name)
        return found

    async def create(self, wanted: WatchArea, id_: str, user: str) -> WatchArea:
        """Make one.

        Args:
            wanted: its title and areas.
            id_: its id; "" makes one from the title.
            user: who makes it.

        Raises:
            InvalidField: without a title, or with an area that is no commune of today.
            Conflict: there is one of that id.
        """
        name = f"watchAreas/{id_ or _id_of(wanted.title)}"
        if name in await self.all():
            raise Conflict(f"Đã có địa bàn {name}.", f"{name} exists already.")
        return await self._keep(WatchArea(name=name, title=wanted.title.strip(), areas=wanted.areas), user)

    async def update(self, wanted: WatchArea, fields: Sequence[str], user: str) -> WatchArea:
        """Change one; one of the settings is kept beside them from then on.

        Args:
            wanted: its name and what it is to become.
            fields: which of title and areas to change; none means both.
            user: who changes it.

        Raises:
            NotFound: there is none of that name.
            InvalidField: another field, no title, an area that is no commune of today.
        """
        for field in fields:
            if field not in ("title", "areas"):
                raise InvalidField(
                    "update_mask",
                    f"không sửa được trường {field}, chỉ title và areas",
                    f"{field} cannot be set, only title and areas",
                )
        present = await self.get(wanted.name)
        changed = WatchArea(name=present.name, title=present.title, areas=present.areas)
        if not fields or "title" in fields:
            changed.title = wanted.title.strip()
        if not fields or "areas" in fields:
            changed.areas[:] = wanted.areas
        return await self._keep(changed, user)

    async def delete(self, name: str, user: str) -> None:
        """Remove one; one of the settings goes back to what they say.

        Raises:
            NotFound: there is none of that name.
            Conflict: it is of the settings, unchanged.
        """
        if await self.get(name) == self._defaults.get(name):
            raise Conflict(
                f"{name} nằm trong tệp cài đặt; chỉ sửa được, không xoá được.",
                f"{name} is of the settings; it can be changed, not removed.",
            )
        await self._writable().delete_watch_area(name, user)

    async def _keep(self, area: WatchArea, user: str) -> WatchArea:
        _check(area)
        await self._writable().put_watch_area(area, user)
        return area

    def _writable(self) -> WatchAreaLedger:
        if self._ledger is None:
            raise Unavailable("Ở đây không lưu được địa bàn.", "Watch areas cannot be kept here.")
        return self._ledger


def _id_of(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", fold(title)).strip("-")[:63] or random_id()


def _check(area: WatchArea) -> None:
    if not 0 < len(area.title) <= MOST_TITLE:
        raise InvalidField(
            "watch_area.title", f"phải có từ 1 đến {MOST_TITLE} ký tự", f"must have 1 to {MOST_TITLE} characters"
        )
    area.areas[:] = list(dict.fromkeys(area.areas))
    if not 0 < len(area.areas) <= MOST_AREAS:
        raise InvalidField(
            "watch_area.areas", f"phải có từ 1 đến {MOST_AREAS} xã", f"must name 1 to {MOST_AREAS} communes"
        )
    for number, name in enumerate(area.areas):
        _require_commune(f"watch_area.areas[{number}]", name, name)


def _of_settings(id_: str, settings: WatchAreaSettings) -> WatchArea:
    names = [_require_commune(f"watch_areas.{id_}.areas", area_name(TODAY, code), code) for code in settings.areas]
    return WatchArea(name=f"watchAreas/{id_}", title=settings.title, areas=names)


def _require_commune(field: str, name: str, shown: str) -> str:
    unit = register().get(name)
    if unit is None or len(unit.code) != 5 or unit.edition != TODAY:
        raise InvalidField(
            field,
            f"“{shown}” không phải mã xã, phường, đặc khu hiện nay",
            f"'{shown}' is no code of a commune of today",
        )
    return unit.name
