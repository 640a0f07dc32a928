"""An upload that is acknowledged is carried through, whatever happens; one that cannot be used is told and changes nothing."""

from __future__ import annotations

import asyncio
import random
import stat
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2
from ngoclinh.land.v1.import_service_pb2 import (
    CancelImportRequest,
    GetImportRequest,
    ListImportsRequest,
    UploadHeader,
    UploadImportRequest,
    WatchImportRequest,
)
from ngoclinh.land.v1.land_service_pb2 import GetParcelRequest, ListFindingsRequest, ListParcelsRequest
from ngoclinh.land.v1.parcel_pb2 import ImportState
from ngoclinh.type.v1.type_pb2 import ErrorReason

from services.core.errors import Unavailable
from services.core.sections.work import LandSettings
from services.land import importer as importer_module
from services.rpc import status
from tests.contracts.bus import drain
from tests.contracts.crash import run_and_kill
from tests.gis import files
from tests.services.land.serving import Land, ended, land, messages
from tests.services.land.sheets import OPTIONS
from tests.waiting import until

RUNNING, COMMITTED, FAILED, REJECTED, CANCELLED = (
    ImportState.IMPORT_STATE_RUNNING,
    ImportState.IMPORT_STATE_COMMITTED,
    ImportState.IMPORT_STATE_FAILED,
    ImportState.IMPORT_STATE_REJECTED,
    ImportState.IMPORT_STATE_CANCELLED,
)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Land]:
    async with land(tmp_path / "data") as services:
        yield services


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    return files.write(tmp_path / "to3.gpkg", files.squares(3), files.cadastral_columns(3))


@pytest.fixture
def content(sheet: Path) -> bytes:
    return sheet.read_bytes()


def reason(error: grpc.aio.AioRpcError) -> tuple[grpc.StatusCode, str]:
    return error.code(), status.reason(status.from_rpc_error(error))


async def test_a_sheet_becomes_parcels_and_findings_and_an_event(served: Land, sheet: Path, content: bytes) -> None:
    import_ = await served.imports.UploadImport(messages(sheet, chunk=1000, **OPTIONS))
    assert import_.state == ImportState.IMPORT_STATE_RUNNING
    assert (import_.file_name, import_.size_bytes) == ("to3.gpkg", len(content))
    done = await ended(served.imports, import_.name)
    assert (done.state, done.parcel_count, done.error_count) == (COMMITTED, 3, 0)
    assert (done.coordinate_system, done.coordinate_system_origin) == ("EPSG:5899", "file")
    parcel = await served.parcels.GetParcel(GetParcelRequest(name="parcels/2004-20944-3-2"))
    assert getattr(parcel, "import") == import_.name
    assert parcel.source_wkb == await _source(served, parcel.name)
    listed = await served.parcels.ListParcels(ListParcelsRequest())
    assert listed.total_count == 3
    findings = await served.parcels.ListFindings(ListFindingsRequest(filter={"import": import_.name}))
    assert findings.total_count == done.info_count + done.warning_count
    await until(lambda: not list((served.folder / "uploads").iterdir()))
    assert await drain(served.bus, "land.validated", "situation") == [import_.name]
    assert list((served.folder / "uploads").iterdir()) == [], "a file goes when its import has ended"


async def _source(served: Land, name: str) -> bytes:
    parcel = await served.store.get(name)
    assert parcel is not None
    return parcel.source_wkb


async def test_an_upload_lies_where_only_its_owner_reads_it(
    served: Land, sheet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    async def look(path: Path, *_: object) -> AsyncIterator[None]:
        seen.extend(stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent))
        raise Unavailable("x", "x")
        yield

    monkeypatch.setattr(importer_module, "read_file", look)
    await served.imports.UploadImport(messages(sheet))
    await until(lambda: seen)
    assert [oct(mode) for mode in seen] == ["0o600", "0o700"]


async def test_a_second_import_supersedes_the_first(served: Land, tmp_path: Path, sheet: Path) -> None:
    await ended(served.imports, (await served.imports.UploadImport(messages(sheet, **OPTIONS))).name)
    columns = {**files.cadastral_columns(2), "loai_dat": ["CLN", "CLN"]}
    changed = files.write(tmp_path / "to3b.gpkg", files.squares(2), columns)
    second = await ended(served.imports, (await served.imports.UploadImport(messages(changed, **OPTIONS))).name)
    listed = (await served.parcels.ListParcels(ListParcelsRequest())).parcels
    assert [(parcel.land_use_code, getattr(parcel, "import") == second.name) for parcel in listed] == [
        ("CLN", True), ("CLN", True), ("ONT", False),
    ]  # fmt: skip
    imports = (await served.imports.ListImports(ListImportsRequest(page_size=1))).imports
    assert [import_.name for import_ in imports] == [second.name]


async def test_a_wrong_meridian_is_rejected_with_its_finding(served: Land, tmp_path: Path) -> None:
    path = files.write(tmp_path / "a.gpkg", files.squares(3), files.cadastral_columns(3), crs="EPSG:9217")
    done = await ended(served.imports, (await served.imports.UploadImport(messages(path, **OPTIONS))).name)
    assert (done.state, done.error_count) == (REJECTED, 1)
    assert "5899" in done.problem.en
    findings = await served.parcels.ListFindings(ListFindingsRequest(filter={"import": done.name}))
    assert [finding.rule_code for finding in findings.findings if finding.severity == 3] == ["C02"]
    assert (await served.parcels.ListParcels(ListParcelsRequest())).total_count == 0


async def test_unusable_files_end_as_failed_with_words_and_a_reason(served: Land, tmp_path: Path) -> None:
    cut = files.write(tmp_path / "a.shp", files.squares(40))
    cut.write_bytes(cut.read_bytes()[:1000])
    zone = files.write(tmp_path / "b.shp", files.squares(3))
    for path, expected in ((cut, "UNREADABLE_FILE"), (zone, "UNKNOWN_COORDINATE_SYSTEM")):
        done = await ended(served.imports, (await served.imports.UploadImport(messages(path))).name)
        assert done.state == FAILED
        assert ErrorReason.Name(done.reason) == f"ERROR_REASON_{expected}"
        assert done.problem.vi != done.problem.en != ""
        assert done.parcel_count == done.error_count == 0


@pytest.mark.parametrize(
    ("content", "options", "code", "why"),
    [
        (b"", {}, "INVALID_ARGUMENT", "UNREADABLE_FILE"),
        (b"%PDF-1.7", {}, "INVALID_ARGUMENT", "UNREADABLE_FILE"),
        (b"<OGRVRTDataSource/>", {}, "INVALID_ARGUMENT", "REFUSED_FILE"),
        (b"PK\x03\x04" + bytes(2 << 20), {}, "RESOURCE_EXHAUSTED", "TOO_LARGE"),
        (b"PK\x03\x04", {"commune": "areas/2004-99999"}, "INVALID_ARGUMENT", "INVALID_FIELD"),
        (b"PK\x03\x04", {"coordinate_system": "6959"}, "INVALID_ARGUMENT", "UNUSABLE_COORDINATE_SYSTEM"),
        (b"PK\x03\x04", {"as_of_date": "hôm qua"}, "INVALID_ARGUMENT", "INVALID_FIELD"),
    ],
)
async def test_what_the_first_bytes_tell_is_refused_at_once(
    tmp_path: Path, content: bytes, options: dict[str, str], code: str, why: str
) -> None:
    path = tmp_path / "thua.gml"
    path.write_bytes(content)
    async with land(tmp_path / "data", LandSettings(max_upload_mb=1)) as served:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await served.imports.UploadImport(messages(path, **options))
        assert reason(caught.value) == (grpc.StatusCode[code], why)
        assert (await served.imports.ListImports(ListImportsRequest())).imports == []
        assert list((tmp_path / "data").glob("uploads/*")) == []


async def test_the_order_of_messages_and_the_digest_are_checked(served: Land, sheet: Path, content: bytes) -> None:
    first = UploadImportRequest(header=UploadHeader(file_name="a.gpkg"))
    chunk = UploadImportRequest(chunk=content)
    for stream, field in (
        ([chunk], "header"),
        ([], "header"),
        ([first, chunk, first], "header"),
        (list(messages(sheet, sha256="0" * 64)), "header.sha256"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await served.imports.UploadImport(stream)
        assert reason(caught.value) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
        told = status.from_rpc_error(caught.value)
        violations = [
            each for bad in status.details(told, error_details_pb2.BadRequest) for each in bad.field_violations
        ]
        assert violations[0].field == field
    assert list((served.folder / "uploads").iterdir()) == []


async def test_a_name_with_folders_is_only_shown(served: Land, content: bytes) -> None:
    header = UploadHeader(file_name="..\\..\\etc/../passwd.gpkg")
    import_ = await served.imports.UploadImport(
        iter([UploadImportRequest(header=header), UploadImportRequest(chunk=content)])
    )
    assert import_.file_name == "passwd.gpkg"


async def test_an_upload_that_breaks_off_leaves_nothing(served: Land, sheet: Path) -> None:
    async def stream() -> AsyncIterator[UploadImportRequest]:
        for number, message in enumerate(messages(sheet, chunk=1000)):
            yield message
            if number == 3:
                await asyncio.sleep(60)

    call = served.imports.UploadImport(stream())
    await until(lambda: list((served.folder / "uploads").glob("*.part")))
    call.cancel()
    await until(lambda: not list((served.folder / "uploads").iterdir()))
    assert list((served.folder / "uploads").iterdir()) == []
    assert (await served.imports.ListImports(ListImportsRequest())).imports == []


async def test_imports_are_paged_and_unknown_ones_not_found(served: Land, sheet: Path) -> None:
    names = [(await served.imports.UploadImport(messages(sheet))).name for _ in range(3)]
    found: list[str] = []
    token = ""
    while True:
        page = await served.imports.ListImports(ListImportsRequest(page_size=2, page_token=token))
        found += [import_.name for import_ in page.imports]
        token = page.next_page_token
        if not token:
            break
    assert found == names[::-1]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.imports.GetImport(GetImportRequest(name="imports/none"))
    assert reason(caught.value) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
    for name in names:
        await ended(served.imports, name)


# ---------------------------------------------------------------- restarts


async def test_an_import_goes_on_after_a_stop_in_the_middle(tmp_path: Path, sheet: Path) -> None:
    async with land(tmp_path / "data") as served:
        import_ = await served.imports.UploadImport(messages(sheet, **OPTIONS))
    async with land(tmp_path / "data") as served:
        assert (await ended(served.imports, import_.name)).state == COMMITTED


def reader_children() -> list[str]:
    """Pids of the reader children of this process."""
    pids = [pid for found in Path("/proc/self/task").glob("*/children") for pid in found.read_text().split()]
    return [pid for pid in pids if b"services.land.reader_child" in Path(f"/proc/{pid}/cmdline").read_bytes()]


async def test_a_cancelled_import_ends_its_child_and_changes_nothing(served: Land, tmp_path: Path) -> None:
    first = files.write(tmp_path / "to3.gpkg", files.squares(3), files.cadastral_columns(3))
    await ended(served.imports, (await served.imports.UploadImport(messages(first, **OPTIONS))).name)
    before = (await served.parcels.ListParcels(ListParcelsRequest())).parcels
    large = files.write(tmp_path / "large.gpkg", files.squares(20_000), files.cadastral_columns(20_000))
    name = (await served.imports.UploadImport(messages(large, **OPTIONS))).name
    waiting = (await served.imports.UploadImport(messages(first, **OPTIONS))).name
    await until(reader_children)
    dropped = await served.imports.CancelImport(CancelImportRequest(name=waiting))
    assert dropped.state == CANCELLED, "one that waits is cancelled at once"
    assert (await served.imports.GetImport(GetImportRequest(name=name))).state == RUNNING
    done = await served.imports.CancelImport(CancelImportRequest(name=name))
    assert (done.name, done.state, done.step) == (name, CANCELLED, "")
    assert not reader_children()
    assert (await served.imports.CancelImport(CancelImportRequest(name=name))).state == CANCELLED
    assert (await served.parcels.ListParcels(ListParcelsRequest())).parcels == before
    assert (await served.parcels.ListFindings(ListFindingsRequest(filter={"import": name}))).total_count == 0
    after = await served.imports.UploadImport(messages(first, **OPTIONS))
    assert (await ended(served.imports, after.name)).state == COMMITTED, "the next one has its turn"
    assert not [path for path in (served.folder / "uploads").iterdir() if name.partition("/")[2] in path.name]


async def test_what_has_ended_cannot_be_cancelled(served: Land, sheet: Path) -> None:
    name = (await served.imports.UploadImport(messages(sheet, **OPTIONS))).name
    await ended(served.imports, name)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.imports.CancelImport(CancelImportRequest(name=name))
    assert reason(caught.value) == (grpc.StatusCode.FAILED_PRECONDITION, "CONFLICT")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.imports.CancelImport(CancelImportRequest(name="imports/none"))
    assert reason(caught.value) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


async def test_an_import_is_watched_to_its_end(served: Land, sheet: Path) -> None:
    name = (await served.imports.UploadImport(messages(sheet, **OPTIONS))).name
    seen = [getattr(told, "import") async for told in served.imports.WatchImport(WatchImportRequest(name=name))]
    assert {import_.name for import_ in seen} == {name}
    assert [import_.state for import_ in seen[:-1]] == [RUNNING] * (len(seen) - 1)
    assert (seen[-1].state, seen[-1].parcel_count) == (COMMITTED, 3)
    assert all(one != other for one, other in pairwise(seen))
    again = [getattr(told, "import") async for told in served.imports.WatchImport(WatchImportRequest(name=name))]
    assert again == seen[-1:]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anext(aiter(served.imports.WatchImport(WatchImportRequest(name="imports/none"))))
    assert reason(caught.value) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


async def test_a_passing_fault_is_tried_again_and_a_lasting_one_is_told(
    tmp_path: Path, sheet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer_module, "RETRY_S", 0.05)
    real, calls = importer_module.read_file, 0

    def breaks(times: int) -> object:
        async def reading(*arguments: object) -> AsyncIterator[object]:
            nonlocal calls
            calls += 1
            if calls <= times:
                raise OSError("a disk that fails")
            async for message in real(*arguments):  # type: ignore[arg-type]
                yield message

        return reading

    async with land(tmp_path / "data") as served:
        for times, state in ((1, COMMITTED), (99, FAILED)):
            calls = 0
            monkeypatch.setattr(importer_module, "read_file", breaks(times))
            done = await ended(served.imports, (await served.imports.UploadImport(messages(sheet))).name)
            assert done.state == state
        assert calls == importer_module.MOST_TRIES
        assert ErrorReason.Name(done.reason) == "ERROR_REASON_INTERNAL"


async def test_a_running_import_without_its_file_ends_as_failed(tmp_path: Path, sheet: Path) -> None:
    async with land(tmp_path / "data") as served:
        import_ = await served.imports.UploadImport(messages(sheet))
    for file in (tmp_path / "data" / "uploads").iterdir():
        file.unlink()
    async with land(tmp_path / "data") as served:
        found = await served.imports.GetImport(GetImportRequest(name=import_.name))
        assert found.state in (FAILED, COMMITTED)


async def test_files_of_uploads_that_were_never_acknowledged_are_removed(tmp_path: Path, content: bytes) -> None:
    uploads = tmp_path / "data" / "uploads"
    uploads.mkdir(parents=True)
    (uploads / "half.part").write_bytes(b"x")
    (uploads / "unknown").write_bytes(content)
    async with land(tmp_path / "data"):
        await until(lambda: not list(uploads.iterdir()))


async def test_kill_9_loses_no_acknowledged_import_and_commits_none_twice(tmp_path: Path, sheet: Path) -> None:
    rng = random.Random(3)
    told: list[str] = []
    for round_ in range(3):
        told += run_and_kill("tests.services.land.serving", tmp_path / "data", sheet, after=2 + round_, rng=rng)
    async with land(tmp_path / "data") as served:
        for name in told:
            assert (await ended(served.imports, name, 120)).state == COMMITTED
        imports = (await served.imports.ListImports(ListImportsRequest(page_size=1000))).imports
        assert set(told) <= {import_.name for import_ in imports}
        for import_ in imports:
            await ended(served.imports, import_.name)
        assert (await served.parcels.ListParcels(ListParcelsRequest())).total_count == 3
        history = await served.store.history("parcels/unknown-20944-3-1") or await served.store.history(
            "parcels/2004-20944-3-1"
        )
        assert len(history) == len(imports)
        async with asyncio.timeout(30):
            while (await served.bus.depth())["land.validated", "situation"] < len(imports):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        published = await drain(served.bus, "land.validated", "situation")
        assert sorted(published) == sorted(import_.name for import_ in imports)
