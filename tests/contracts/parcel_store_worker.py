"""What a process of the crash test does: imports, one after the other, until it is killed; and the data of the suite."""

from __future__ import annotations

import asyncio
import pkgutil
import sys
from itertools import count
from typing import Any

import shapely
from ngoclinh.land.v1.parcel_pb2 import Finding, Import, ImportState, OwnerField, Parcel, ParcelOwners, Severity

from services.core.ports import ParcelStore

AREA, OTHER_AREA = "areas/2025-20944", "areas/2025-20938"
PARCELS_IN_AN_IMPORT = 40
_FIRST_MOMENT = 1_700_000_000


def an_import(number: int, state: int = ImportState.IMPORT_STATE_RUNNING) -> Import:
    """Import `number`; its times grow with it."""
    import_ = Import(name=f"imports/i{number}", file_name="to3.gpkg", state=state)
    import_.create_time.FromSeconds(_FIRST_MOMENT + 10 * number)
    import_.update_time.FromSeconds(_FIRST_MOMENT + 10 * number + 5)
    return import_


def a_parcel(record: int, import_name: str = "imports/i1", **fields: Any) -> Parcel:
    """Parcel `record` of sheet 3: a square of 0.001° in a row of squares that touch."""
    west = 108.0 + record / 1000
    box = shapely.box(west, 15.0, west + 0.001, 15.001)
    parcel = Parcel(
        name=f"parcels/2004-20944-3-{record}",
        commune="areas/2004-20944",
        current_area=AREA,
        sheet="3",
        number=str(record),
        computed_area_m2=100.0,
        coordinate_system="EPSG:5899",
        source_wkb=shapely.to_wkb(box, byte_order=record % 2),
        wgs84_wkb=shapely.to_wkb(box),
        record=record,
        attributes={"ghi_chu": "thử"},
    )
    parcel.bounds.west_deg, parcel.bounds.south_deg, parcel.bounds.east_deg, parcel.bounds.north_deg = box.bounds
    setattr(parcel, "import", import_name)
    for name, value in fields.items():
        if isinstance(value, list):
            getattr(parcel, name).extend(value)
        else:
            setattr(parcel, name, value)
    return parcel


def a_finding(name: str, parcel: Parcel, rule_code: str = "T01", severity: int = Severity.SEVERITY_ERROR) -> Finding:
    """A finding on a parcel, in the middle of it."""
    finding = Finding(
        name=f"findings/{name}", rule="rules/x", rule_code=rule_code, severity=severity, parcel=parcel.name, record=parcel.record
    )  # fmt: skip
    setattr(finding, "import", getattr(parcel, "import"))
    finding.location.longitude_deg = parcel.bounds.west_deg + 0.0005
    finding.location.latitude_deg = parcel.bounds.south_deg + 0.0005
    return finding


def owners_of(parcel: Parcel, name: str = "Người Bịa Ra") -> ParcelOwners:
    """Owners of a parcel, invented."""
    owners = ParcelOwners(parcel=parcel.name, current_area=parcel.current_area)
    owners.fields.append(OwnerField(column="TENCHU", value=name))
    setattr(owners, "import", getattr(parcel, "import"))
    return owners


async def put(
    store: ParcelStore, number: int, parcels: list[Parcel], findings: list[Finding], owner: str = ""
) -> Import:
    """A whole import, its parcels with an owner where one is named."""
    running, done = an_import(number), an_import(number, ImportState.IMPORT_STATE_COMMITTED)
    for message in (*parcels, *findings):
        setattr(message, "import", running.name)
    done.parcel_count = len(parcels)
    await store.begin_import(running)
    await store.put_parcels(running.name, parcels, [owners_of(parcel, owner) for parcel in parcels if owner])
    await store.put_findings(running.name, findings)
    await store.commit(done)
    return done


async def _work(store: ParcelStore) -> None:
    for number in count(1):
        parcels = [a_parcel(record) for record in range(PARCELS_IN_AN_IMPORT)]
        findings = [a_finding(f"f{number}-{parcel.record}", parcel) for parcel in parcels]
        await put(store, number, parcels, findings)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    factory, location = sys.argv[1:]
    asyncio.run(_work(pkgutil.resolve_name(factory)(location)))
