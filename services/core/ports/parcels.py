"""The port `ParcelStore`: parcels with their history, findings, imports; outlines of areas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ngoclinh.land.v1.area_outline_pb2 import AreaOutline
from ngoclinh.land.v1.land_service_pb2 import FindingFilter, ParcelFilter, ParcelKey
from ngoclinh.land.v1.parcel_pb2 import Finding, Import, Parcel, ParcelOwners
from ngoclinh.type.v1.type_pb2 import BoundingBox


@dataclass(frozen=True)
class ParcelPage:
    """A page of parcels."""

    parcels: list[Parcel]
    next_key: list[object] | None
    total: int


@dataclass(frozen=True)
class FindingPage:
    """A page of findings."""

    findings: list[Finding]
    next_key: list[object] | None
    total: int


@dataclass(frozen=True)
class ParcelSquare:
    """How many current parcels have their middle in a square of a box; column from the west, row from the south."""

    column: int
    row: int
    parcel_count: int
    error_count: int
    """How many of them have findings of severity ERROR."""
    warning_count: int
    """How many of them have findings of severity WARNING."""


@dataclass(frozen=True)
class LandSummary:
    """How the current parcels of one commune of today stand."""

    area: str
    parcel_count: int = 0
    area_m2: float = 0.0
    error_count: int = 0
    warning_count: int = 0
    rules: Mapping[str, int] = field(default_factory=dict)
    newest_import_time: datetime | None = None
    bounds: BoundingBox | None = None
    """The smallest box that holds all of them; None where none has a place."""
    focus: BoundingBox | None = None
    """The same of those in one square of 0.01 degrees: where most have findings of severity ERROR, else where most are."""


class ParcelStore(Protocol):
    """Parcels with their history, findings, imports. An import becomes visible as a whole or not at all."""

    async def begin_import(self, import_: Import) -> None:
        """Keep a new import in state RUNNING; one that runs already starts anew, without what was put before.

        Raises:
            Conflict: it has ended.
        """
        ...

    async def put_parcels(
        self, import_name: str, parcels: Sequence[Parcel], owners: Sequence[ParcelOwners] = ()
    ) -> None:
        """Add parcels to a running import, some with their owners; nothing is visible yet.

        Owners lie apart from the parcels; they belong to this version of theirs and go with it.

        Raises:
            NotFound: there is no such import.
            Conflict: it has ended, or two of its parcels have one name.
        """
        ...

    async def put_findings(self, import_name: str, findings: Sequence[Finding]) -> None:
        """Add findings to a running import; nothing is visible yet. The same finding again changes nothing.

        Raises:
            NotFound: there is no such import.
            Conflict: it has ended.
        """
        ...

    async def commit(self, import_: Import) -> None:
        """Make it visible: its parcels supersede those with the same name, older versions go to history."""
        ...

    async def fail(self, import_: Import) -> None:
        """End an import without parcels (FAILED, REJECTED or CANCELLED); its findings stay readable by import."""
        ...

    async def import_(self, name: str) -> Import | None:
        """One import."""
        ...

    async def imports(
        self, limit: int, after: Sequence[object] | None = None
    ) -> tuple[list[Import], list[object] | None]:
        """Imports, newest first."""
        ...

    async def get(self, name: str) -> Parcel | None:
        """The current version of a parcel with its geometry; aliases are followed."""
        ...

    async def owners(self, name: str) -> ParcelOwners | None:
        """What is kept of the owners of the current version of a parcel; aliases are followed. None where nothing is."""
        ...

    async def erase_owners(self, name: str) -> int:
        """Erase what is kept of owners: of all versions of a parcel, or of an import; says for how many versions.

        These versions, and an import that has none left, do not say any more that they have owners. Further versions
        that are put later may have owners again.
        """
        ...

    async def history(self, name: str) -> list[Parcel]:
        """All versions of a parcel, oldest first."""
        ...

    async def parcels(self, filter_: ParcelFilter, limit: int, after: Sequence[object] | None = None) -> ParcelPage:
        """Current parcels that match, by name, without geometry. A box includes parcels whose bounds touch it."""
        ...

    async def findings(self, filter_: FindingFilter, limit: int, after: Sequence[object] | None = None) -> FindingPage:
        """Findings that match, most serious first, then by rule code, then by name.

        Without an import in the filter only findings on current parcels match. Sort key: [3 - severity, code, name].
        """
        ...

    async def within(self, filter_: ParcelFilter, limit: int) -> list[Parcel]:
        """Current parcels that match, in the order in which they were put, at most `limit`, with WGS 84 geometry only."""
        ...

    async def squares(self, filter_: ParcelFilter, side: int) -> list[ParcelSquare]:
        """Current parcels that match, counted by square of the filter's box, `side` squares along each side.

        A parcel counts where the middle of its bounds lies, in one square at most. Squares without parcels are left out;
        the others come by column, then by row.
        """
        ...

    async def neighbours(self, name: str) -> list[Parcel]:
        """Current parcels whose bounds touch those of a parcel, itself left out, with geometry, by name.

        Raises:
            NotFound: there is no such parcel.
        """
        ...

    async def find(self, keys: Sequence[ParcelKey]) -> list[list[Parcel]]:
        """For each key the current parcels that it means, by name, without geometry: the join with news.

        A parcel lies in any of the communes of the key. Numbers are compared by `services.core.names.number_key`.
        """
        ...

    async def summarize(self, areas: Sequence[str]) -> list[LandSummary]:
        """How each of these communes of today stands, in the order given."""
        ...

    async def put_layer(self, layer: str, outlines: Sequence[AreaOutline]) -> None:
        """Put outlines, one for an area, in the place of all that a layer has: as a whole or not at all."""
        ...

    async def layer(self, layer: str, areas: Sequence[str]) -> list[AreaOutline]:
        """The outlines of areas in the order given; an area without one is left out."""
        ...

    async def close(self) -> None:
        """Release files and connections."""
        ...
