"""MaintenanceService: converts, delegates, converts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from ngoclinh.operations.v1 import maintenance_service_pb2 as pb
from ngoclinh.operations.v1.maintenance_service_pb2_grpc import MaintenanceServiceServicer
from ngoclinh.type.v1.type_pb2 import LocalizedText

from services.core.clock import Clock, to_timestamp, utc_now
from services.core.config import Settings
from services.core.errors import Conflict, InvalidField
from services.maintenance import pending
from services.maintenance.backups import Backups, parts
from services.maintenance.bundles import Bundles
from services.maintenance.effective import effective
from services.maintenance.installs import Installs
from services.operations.outlook import NOTHING, Outlook
from services.rpc.caller import PROGRAM, present
from services.stores import adapter
from services.update.places import INSTALLED, Places
from services.upkeep import Chores

RESTART_S = 1.0
"""Seconds from the answer until the program ends: the answer reaches the page first."""
_STATES = {
    "done": pb.WORK_STATE_DONE,
    "refused": pb.WORK_STATE_REFUSED,
    "failed": pb.WORK_STATE_FAILED,
}
_RESTORES = {
    "requested": pb.RESTORE_STATE_REQUESTED,
    "trying": pb.RESTORE_STATE_TRYING,
    "back": pb.RESTORE_STATE_TRYING,
    "done": pb.RESTORE_STATE_DONE,
    "failed": pb.RESTORE_STATE_FAILED,
    "taken_back": pb.RESTORE_STATE_TAKEN_BACK,
}


@dataclass(frozen=True)
class Program:
    """The program that services are a part of, as far as they tell of it and ask for it.

    Attributes:
        chores: the work that it does again and again.
        outlook: what its health tells beside the stores.
        restart: ends the program so that it starts again; None where nothing starts it again.
    """

    chores: Chores = field(default_factory=Chores)
    outlook: Outlook = NOTHING
    restart: Callable[[], object] | None = None


class MaintenanceServicer(MaintenanceServiceServicer):
    """Cares for one installation.

    Args:
        settings: all settings.
        program: what it is a part of.
        clock: the present moment.
        places: where the installation lies, if a bundle made it.
    """

    def __init__(
        self, settings: Settings, program: Program, clock: Clock = utc_now, places: Places | None = None
    ) -> None:
        self._settings = settings
        self._program = program
        self._clock = clock
        self._backups = Backups(settings, clock)
        self._bundles = Bundles(settings, places or INSTALLED)
        self._installs = Installs(settings, clock, places or INSTALLED)

    async def GetMaintenance(self, request: pb.GetMaintenanceRequest, context: Any) -> pb.Maintenance:
        """How everything that needs care stands."""
        folder = self._settings.backup.folder
        told = pb.Maintenance(
            version=metadata.version("ngoclinh"),
            chores=[self._chore(name) for name in self._program.chores.told],
            backup_run=self._backups.run,
            bundle=await self._bundles.waiting(),
            backup_folder=str(folder) if folder else "",
            max_upload_bytes=self._settings.backup.max_upload_mb << 20,
            restore_hindrance=self._hindrance(),
            install=await asyncio.to_thread(self._installs.told),
            install_hindrance=await asyncio.to_thread(self._installs.hindrance),
        )
        wish = await asyncio.to_thread(pending.read, self._settings.data_dir)
        if wish is not None:
            told.restore.CopyFrom(_restore(wish, self._settings))
        return told

    async def ListSettings(self, request: pb.ListSettingsRequest, context: Any) -> pb.ListSettingsResponse:
        """The settings in force."""
        return pb.ListSettingsResponse(settings=effective(self._settings))

    async def RunChore(self, request: pb.RunChoreRequest, context: Any) -> pb.Maintenance:
        """Have work done now; the backup is one that is made now, due or not."""
        name = request.name.removeprefix("chores/")
        if name == "backup":
            self._backups.start()
        else:
            self._program.chores.ask(name, request.clock_confirmed)
        return await self.GetMaintenance(pb.GetMaintenanceRequest(), context)

    async def ListBackups(self, request: pb.ListBackupsRequest, context: Any) -> pb.ListBackupsResponse:
        """The backups on this machine."""
        return pb.ListBackupsResponse(backups=await self._backups.all())

    async def CreateBackup(self, request: pb.CreateBackupRequest, context: Any) -> pb.Maintenance:
        """Begin a backup."""
        self._backups.start()
        return await self.GetMaintenance(pb.GetMaintenanceRequest(), context)

    async def UploadBackup(self, request: AsyncIterator[pb.UploadBackupRequest], context: Any) -> pb.Backup:
        """Take a backup from elsewhere."""
        return await self._backups.receive(message.chunk async for message in request)

    async def DownloadBackup(
        self, request: pb.DownloadBackupRequest, context: Any
    ) -> AsyncIterator[pb.DownloadBackupResponse]:
        """The file of a backup: first what it is, then its bytes."""
        path = self._backups.path(request.name)
        yield pb.DownloadBackupResponse(backup=await asyncio.to_thread(self._backups.describe, path))
        async for part in parts(path):
            yield pb.DownloadBackupResponse(chunk=part)

    async def DeleteBackup(self, request: pb.DeleteBackupRequest, context: Any) -> pb.Backup:
        """Remove a backup, unless it waits to be restored."""
        path = self._backups.path(request.name)
        wish = pending.read(self._settings.data_dir)
        if wish is not None and wish.state == "requested" and wish.file == path:
            raise Conflict("Bản sao lưu này đang chờ khôi phục.", "This backup waits to be restored.")
        told = await asyncio.to_thread(self._backups.describe, path)
        await asyncio.to_thread(path.unlink, missing_ok=True)
        return told

    async def RestoreBackup(self, request: pb.RestoreBackupRequest, context: Any) -> pb.Maintenance:
        """Write down that a backup is to replace everything, and start again."""
        path = self._backups.path(request.name)
        if request.confirmation.strip() != path.name:
            raise InvalidField(
                "confirmation",
                "hãy gõ đúng tên tệp của bản sao lưu để xác nhận",
                "type the file name of the backup to confirm",
            )
        hindrance = self._hindrance()
        if hindrance is not None:
            raise Conflict(hindrance.vi, hindrance.en)
        if await asyncio.to_thread(self._installs.under_way):
            raise Conflict("Đang có một lần nâng cấp chưa xong.", "An update is under way.")
        who = present.get() or PROGRAM
        await asyncio.to_thread(pending.ask, self._settings, path.absolute(), who.user, self._clock)
        assert self._program.restart
        asyncio.get_running_loop().call_later(RESTART_S, self._program.restart)
        return await self.GetMaintenance(pb.GetMaintenanceRequest(), context)

    async def UploadBundle(self, request: AsyncIterator[pb.UploadBundleRequest], context: Any) -> pb.Bundle:
        """Take the bundle of the next release."""
        return await self._bundles.take(message.chunk async for message in request)

    async def InstallBundle(self, request: pb.InstallBundleRequest, context: Any) -> pb.Maintenance:
        """Write down for root that the bundle that waits is to be installed."""
        bundle = await self._bundles.waiting()
        if bundle is not None and request.confirmation.strip() != bundle.version:
            raise InvalidField(
                "confirmation",
                "hãy gõ đúng phiên bản của bộ cài để xác nhận",
                "type the release of the bundle to confirm",
            )
        wish = await asyncio.to_thread(pending.read, self._settings.data_dir)
        if wish is not None and wish.state in ("requested", "trying", "back"):
            raise Conflict("Đang có một lần khôi phục chưa xong.", "A restore is under way.")
        who = present.get() or PROGRAM
        await asyncio.to_thread(self._installs.ask, bundle, request.sha256, who.user)
        return await self.GetMaintenance(pb.GetMaintenanceRequest(), context)

    async def close(self) -> None:
        """Wait for the backup that is being made."""
        await self._backups.close()

    def _chore(self, name: str) -> pb.Chore:
        told = self._program.chores.told[name]
        chore = pb.Chore(name=f"chores/{name}")
        if told.outcome is not None and told.end is not None:
            chore.state = _STATES[told.outcome.state]
            chore.end_time.CopyFrom(to_timestamp(told.end))
            if told.outcome.vi:
                chore.result.CopyFrom(LocalizedText(vi=told.outcome.vi, en=told.outcome.en))
        if told.running:
            chore.state = pb.WORK_STATE_RUNNING
        if told.next is not None:
            chore.next_time.CopyFrom(to_timestamp(told.next))
        chore.confirmable = any(each.name == name and each.confirmed for each in self._program.chores.work)
        return chore

    def _hindrance(self) -> LocalizedText | None:
        """Why a restore is a matter of the command line here; None where it is not."""
        if any(adapter(self._settings, name) == "cluster" for name in ("ledger", "parcels")):
            return LocalizedText(
                vi="Dữ liệu nằm trong PostgreSQL: dừng mọi phần rồi chạy `ngoclinh restore TỆP` (docs/kubernetes.md).",
                en="The data lie in PostgreSQL: stop all parts, then run `ngoclinh restore FILE` (docs/kubernetes.md).",
            )
        if self._program.restart is None:
            return LocalizedText(
                vi="Chương trình này không tự khởi động lại được: dừng nó rồi chạy `ngoclinh restore TỆP`.",
                en="This program cannot start itself again: stop it, then run `ngoclinh restore FILE`.",
            )
        return None


def _restore(wish: pending.Wish, settings: Settings) -> pb.Restore:
    told = pb.Restore(
        state=_RESTORES[wish.state], backup=f"backups/{wish.file.name}", user=wish.user
    )  # fmt: skip
    told.request_time.CopyFrom(to_timestamp(wish.time))
    if wish.vi:
        told.problem.CopyFrom(LocalizedText(vi=wish.vi, en=wish.en))
    kept = settings.data_dir / wish.before
    if kept.is_dir():
        told.kept_folder = str(kept)
    return told
