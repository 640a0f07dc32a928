"""Adds a source that a person describes: read, checked at its site, written into the operator's folder."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from ngoclinh.media.v1.article_pb2 import SourceState
from ngoclinh.media.v1.event_pb2 import AddSource, SourceChecked
from ngoclinh.type.v1.type_pb2 import ErrorReason

from crawlers import definition
from crawlers.catalogue import SourceSpec, own_folder
from crawlers.checking import Checker
from services.core.config import Settings
from services.core.errors import Conflict, NgocLinhError
from services.core.log import get_logger
from services.core.names import source_name

AT_ONCE = 4
"""Sources that are checked at once."""

_log = get_logger(__name__)


class Adder:
    """Adds sources.

    Args:
        checker: asks their sites.
        settings: where the operator's sources lie, and which are wanted.
    """

    def __init__(self, checker: Checker, settings: Settings) -> None:
        self._checker = checker
        self._folder = own_folder(settings)
        self._only = settings.crawler.sources
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def add(self, request: AddSource, known: Collection[str]) -> tuple[SourceChecked, SourceSpec | None]:
        """What became of a request, and the source where it is saved now.

        Args:
            request: what a person asks for.
            known: ids of the sources that there are.
        """
        answer = SourceChecked(request=request.request)
        try:
            spec = await self._add(request, known, answer)
        except NgocLinhError as error:
            _refuse(answer, error)
        except Exception as error:
            _log.exception("fault", source=request.source_id)
            _refuse(answer, NgocLinhError("Lỗi bên trong trình thu thập.", "An internal fault.", {"why": str(error)}))
        else:
            return answer, spec
        return answer, None

    async def _add(self, request: AddSource, known: Collection[str], answer: SourceChecked) -> SourceSpec | None:
        spec = definition.read(request.source_id, request.definition)
        self._require_new(spec.id, known)
        answer.source.CopyFrom(definition.describe(spec))
        async with self._slots:
            answer.checks.extend(await self._checker.check(spec))
        if request.validate_only or not all(check.ok for check in answer.checks):
            return None
        self._require_new(spec.id, known)
        text = definition.to_toml(definition.tree(request.definition))
        await asyncio.to_thread(definition.save, self._folder, spec.id, text)
        answer.saved, answer.source.state = True, SourceState.SOURCE_STATE_ACTIVE
        return spec

    def _require_new(self, source_id: str, known: Collection[str]) -> None:
        name = source_name(source_id)
        if source_id in known:
            raise Conflict(f"Đã có nguồn {name}; hãy chọn mã khác.", f"There is {name} already; choose another id.")
        if self._only and source_id not in self._only:
            raise Conflict(
                f"Cài đặt crawler.sources chỉ cho chạy {', '.join(self._only)}.",
                f"The setting crawler.sources lets only {', '.join(self._only)} run.",
            )


def _refuse(answer: SourceChecked, error: NgocLinhError) -> None:
    answer.reason = ErrorReason.Value(f"ERROR_REASON_{error.reason}")
    answer.message.vi, answer.message.en = error.vi, error.en
