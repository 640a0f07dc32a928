"""Files reach UploadImport and UploadAreaOutlines whole, in order, in chunks, with what the user says about them."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from ngoclinh.land.v1 import import_service_pb2 as imports
from ngoclinh.land.v1.area_outline_pb2 import AreaOutlines
from ngoclinh.land.v1.parcel_pb2 import IMPORT_STATE_RUNNING, Import

from services.core.config import Settings
from services.core.errors import UnreadableFile
from services.core.sections.doors import GatewaySettings, GrpcSettings
from services.core.sections.work import LandSettings
from services.gateway.app import Gateway
from services.gateway.serve import WebServer
from services.rpc.client import connect
from services.rpc.serve import Server
from tests.services.fakes import answering
from tests.services.gateway.conftest import Ask, send

RAW = {"Content-Type": "application/octet-stream"}
FORM = {"Content-Type": "multipart/form-data; boundary=frontier"}


@answering("ngoclinh.land.v1.ImportService")
class Imports:
    """Digests what is uploaded; an empty file cannot be read."""

    async def UploadImport(self, requests: AsyncIterator[imports.UploadImportRequest], context: Any) -> Import:
        header, digest, size = imports.UploadHeader(), hashlib.sha256(), 0
        async for request in requests:
            if request.WhichOneof("part") == "header":
                header = request.header
            digest.update(request.chunk)
            size += len(request.chunk)
        if not size:
            raise UnreadableFile("Tệp rỗng.", "The file is empty.")
        return Import(
            name="imports/a", file_name=header.file_name, size_bytes=size, sha256=digest.hexdigest(),
            state=IMPORT_STATE_RUNNING, options=header.options,
        )  # fmt: skip

    async def UploadAreaOutlines(
        self, requests: AsyncIterator[imports.UploadAreaOutlinesRequest], context: Any
    ) -> AreaOutlines:
        parts = [request async for request in requests]
        header = parts[0].header
        size = sum(len(part.chunk) for part in parts)
        return AreaOutlines(outline_count=size, coordinate_system=f"{header.file_name} {header.coordinate_system}")


@pytest.fixture
async def upload(tmp_path: Path) -> AsyncIterator[Ask]:
    server = Server(GrpcSettings(), tcp=False, unix=tmp_path / "core.sock")
    server.add("ngoclinh.land.v1.ImportService", Imports())
    await server.start()
    channel = connect(server.target)
    settings = Settings(data_dir=tmp_path, gateway=GatewaySettings(port=0), land=LandSettings(max_upload_mb=2))
    web = WebServer(Gateway(channel, settings).app, settings.gateway)
    await web.start()

    async def post(query: str, body: bytes, headers: dict[str, str], door: str = "imports") -> Any:
        return await asyncio.to_thread(send, web.port, "POST", f"/v1/{door}:upload{query}", body, headers)

    yield post
    await web.stop()
    await channel.close()
    await server.stop(0)


def form(*parts: tuple[str, bytes]) -> bytes:
    return (
        b"".join(b"--frontier\r\n" + head.encode() + b"\r\n\r\n" + body + b"\r\n" for head, body in parts)
        + b"--frontier--\r\n"
    )


def chunked(body: bytes) -> bytes:
    parts = [body[start : start + 65536] for start in range(0, len(body), 65536)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


async def test_a_file_as_the_body(upload: Ask) -> None:
    data = bytes(range(256)) * 6000
    answer = await upload("?file_name=th%E1%BB%ADa.gpkg&options.commune=areas/2004-20944&options.scale=1000", data, RAW)
    import_ = answer.json
    assert answer.status == 200
    assert (import_["sha256"], import_["size_bytes"]) == (hashlib.sha256(data).hexdigest(), str(len(data)))
    assert (import_["file_name"], import_["state"]) == ("thửa.gpkg", "IMPORT_STATE_RUNNING")
    assert (import_["options"]["commune"], import_["options"]["scale"]) == ("areas/2004-20944", 1000)


async def test_a_file_in_a_form_whatever_the_order_of_its_parts(upload: Ask) -> None:
    data = b"\r\n--frontie\x00" * 5000
    body = form(
        ('Content-Disposition: form-data; name="file"; filename="to5.zip"\r\nContent-Type: application/zip', data),
        ('Content-Disposition: form-data; name="options.coordinate_system"', b"107-45"),
    )
    import_ = (await upload("", body, FORM)).json
    assert (import_["sha256"], import_["file_name"]) == (hashlib.sha256(data).hexdigest(), "to5.zip")
    assert import_["options"]["coordinate_system"] == "107-45"


async def test_a_file_beyond_the_limit_is_refused(upload: Ask) -> None:
    data = b"x" * (4 * 1024 * 1024)
    framed = form(('Content-Disposition: form-data; name="file"; filename="a"', data))
    for answer in (
        await upload("?file_name=a", b"", RAW | {"Content-Length": str(len(data))}),
        await upload("?file_name=a", chunked(data), RAW | {"Transfer-Encoding": "chunked"}),
        await upload("", chunked(framed), FORM | {"Transfer-Encoding": "chunked"}),
    ):
        assert (answer.status, answer.reason) == (413, "TOO_LARGE")
    assert (await upload("?file_name=a", b"x", RAW)).status == 200


@pytest.mark.parametrize(
    ("query", "body", "headers", "status", "reason"),
    [
        ("?file_name=a", b"", RAW, 400, "UNREADABLE_FILE"),
        ("", b"x", RAW, 400, "INVALID_FIELD"),
        ("?file_name=a&nonsense=1", b"x", RAW, 400, "INVALID_FIELD"),
        ("?file_name=a&sha256=xyz", b"x", RAW, 400, "INVALID_FIELD"),
        ("", b"no form at all", FORM, 400, "INVALID_FIELD"),
        ("", form(('Content-Disposition: form-data; name="other"', b"1")), FORM, 400, "INVALID_FIELD"),
        ("?file_name=a", json.dumps({}).encode(), {"Content-Type": "application/json"}, 415, "INVALID_FIELD"),
        ("?file_name=a", b"x", {"Content-Type": "text/plain"}, 415, "INVALID_FIELD"),
        ("?file_name=a", b"x", RAW | {"Origin": "https://evil.example"}, 403, "FORBIDDEN"),
    ],
)
async def test_what_is_no_upload_is_refused(
    upload: Ask, query: str, body: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    answer = await upload(query, body, headers)
    assert (answer.status, answer.reason) == (status, reason)


async def test_outlines_go_in_by_a_door_of_their_own(upload: Ask) -> None:
    query = "?file_name=x%C3%A3.gpkg&coordinate_system=5899"
    file = 'Content-Disposition: form-data; name="file"; filename="b"'
    for body, headers in ((b"x" * 700_000, RAW), (form((file, b"x" * 700_000)), FORM)):
        answer = await upload(query, body, headers, "areaOutlines")
        assert answer.status == 200
        assert (answer.json["outline_count"], answer.json["coordinate_system"]) == (700_000, "xã.gpkg 5899")
    assert (await upload(query, b"", RAW | {"Content-Length": str(4 << 20)}, "areaOutlines")).status == 413
    assert (await upload("?options.scale=500", b"x", RAW, "areaOutlines")).reason == "INVALID_FIELD"
