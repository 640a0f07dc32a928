"""MaintenanceService over gRPC: chores, settings, bundles, files that are refused."""

from __future__ import annotations

import asyncio
import hashlib
import io
import tarfile
from collections.abc import AsyncIterator, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from ngoclinh.operations.v1 import maintenance_service_pb2 as pb
from ngoclinh.operations.v1.maintenance_service_pb2_grpc import MaintenanceServiceStub

from services import update
from services.bootstrap import Running, running
from services.core import config
from services.core.errors import RefusedFile
from services.maintenance import backups

SECRET = "khong-ai-biet"
NEXT = f"{int(metadata.version('ngoclinh').split('.')[0]) + 1}.0.0"


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[Running]:
    file = tmp_path / "ngoclinh.toml"
    file.write_text(
        f'data_dir = "{tmp_path / "data"}"\n[crawler]\nenabled = false\n'
        f'[postgres]\nurl = "postgresql://ioc:{SECRET}@db/ngoclinh?password={SECRET}"\n[backup]\nmax_upload_mb = 1\n'
    )
    settings = config.load(file, {"NGOCLINH_GATEWAY__PORT": "0"}, {"lang": "en"})
    async with running(settings, doors=False, crawl=False) as program:
        yield program


@pytest.fixture
def stub(program: Running) -> MaintenanceServiceStub:
    return MaintenanceServiceStub(program.channel)


async def status(call: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code()


def bundle(version: str = NEXT, **more: bytes) -> bytes:
    """A bundle whose files have the hashes that it states."""
    files = {"VERSION": f"{version}\n".encode(), "install": b"#!/bin/sh\n"} | more
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, data in {**files, "SHA256SUMS": sums.encode()}.items():
            info = tarfile.TarInfo(f"ngoclinh-{version}/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


def bundles(data: bytes) -> Iterator[pb.UploadBundleRequest]:
    return (pb.UploadBundleRequest(chunk=data[start : start + 9000]) for start in range(0, len(data), 9000))


async def test_settings_are_told_with_their_origin_and_without_secrets(stub: MaintenanceServiceStub) -> None:
    told = {one.key: one for one in (await stub.ListSettings(pb.ListSettingsRequest())).settings}
    assert list(told) == config.known_keys()
    assert told["gateway.port"].value == "0"
    assert (told["gateway.port"].origin, told["gateway.port"].origin_detail) == (
        pb.SETTING_ORIGIN_ENVIRONMENT, "NGOCLINH_GATEWAY__PORT",
    )  # fmt: skip
    assert told["data_dir"].origin == pb.SETTING_ORIGIN_FILE
    assert told["data_dir"].origin_detail.endswith("ngoclinh.toml")
    assert (told["lang"].origin, told["lang"].value) == (pb.SETTING_ORIGIN_OPTION, '"en"')
    assert told["backup.keep"].origin == pb.SETTING_ORIGIN_DEFAULT
    assert SECRET not in str(told)
    assert "db/ngoclinh" in told["postgres.url"].value


async def test_a_chore_is_run_now_and_told(stub: MaintenanceServiceStub) -> None:
    await stub.RunChore(pb.RunChoreRequest(name="chores/retention"))
    for _ in range(600):
        told = {one.name: one for one in (await stub.GetMaintenance(pb.GetMaintenanceRequest())).chores}
        if told["chores/retention"].state == pb.WORK_STATE_DONE:
            break
        await asyncio.sleep(0.1)
    assert "0 articles erased" in told["chores/retention"].result.en
    assert told["chores/retention"].confirmable
    assert told["chores/retention"].HasField("next_time")
    assert told["chores/sessions"].state == pb.WORK_STATE_UNSPECIFIED
    assert await status(stub.RunChore(pb.RunChoreRequest(name="chores/unknown"))) == grpc.StatusCode.NOT_FOUND


async def test_a_program_that_nothing_starts_again_does_not_restore(
    stub: MaintenanceServiceStub, program: Running
) -> None:
    await stub.CreateBackup(pb.CreateBackupRequest())
    for _ in range(600):
        told = await stub.GetMaintenance(pb.GetMaintenanceRequest())
        if told.backup_run.state == pb.WORK_STATE_DONE:
            break
        await asyncio.sleep(0.1)
    (made,) = (await stub.ListBackups(pb.ListBackupsRequest())).backups
    assert (made.name, made.version) == (told.backup_run.backup, metadata.version("ngoclinh"))
    assert {part.name for part in made.parts} >= {"ledger", "parcels", "evidence", "sources"}
    wanted = pb.RestoreBackupRequest(name=made.name, confirmation=made.name.removeprefix("backups/"))
    assert await status(stub.RestoreBackup(wanted)) == grpc.StatusCode.FAILED_PRECONDITION
    assert "ngoclinh restore" in told.restore_hindrance.en
    assert not (program.settings.data_dir / "restore.json").exists()


@pytest.mark.parametrize("name", ["../lock", "x.tar", "..ngoclinh", "a/b.ngoclinh", ".x.ngoclinh"])
async def test_no_other_file_is_given_removed_or_restored(stub: MaintenanceServiceStub, name: str) -> None:
    for call in (
        stub.DeleteBackup(pb.DeleteBackupRequest(name=f"backups/{name}")),
        stub.RestoreBackup(pb.RestoreBackupRequest(name=f"backups/{name}", confirmation=name)),
        anext(aiter(stub.DownloadBackup(pb.DownloadBackupRequest(name=f"backups/{name}")))),
    ):
        assert await status(call) == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_link_among_the_backups_leads_nowhere(stub: MaintenanceServiceStub, program: Running) -> None:
    folder = program.settings.data_dir / "backups"
    folder.mkdir()
    (folder / "x.ngoclinh").symlink_to("/etc/passwd")
    asked = pb.DownloadBackupRequest(name="backups/x.ngoclinh")
    assert await status(anext(aiter(stub.DownloadBackup(asked)))) == grpc.StatusCode.NOT_FOUND


async def test_what_is_uploaded_has_a_bound_and_leaves_nothing_behind(
    stub: MaintenanceServiceStub, program: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def much() -> Iterator[pb.UploadBackupRequest]:
        return (pb.UploadBackupRequest(chunk=bytes(500_000)) for _ in range(5))

    assert await status(stub.UploadBackup(much())) == grpc.StatusCode.RESOURCE_EXHAUSTED
    monkeypatch.setattr(backups, "SPARE", 1 << 60)
    assert (
        await status(stub.UploadBackup(iter([pb.UploadBackupRequest(chunk=b"x")])))
        == grpc.StatusCode.RESOURCE_EXHAUSTED
    )
    assert list((program.settings.data_dir / "backups").iterdir()) == []


async def test_a_sound_bundle_is_kept_and_its_command_names_its_hash(
    stub: MaintenanceServiceStub, program: Running
) -> None:
    data = bundle()
    told = await stub.UploadBundle(bundles(data))
    digest = hashlib.sha256(data).hexdigest()
    file = program.settings.data_dir / "bundles" / "next.tar"
    assert (told.version, told.sha256, told.size_bytes) == (NEXT, digest, len(data))
    assert told.command == f"sudo ngoclinh update {file} --sha256 {digest}"
    assert (await stub.GetMaintenance(pb.GetMaintenanceRequest())).bundle == told
    with update._unpacked(file, digest) as folder:
        assert (folder / "VERSION").is_file()
    with pytest.raises(RefusedFile), update._unpacked(file, "0" * 64):
        pass


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"no TAR at all", grpc.StatusCode.INVALID_ARGUMENT),
        (bundle()[:1200], grpc.StatusCode.INVALID_ARGUMENT),
        (bundle().replace(b"#!/bin/sh", b"#!/bin/xx"), grpc.StatusCode.INVALID_ARGUMENT),
        (bundle(**{"../../etc/x": b"x"}), grpc.StatusCode.INVALID_ARGUMENT),
        (bundle(metadata.version("ngoclinh")), grpc.StatusCode.FAILED_PRECONDITION),
    ],
    ids=["none", "cut", "changed", "outside", "not newer"],
)
async def test_a_bundle_that_update_refuses_is_refused(
    stub: MaintenanceServiceStub, data: bytes, code: grpc.StatusCode
) -> None:
    assert await status(stub.UploadBundle(bundles(data))) == code
    assert not (await stub.GetMaintenance(pb.GetMaintenanceRequest())).HasField("bundle")
