"""What files say of owners: left out unless the office asks for it, then apart from all else, and every look is audited."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import grpc
import pytest
from ngoclinh.land.v1.land_service_pb2 import (
    EraseOwnersRequest,
    GetParcelOwnersRequest,
    GetParcelRequest,
    GetParcelTileRequest,
    ListFindingsRequest,
    ListParcelsRequest,
)
from ngoclinh.land.v1.parcel_pb2 import OwnerFieldKind
from ngoclinh.type.v1.access_pb2 import Role

from gis import mvt
from services.bootstrap import reach
from services.core.sections.work import LandSettings
from services.rpc import status
from tests.contracts.bus import drain
from tests.gis import files, lists
from tests.services.access.test_sign_in import add_user, ask, program, sign_in
from tests.services.cli.test_parcels import ngoclinh
from tests.services.land.serving import Land, ended, land, messages
from tests.services.land.sheets import OPTIONS, read

KEEP = LandSettings(keep_owners=True)
NAME, CARD, HOME = "Phạm Thị Bịa", "001000000000", "thôn Không Có"
COLUMNS = ["TENCHU", "SO_CCCD", "DIACHI"]
SECRETS = re.compile("|".join([NAME, CARD, HOME]))
FIRST = "parcels/2004-20944-3-1"


def sheet(folder: Path, suffix: str = ".gpkg", count: int = 2) -> Path:
    """A sheet whose first parcel has an owner."""
    owners = {"TENCHU": [NAME], "SO_CCCD": [CARD], "DIACHI": [f"\u202e{HOME} "]}
    columns = files.cadastral_columns(count) | {name: one + [""] * (count - 1) for name, one in owners.items()}
    return files.write(folder / f"to3{suffix}", files.squares(count), columns)


def corner_list(folder: Path) -> Path:
    header = (*lists.HEADER, *COLUMNS)
    return lists.workbook(folder / "a.xlsx", [header, *((*row, NAME, CARD, HOME) for row in lists.corners(1))])


async def imported(services: Land, path: Path) -> Any:
    import_ = await services.imports.UploadImport(messages(path, **OPTIONS))
    return await ended(services.imports, import_.name)


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson"])
async def test_owner_columns_are_left_out_by_default_and_their_names_are_told(tmp_path: Path, suffix: str) -> None:
    async with land(tmp_path / "data") as services:
        done = await imported(services, sheet(tmp_path, suffix))
        assert (list(done.owner_columns), done.owners_kept) == (COLUMNS, False)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await services.parcels.GetParcelOwners(GetParcelOwnersRequest(name=FIRST))
        assert status.reason(status.from_rpc_error(refused.value)) == "NOT_FOUND"
        assert not (await services.parcels.GetParcel(GetParcelRequest(name=FIRST))).has_owners
    for file in (tmp_path / "data").glob("parcels.sqlite*"):
        assert not SECRETS.search(file.read_bytes().decode("utf-8", "replace")), file


async def test_a_list_of_corners_tells_its_columns_about_persons_too(tmp_path: Path) -> None:
    left_out = await read(corner_list(tmp_path), **OPTIONS)
    assert (list(left_out.done.owner_columns), left_out.done.owners_kept) == (COLUMNS, False)
    assert left_out.owners == []
    kept = await read(corner_list(tmp_path), land=KEEP, **OPTIONS)
    assert [field.value for field in kept.owners[0].fields] == [NAME, CARD, HOME]
    checked = await read(corner_list(tmp_path), name="", land=KEEP, **OPTIONS)
    assert checked.owners == [], "a mere check keeps nothing"
    assert not checked.done.owners_kept


async def test_owners_that_are_kept_lie_apart_from_all_else(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with land(tmp_path / "data", KEEP) as services:
        done = await imported(services, sheet(tmp_path))
        assert (list(done.owner_columns), done.owners_kept, done.parcel_count) == (COLUMNS, True, 2)
        owners = await services.parcels.GetParcelOwners(GetParcelOwnersRequest(name=FIRST))
        kinds = [OwnerFieldKind.Name(field.kind).rpartition("_")[2] for field in owners.fields]
        assert [*zip(COLUMNS, kinds, [NAME, CARD, HOME], strict=True)] == [
            (field.column, kind, field.value) for field, kind in zip(owners.fields, kinds, strict=True)
        ]
        assert (kinds, owners.current_area) == (["NAME", "IDENTITY", "ADDRESS"], "areas/2025-20944")
        first, second = [
            await services.parcels.GetParcel(GetParcelRequest(name=name)) for name in (FIRST, FIRST[:-1] + "2")
        ]
        assert (first.has_owners, second.has_owners) == (True, False)
        z, x, y = _tile(first)
        tile = await services.parcels.GetParcelTile(GetParcelTileRequest(z=z, x=x, y=y))
        assert FIRST.encode() in tile.data
        shown = [
            first, second, done, tile,
            await services.parcels.ListParcels(ListParcelsRequest()),
            await services.parcels.ListFindings(ListFindingsRequest(filter={"import": done.name})),
        ]  # fmt: skip
        events = await drain(services.bus, "land.validated", "situation")
        assert events == [done.name]
    told = capfd.readouterr()
    seen = "".join(each.SerializeToString().decode("utf-8", "replace") for each in shown) + told.out + told.err
    assert not SECRETS.search(seen)
    assert not SECRETS.search((tmp_path / "data/bus.sqlite").read_bytes().decode("utf-8", "replace"))


def _tile(parcel: Any) -> tuple[int, int, int]:
    """A tile that shows a parcel, large enough for it to be drawn."""
    middle = (
        (parcel.bounds.west_deg + parcel.bounds.east_deg) / 2,
        (parcel.bounds.south_deg + parcel.bounds.north_deg) / 2,
    )
    count = 1 << 18
    x = int((middle[0] + 180) / 360 * count)
    y = int((1 - math.asinh(math.tan(math.radians(middle[1]))) / math.pi) / 2 * count)
    assert mvt.Tile(18, x, y)
    return 18, x, y


async def test_many_owners_come_with_their_parcels_whatever_the_batch(tmp_path: Path) -> None:
    count = 1001
    columns = files.cadastral_columns(count) | {"CHUSUDUNG": [f"Bịa {number}" for number in range(1, count + 1)]}
    async with land(tmp_path / "data", KEEP) as services:
        done = await imported(services, files.write(tmp_path / "a.gpkg", files.squares(count), columns))
        assert done.owners_kept
        for number in (1, 999, 1000, 1001):
            owners = await services.parcels.GetParcelOwners(GetParcelOwnersRequest(name=f"{FIRST[:-1]}{number}"))
            assert [field.value for field in owners.fields] == [f"Bịa {number}"]


async def test_what_was_erased_is_gone_from_the_file_too(tmp_path: Path) -> None:
    async with land(tmp_path / "data", KEEP) as services:
        done = await imported(services, sheet(tmp_path))
        erased = await services.parcels.EraseOwners(EraseOwnersRequest(name=done.name))
        assert erased.erased_count == 1
        with pytest.raises(grpc.aio.AioRpcError):
            await services.parcels.GetParcelOwners(GetParcelOwnersRequest(name=FIRST))
        assert (await services.parcels.EraseOwners(EraseOwnersRequest(name=FIRST))).erased_count == 0
    assert not SECRETS.search((tmp_path / "data/parcels.sqlite").read_bytes().decode("utf-8", "replace"))


async def test_every_look_at_owners_is_audited_and_viewers_are_refused(tmp_path: Path) -> None:
    async with program(tmp_path, **{"land.keep_owners": True}) as found:
        async with reach(found.settings) as channel:
            from ngoclinh.land.v1.import_service_pb2_grpc import ImportServiceStub

            imports = ImportServiceStub(channel)
            import_ = await imports.UploadImport(messages(sheet(tmp_path), **OPTIONS))
            await ended(imports, import_.name)
        await add_user(found, "lan", Role.ROLE_ADMIN)
        await add_user(found, "dat", Role.ROLE_LAND_OFFICER)
        await add_user(found, "xem", Role.ROLE_VIEWER)
        await add_user(found, "bao", Role.ROLE_ANALYST)
        cookies = {name: {"cookie": _cookie(await sign_in(found, name))} for name in ("lan", "dat", "xem", "bao")}
        looks = {name: await ask(found, "GET", f"/v1/{FIRST}:owners", **cookies[name]) for name in cookies}
        assert {name: look.status for name, look in looks.items()} == {"lan": 200, "dat": 200, "xem": 403, "bao": 403}
        assert [field["value"] for field in looks["dat"].json["fields"]] == [NAME, CARD, HOME]
        for path in ("/v1/parcels.geojson", f"/v1/{FIRST}", "/v1/parcels", f"/v1/{import_.name}/report.csv"):
            answer = await ask(found, "GET", path, **cookies["lan"])
            assert answer.status == 200
            assert not SECRETS.search(answer.body.decode("utf-8", "replace")), path
        page = await ask(found, "GET", "/v1/auditEntries", **cookies["lan"])
        entries = [one for one in page.json["entries"] if one["method"].endswith("/GetParcelOwners")]
        assert {(one["user"], one["outcome"], one["resource"]) for one in entries} == {
            ("lan", "OK", FIRST), ("dat", "OK", FIRST), ("xem", "FORBIDDEN", ""), ("bao", "FORBIDDEN", ""),
        }  # fmt: skip
        assert not SECRETS.search(json.dumps(page.json, ensure_ascii=False))


def _cookie(answer: Any) -> str:
    return str(answer.headers["set-cookie"]).partition(";")[0]


def test_the_command_line_names_the_columns_that_were_left_out(tmp_path: Path) -> None:
    told = ngoclinh("validate", sheet(tmp_path), "--commune", "areas/2004-20944", folder=tmp_path)
    assert "TENCHU, SO_CCCD, DIACHI" in told.stdout
    assert not SECRETS.search(told.stdout + told.stderr)


def test_the_command_line_erases_owners(tmp_path: Path) -> None:
    told = ngoclinh("erase-owners", FIRST, folder=tmp_path)
    assert (told.returncode, told.stdout.strip()) == (0, f"{FIRST}: 0")
