"""An update that a page asks for: the wish is written down here, root decides, and what root tells is shown."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from ngoclinh.operations.v1 import maintenance_service_pb2 as pb
from ngoclinh.type.v1.type_pb2 import LocalizedText

from services.core import durable
from services.core.clock import Clock, to_timestamp
from services.core.config import Settings
from services.core.errors import Conflict
from services.update import record
from services.update.places import DOOR, FOLDER, WISH, Places

TAKEN_S = 120.0
"""Seconds after which root should have taken a wish."""
_STATES = {
    "running": pb.INSTALL_STATE_RUNNING,
    "done": pb.INSTALL_STATE_DONE,
    "failed": pb.INSTALL_STATE_FAILED,
    "taken_back": pb.INSTALL_STATE_TAKEN_BACK,
}


class Installs:
    """What this program asks of root.

    Args:
        settings: where the bundle lies.
        clock: the present moment.
        places: where the installation lies.
    """

    def __init__(self, settings: Settings, clock: Clock, places: Places) -> None:
        self._folder = settings.data_dir / FOLDER
        self._own = settings.data_dir.absolute() == places.data
        self._clock = clock
        self._places = places

    def hindrance(self) -> LocalizedText | None:
        """Why a page cannot ask for an update here; None where it can."""
        if not self._own or not self._places.opt.is_dir():
            return LocalizedText(
                vi="Chương trình này không do bộ cài cài đặt nên không nâng cấp từ trang này.",
                en="This program was not installed from a bundle, so it is not updated from this page.",
            )
        if not os.path.lexists(self._places.key):
            return LocalizedText(
                vi=f"Máy chủ chưa có khoá của nơi phát hành ({self._places.key}), nên chỉ nâng cấp bằng lệnh.",
                en=f"This server has no key of its maker ({self._places.key}), so it is updated by the command only.",
            )
        if not os.path.lexists(self._places.enabled) or not self._places.state.is_dir():
            command = f"sudo systemctl enable --now {DOOR}"
            return LocalizedText(
                vi=f"Máy chủ không cho nâng cấp từ trang này; muốn mở: {command}",
                en=f"This server does not let a page ask for updates; to open it: {command}",
            )
        return None

    def told(self) -> pb.Install | None:
        """How the last update stands; None where none was asked for."""
        return self._waiting() or self._answer()

    def under_way(self) -> bool:
        """Is one asked for that has not ended?"""
        now = self.told()
        return now is not None and now.state in (pb.INSTALL_STATE_REQUESTED, pb.INSTALL_STATE_RUNNING)

    def ask(self, bundle: pb.Bundle | None, sha256: str, user: str) -> None:
        """Write down that a bundle is to be installed.

        Raises:
            Conflict: nobody would take the wish, another bundle waits, it is not signed, or an update is under way.
        """
        hindrance = self.hindrance()
        if hindrance is not None:
            raise Conflict(hindrance.vi, hindrance.en)
        if bundle is None or bundle.sha256 != sha256:
            raise Conflict(
                "Bộ cài đang chờ không còn là bộ cài đã xem; hãy xem lại.",
                "The bundle that waits is no longer the one that was looked at; look again.",
            )
        if not bundle.signed:
            raise Conflict(
                "Nơi phát hành không ký bộ cài này, nên chỉ cài được bằng lệnh.",
                "The maker did not sign this bundle, so it is installed by the command only.",
            )
        if self.under_way():
            raise Conflict("Đang có một lần nâng cấp chưa xong.", "An update is under way.")
        wish = record.Wish(sha256=sha256, version=bundle.version, user=user, time=self._clock())
        durable.write(self._folder / WISH, wish.model_dump_json(indent=1))

    def _waiting(self) -> pb.Install | None:
        try:
            wish = record.Wish.model_validate_json((self._folder / WISH).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        told = pb.Install(
            state=pb.INSTALL_STATE_REQUESTED, version=wish.version, user=wish.user, start_time=to_timestamp(wish.time)
        )
        if abs(self._clock() - wish.time) > timedelta(seconds=TAKEN_S):
            told.state = pb.INSTALL_STATE_FAILED
            told.problem.CopyFrom(
                LocalizedText(
                    vi=f"Không có gì nhận yêu cầu này; hãy xem: systemctl status {DOOR}",
                    en=f"Nothing takes this up; see: systemctl status {DOOR}",
                )
            )
        return told

    def _answer(self) -> pb.Install | None:
        found = record.read(self._places)
        if found is None:
            return None
        result, sign_s = found
        told = pb.Install(
            state=_STATES[result.state], version_before=result.before, version=result.version, user=result.user,
            start_time=to_timestamp(result.start), end_time=to_timestamp(result.end) if result.end else None,
        )  # fmt: skip
        if result.vi:
            told.problem.CopyFrom(LocalizedText(vi=result.vi, en=result.en))
        silent = self._clock() - datetime.fromtimestamp(sign_s, UTC) > timedelta(seconds=record.SILENT_S)
        if result.state == "running" and silent:
            told.state = pb.INSTALL_STATE_FAILED
            told.problem.CopyFrom(
                LocalizedText(
                    vi="Lần nâng cấp dừng giữa chừng; hãy xem: journalctl -u ngoclinh-update",
                    en="The update stopped half-way; see: journalctl -u ngoclinh-update",
                )
            )
        return told
