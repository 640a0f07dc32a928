"""What the gateway answers: messages as JSON, errors as `google.rpc.Status` in JSON, in the language asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from starlette.responses import Response

from services.core import protojson
from services.core.errors import NgocLinhError
from services.rpc import status as rpc_status
from services.rpc.interceptors import REQUEST_ID

JSON = "application/json"
_WEIGHT = re.compile(r"\s*([A-Za-z-]+|\*)\s*(?:;\s*q\s*=\s*([0-9.]+))?\s*")


def language(headers: Mapping[str, str]) -> str:
    """The language that `Accept-Language` prefers, "vi" or "en"; Vietnamese where it prefers neither."""
    weights = {"vi": 0.0, "en": 0.0}
    for part in headers.get("accept-language", "").split(",")[:20]:
        match = _WEIGHT.fullmatch(part)
        tag = match[1].lower().split("-")[0] if match else ""
        if match and tag in weights:
            try:
                weights[tag] = max(weights[tag], float(match[2] or 1))
            except ValueError:
                continue
    return "en" if weights["en"] > weights["vi"] else "vi"


def caller(scope: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Metadata that tell services under which request id somebody asks; who asks is told by the channel."""
    request_id = scope.get("request_id", "")
    return ((REQUEST_ID, request_id),) if request_id else ()


def answer(message: Message) -> Response:
    """A message as a response."""
    return Response(protojson.to_json(message), media_type=JSON, headers={"Cache-Control": "no-store"})


def error(status: status_pb2.Status, lang: str, http: int = 0) -> Response:
    """A status as a response.

    Args:
        status: what went wrong.
        lang: language of `message`; the details carry both.
        http: HTTP status instead of the one of the table.
    """
    code = http or rpc_status.http_code(status)
    body = {
        "code": code,
        "message": rpc_status.message(status, lang),
        "status": rpc_status.grpc_code(status).name,
        "details": [protojson.to_dict(detail) for detail in status.details],
    }
    headers = {"Cache-Control": "no-store", "Content-Language": lang}
    for retry in rpc_status.details(status, error_details_pb2.RetryInfo):
        headers["Retry-After"] = str(max(1, retry.retry_delay.ToTimedelta().seconds))
    return Response(json.dumps({"error": body}, ensure_ascii=False), code, headers, media_type=JSON)


def domain_error(problem: NgocLinhError, headers: Mapping[str, str], http: int = 0) -> Response:
    """A domain error as a response."""
    return error(rpc_status.from_error(problem), language(headers), http)


def no_route(headers: Mapping[str, str], allowed: str = "") -> Response:
    """The answer where there is no such address (404), or not with this verb (405, `allowed` lists the others).

    It carries no reason: so a program can tell it from a resource that does not exist.
    """
    status = status_pb2.Status(code=rpc_status.Code.UNIMPLEMENTED.value[0])
    texts = (
        ("Địa chỉ này không nhận phương thức đó.", "This address does not take that method.")
        if allowed
        else ("Không có địa chỉ này.", "There is no such address.")
    )
    for locale, text in zip(("vi", "en"), texts, strict=True):
        status.details.add().Pack(error_details_pb2.LocalizedMessage(locale=locale, message=text))
    response = error(status, language(headers), 405 if allowed else 404)
    if allowed:
        response.headers["Allow"] = allowed
    return response
