"""`GET /v1/auditEntries:export`: the audit log as a file for a spreadsheet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import grpc.aio
from ngoclinh.access.v1.access_service_pb2 import AuditFilter, ListAuditEntriesRequest, ListAuditEntriesResponse
from ngoclinh.access.v1.access_service_pb2_grpc import AccessServiceStub
from ngoclinh.access.v1.user_pb2 import AuditEntry
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.core.clock import VIETNAM, to_datetime, utc_now, vietnam_date
from services.core.vietnamese import strip_controls
from services.gateway import answers
from services.gateway.export import formats
from services.gateway.export.table import Row
from services.gateway.transcode import query_message
from services.rpc.caller import reading_for

PATH = "/v1/auditEntries:export"
HEADINGS: Row = (
    "Thời điểm",
    "Người dùng",
    "Địa chỉ",
    "Việc",
    "Đối tượng",
    "Kết quả",
    "Mục đích",
    "Mã yêu cầu",
    "Mã mục",
)
_PAGE = 1000


class AuditExportDoor:
    """The route. Parameters: those of ListAuditEntries that begin with `filter.`.

    Args:
        channel: where AccessService is.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._access = AccessServiceStub(channel)

    async def handle(self, request: Request) -> Response:
        """Every entry that matches, newest first; that they were taken out stands in the log too."""
        reading_for("export")
        asked = urlencode(request.query_params.multi_items()).encode()
        filter_ = query_message(ListAuditEntriesRequest, asked).filter
        metadata = answers.caller(request.scope)
        first = await self._page(filter_, "", metadata)  # what is wrong is told before the answer has begun
        name = f"nhat-ky-{vietnam_date(utc_now()).isoformat()}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return StreamingResponse(
            self._body(filter_, first, metadata), media_type=formats.FORMATS["csv"].media_type, headers=headers
        )

    async def _page(
        self, filter_: AuditFilter, token: str, metadata: tuple[tuple[str, str], ...]
    ) -> ListAuditEntriesResponse:
        asked = ListAuditEntriesRequest(filter=filter_, page_size=_PAGE, page_token=token)
        return await self._access.ListAuditEntries(asked, metadata=metadata)

    async def _body(
        self, filter_: AuditFilter, page: ListAuditEntriesResponse, metadata: tuple[tuple[str, str], ...]
    ) -> AsyncIterator[bytes]:
        yield b"\xef\xbb\xbf" + formats.lines([HEADINGS])
        while page.entries:
            yield formats.lines(row(entry) for entry in page.entries)
            if not page.next_page_token:
                return
            page = await self._page(filter_, page.next_page_token, metadata)


def row(entry: AuditEntry) -> Row:
    """The cells of an entry, under `HEADINGS`; times are those of Vietnam."""
    when = f"{to_datetime(entry.time).astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}"
    cells = (when, entry.user, entry.address, entry.method, entry.resource, entry.outcome, entry.purpose)
    return tuple(" ".join(strip_controls(cell).split()) for cell in (*cells, entry.request_id, entry.name))
