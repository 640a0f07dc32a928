"""MaintenanceService over gRPC: chores, settings, bundles, files that are refused."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import tarfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from ngoclinh.operations.v1 import maintenance_service_pb2 as pb
from ngoclinh.operations.v1.maintenance_service_pb2_grpc import MaintenanceServiceStub

from services.bootstrap import Running, running
from services.core import config, room
from services.core.errors import RefusedFile
from services.maintenance import servicer
from services.update import record
from services.update.bundle import unpacked
from services.update.places import Places
from tests.services.test_signature import TARGET, made, sign
from tests.services.update.installation import places_in

SECRET = "khong-ai-biet"
NEXT = f"{int(metadata.version('ngoclinh').split('.')[0]) + 1}.0.0"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """Where the installation would lie; there is none yet."""
    there = places_in(tmp_path)
    monkeypatch.setattr(servicer, "INSTALLED", there)
    return there


def opened(places: Places) -> Path:
    """As `bundle/install` leaves it, with the door open; the private key of the maker."""
    for folder in (places.opt, places.state, places.enabled.parent):
        folder.mkdir(parents=True)
    places.enabled.symlink_to(places.units / places.enabled.name)
    private = places.opt / "key.pem"
    sign("key", private, private)
    sign("pub", places.key.parent, private)
    return private


@pytest.fixture
async def program(tmp_path: Path, places: Places) -> AsyncIterator[Running]:
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
    files = {"VERSION": f"{version}\n".encode(), "TARGET": TARGET.encode(), "install": b"#!/bin/sh\n"} | more
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
    monkeypatch.setattr(room, "KEPT_SHARE", 1.1)
    monkeypatch.setattr(room, "KEPT_BYTES", 1 << 60)
    assert await status(stub.UploadBackup(iter([pb.UploadBackupRequest(chunk=b"x")]))) == grpc.StatusCode.UNAVAILABLE
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
    with unpacked(file, digest) as folder:
        assert (folder / "VERSION").is_file()
    with pytest.raises(RefusedFile), unpacked(file, "0" * 64):
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


async def maintenance(stub: MaintenanceServiceStub) -> pb.Maintenance:
    return await stub.GetMaintenance(pb.GetMaintenanceRequest())


async def test_a_wish_is_written_for_root_and_what_root_tells_is_shown(
    stub: MaintenanceServiceStub, program: Running, places: Places, tmp_path: Path
) -> None:
    private = opened(places)
    told = await stub.UploadBundle(bundles(made(tmp_path / "made", private, NEXT).read_bytes()))
    assert told.signed
    wanted = pb.InstallBundleRequest(sha256=told.sha256, confirmation=NEXT)
    other = pb.InstallBundleRequest(sha256="0" * 64, confirmation=NEXT)
    mistyped = pb.InstallBundleRequest(sha256=told.sha256, confirmation="9")
    assert await status(stub.InstallBundle(other)) == grpc.StatusCode.FAILED_PRECONDITION
    assert await status(stub.InstallBundle(mistyped)) == grpc.StatusCode.INVALID_ARGUMENT
    wish = program.settings.data_dir / "bundles/install.json"
    assert wish == places.wish
    assert not wish.exists()
    now = await stub.InstallBundle(wanted)
    assert not now.HasField("install_hindrance")
    assert (now.install.state, now.install.version) == (pb.INSTALL_STATE_REQUESTED, NEXT)
    assert wish.stat().st_mode & 0o777 == 0o600
    assert record.Wish.model_validate_json(wish.read_text()).sha256 == told.sha256
    assert await status(stub.InstallBundle(wanted)) == grpc.StatusCode.FAILED_PRECONDITION, "one is under way"

    wish.unlink()  # from here on, root
    begun = record.Result(state="running", before="1", version=NEXT, user="lan.le", start=datetime.now(UTC))
    record.write(places, begun)
    now = await maintenance(stub)
    assert (now.install.state, now.install.user) == (pb.INSTALL_STATE_RUNNING, "lan.le")
    assert await status(stub.InstallBundle(wanted)) == grpc.StatusCode.FAILED_PRECONDITION
    os.utime(places.state / record.FILE, (0, 0))
    now = await maintenance(stub)
    assert now.install.state == pb.INSTALL_STATE_FAILED
    assert "journalctl" in now.install.problem.en
    for state, shown in (
        ("taken_back", pb.INSTALL_STATE_TAKEN_BACK), ("failed", pb.INSTALL_STATE_FAILED),
        ("done", pb.INSTALL_STATE_DONE),
    ):  # fmt: skip
        record.write(places, begun.model_copy(update={"state": state, "end": begun.start, "vi": "vì", "en": "why"}))
        now = await maintenance(stub)
        assert (now.install.state, now.install.problem.en) == (shown, "why")
        assert now.install.end_time == now.install.start_time


async def test_a_wish_that_nobody_takes_is_told_and_may_be_written_again(
    stub: MaintenanceServiceStub, places: Places, tmp_path: Path
) -> None:
    private = opened(places)
    told = await stub.UploadBundle(bundles(made(tmp_path / "made", private, NEXT).read_bytes()))
    old = record.Wish(sha256=told.sha256, version=NEXT, user="", time=datetime.now(UTC) - timedelta(minutes=5))
    places.wish.write_text(old.model_dump_json())
    now = await maintenance(stub)
    assert now.install.state == pb.INSTALL_STATE_FAILED
    assert "ngoclinh-update.path" in now.install.problem.en
    again = await stub.InstallBundle(pb.InstallBundleRequest(sha256=told.sha256, confirmation=NEXT))
    assert again.install.state == pb.INSTALL_STATE_REQUESTED


async def test_only_an_installation_with_an_open_door_and_a_signed_bundle_takes_wishes(
    stub: MaintenanceServiceStub, places: Places, tmp_path: Path
) -> None:
    async def refused(told: pb.Bundle, why: str) -> None:
        wanted = pb.InstallBundleRequest(sha256=told.sha256, confirmation=NEXT)
        with pytest.raises(grpc.aio.AioRpcError, match=why) as caught:
            await stub.InstallBundle(wanted)
        assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert not places.wish.exists()

    unsigned = await stub.UploadBundle(bundles(bundle()))
    assert "not installed from a bundle" in (await maintenance(stub)).install_hindrance.en
    await refused(unsigned, "not installed from a bundle")
    private = opened(places)
    await refused(unsigned, "did not sign")
    signed = await stub.UploadBundle(bundles(made(tmp_path / "made", private, NEXT).read_bytes()))
    places.key.rename(places.opt / "kept")
    await refused(signed, "no key")
    (places.opt / "kept").rename(places.key)
    places.enabled.unlink()  # what `systemctl disable` does
    await refused(signed, "systemctl enable")
    assert not (await maintenance(stub)).HasField("install")
    sign("key", tmp_path / "other.pem", tmp_path / "other.pem")
    sign("pub", places.key.parent, tmp_path / "other.pem")
    (places.data / "bundles" / "next.tar").touch()
    assert not (await maintenance(stub)).HasField("bundle"), "the key changed meanwhile"
