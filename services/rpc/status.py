"""One table: reason of a domain error → gRPC status → HTTP status, and the details that go with it.

A client sees `ErrorInfo{reason, domain "ngoclinh"}`, field violations, when to come back, and the message in both
languages. Of an unknown exception it sees nothing but that there was a fault, and the request id that finds it in the log.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from services.core.errors import InvalidField, NgocLinhError, Overloaded

DOMAIN = "ngoclinh"
DETAILS_KEY = "grpc-status-details-bin"
MAX_TEXT = 500
"""Longest message in characters."""
MAX_BYTES = 4500
"""Largest status in bytes: it travels as base64 in metadata, which end at 8 KiB."""

D = TypeVar("D", bound=Message)
Code = grpc.StatusCode


class Row(NamedTuple):
    """What becomes of a reason."""

    grpc: grpc.StatusCode
    http: int


REASONS: dict[str, Row] = {
    "INVALID_FIELD": Row(Code.INVALID_ARGUMENT, 400),
    "INVALID_PAGE_TOKEN": Row(Code.INVALID_ARGUMENT, 400),
    "NOT_FOUND": Row(Code.NOT_FOUND, 404),
    "UNKNOWN_COORDINATE_SYSTEM": Row(Code.INVALID_ARGUMENT, 400),
    "UNUSABLE_COORDINATE_SYSTEM": Row(Code.INVALID_ARGUMENT, 400),
    "UNREADABLE_FILE": Row(Code.INVALID_ARGUMENT, 400),
    "REFUSED_FILE": Row(Code.INVALID_ARGUMENT, 400),
    "TOO_LARGE": Row(Code.RESOURCE_EXHAUSTED, 413),
    "OVERLOADED": Row(Code.RESOURCE_EXHAUSTED, 429),
    "FETCH_REFUSED": Row(Code.FAILED_PRECONDITION, 400),
    "FETCH_FAILED": Row(Code.FAILED_PRECONDITION, 400),
    "CONFLICT": Row(Code.FAILED_PRECONDITION, 409),
    "UNAVAILABLE": Row(Code.UNAVAILABLE, 503),
    "FORBIDDEN": Row(Code.PERMISSION_DENIED, 403),
    "INTERNAL": Row(Code.INTERNAL, 500),
    "DEADLINE": Row(Code.DEADLINE_EXCEEDED, 504),
    "LICENCE": Row(Code.FAILED_PRECONDITION, 400),
    "UNAUTHENTICATED": Row(Code.UNAUTHENTICATED, 401),
    "EXPIRED": Row(Code.UNAUTHENTICATED, 401),
    "OUTSIDE_AREA": Row(Code.PERMISSION_DENIED, 403),
    "PASSWORD_CHANGE_REQUIRED": Row(Code.PERMISSION_DENIED, 403),
}
"""Every reason of `ngoclinh.type.v1.ErrorReason`."""

HTTP: dict[grpc.StatusCode, int] = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.DATA_LOSS: 500,
    Code.UNAUTHENTICATED: 401,
}
"""For a status that carries no reason of ours, as in `google/rpc/code.proto`."""

_REASON_OF_CODE = {
    Code.DEADLINE_EXCEEDED: "DEADLINE",
    Code.UNAVAILABLE: "UNAVAILABLE",
    Code.CANCELLED: "UNAVAILABLE",
    Code.RESOURCE_EXHAUSTED: "TOO_LARGE",
    Code.UNIMPLEMENTED: "NOT_FOUND",
    Code.INVALID_ARGUMENT: "INVALID_FIELD",
}
_TEXTS: dict[str, tuple[str, str]] = {
    "DEADLINE": ("Quá thời hạn trả lời.", "The call took longer than its deadline."),
    "UNAVAILABLE": (
        "Một dịch vụ chưa trả lời; hãy thử lại sau.",
        "A service does not answer; try again later.",
    ),
    "TOO_LARGE": ("Thông điệp vượt giới hạn 4 MiB.", "The message exceeds the limit of 4 MiB."),
    "NOT_FOUND": ("Không có phương thức này.", "There is no such method."),
    "INVALID_FIELD": ("Yêu cầu không hợp lệ.", "The request is not valid."),
    "INTERNAL": (
        "Máy chủ gặp lỗi; nhật ký có mã yêu cầu.",
        "A fault of the server; the log has the request id.",
    ),
}


def from_error(error: BaseException, request_id: str = "") -> status_pb2.Status:
    """The status that a client gets for an exception.

    Args:
        error: a domain error, an error of a call to another service, or anything else (a fault).
        request_id: told to the client with a fault.
    """
    if isinstance(error, NgocLinhError):
        return _from_domain(error)
    if isinstance(error, grpc.RpcError):
        return from_rpc_error(error)
    return _plain("INTERNAL", {"request_id": request_id} if request_id else {})


def from_rpc_error(error: grpc.RpcError) -> status_pb2.Status:
    """The status of a failed call: as the other side told it, where it told it in our form."""
    told = next((value for key, value in _trailing(error) if key == DETAILS_KEY), b"")
    if told:
        with contextlib.suppress(DecodeError):
            status = status_pb2.Status.FromString(told)
            if reason(status):
                return status
    code = error.code() if hasattr(error, "code") else Code.UNKNOWN
    return _plain(_REASON_OF_CODE.get(code, "INTERNAL"), {})


def reason(status: status_pb2.Status) -> str:
    """The reason of a status without its prefix; "" where it carries none of ours."""
    return next(
        (info.reason for info in details(status, error_details_pb2.ErrorInfo) if info.domain == DOMAIN),
        "",
    )


def http_code(status: status_pb2.Status) -> int:
    """The HTTP status of a status."""
    row = REASONS.get(reason(status))
    if row:
        return row.http
    return next((http for code, http in HTTP.items() if code.value[0] == status.code), 500)


def message(status: status_pb2.Status, lang: str) -> str:
    """The message in `lang` ("vi" or "en"), else as it stands."""
    texts: dict[str, str] = {text.locale: text.message for text in details(status, error_details_pb2.LocalizedMessage)}
    return texts.get(lang) or str(status.message)


def retry_after_s(status: status_pb2.Status) -> float:
    """Seconds after which a new try makes sense; 0 where the status names none."""
    return next(
        (float(info.retry_delay.ToMilliseconds()) / 1000 for info in details(status, error_details_pb2.RetryInfo)), 0.0
    )


def details(status: status_pb2.Status, kind: type[D]) -> Iterator[D]:
    """The details of one kind."""
    for packed in status.details:
        if packed.Is(kind.DESCRIPTOR):
            detail = kind()
            packed.Unpack(detail)
            yield detail


def grpc_code(status: status_pb2.Status) -> grpc.StatusCode:
    """The gRPC status code of a status."""
    return next((code for code in Code if code.value[0] == status.code), Code.UNKNOWN)


def _from_domain(error: NgocLinhError) -> status_pb2.Status:
    status = _status(error.reason, error.vi, error.en, error.details)
    if isinstance(error, InvalidField):
        status.details.add().Pack(_bad_request(error, MAX_BYTES - status.ByteSize()))
    if isinstance(error, Overloaded):
        delay = Duration()
        delay.FromMilliseconds(int(error.retry_after_s * 1000))
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    return status


def _trailing(error: grpc.RpcError) -> Iterable[tuple[str, Any]]:
    metadata: Iterable[tuple[str, Any]] | None = getattr(error, "trailing_metadata", lambda: None)()
    return metadata or ()


def _bad_request(error: InvalidField, room: int) -> error_details_pb2.BadRequest:
    """The violations, as many as fit into `room` bytes, one at least."""
    bad = error_details_pb2.BadRequest()
    for field, vi, en in getattr(error, "violations", None) or [(error.field, error.vi, error.en)]:
        violation = bad.field_violations.add(field=_cut(field), description=_cut(en), reason=error.reason)
        violation.localized_message.locale = "vi"
        violation.localized_message.message = _cut(vi)
        if bad.ByteSize() > room and len(bad.field_violations) > 1:
            del bad.field_violations[-1]
            break
    return bad


def _plain(why: str, metadata: dict[str, str]) -> status_pb2.Status:
    vi, en = _TEXTS[why]
    return _status(why, vi, en, metadata)


def _status(why: str, vi: str, en: str, metadata: dict[str, str]) -> status_pb2.Status:
    status = status_pb2.Status(code=REASONS[why].grpc.value[0], message=_cut(en))
    facts = {key: _cut(value) for key, value in list(metadata.items())[:10]}
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=why, domain=DOMAIN, metadata=facts))
    for locale, text in (("vi", vi), ("en", en)):
        status.details.add().Pack(error_details_pb2.LocalizedMessage(locale=locale, message=_cut(text)))
    return status


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
