"""Evidence: kept by its content, named by clippings, erased with the last article that names it."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from ngoclinh.media.v1.article_pb2 import Evidence
from ngoclinh.media.v1.media_service_pb2 import (
    GetArticleRequest,
    GetEvidenceRequest,
    SubmitArticleRequest,
    TakeDownArticleRequest,
    UploadEvidenceRequest,
)
from ngoclinh.media.v1.media_service_pb2_grpc import MediaServiceStub

from services.core.errors import NgocLinhError
from services.media.evidence import MAX_BYTES, EvidenceStore, media_type
from tests.services.media.serving import refusal
from tests.services.media.stores import Stores

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 3000
PDF = b"%PDF-1.7\n" + b"x" * 2000


async def parts(data: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def upload(media: MediaServiceStub, data: bytes) -> Evidence:
    async def messages() -> AsyncIterator[UploadEvidenceRequest]:
        async for part in parts(data):
            yield UploadEvidenceRequest(chunk=part)

    return await media.UploadEvidence(messages())


async def download(media: MediaServiceStub, sha256: str) -> tuple[Evidence, bytes]:
    messages = [message async for message in media.GetEvidence(GetEvidenceRequest(sha256=sha256))]
    return messages[0].evidence, b"".join(message.chunk for message in messages)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("evidence/*/*"))


def grow_old(folder: Path) -> None:
    for path in folder.glob("*/*"):
        os.utime(path, (time.time() - 200_000,) * 2)


async def test_a_clipping_with_evidence_gives_it_back_and_take_down_erases_it(
    stores: Stores, media: MediaServiceStub, tmp_path: Path
) -> None:
    shot, paper = await upload(media, PNG), await upload(media, PDF)
    assert (shot.media_type, shot.size_bytes, paper.media_type) == ("image/png", len(PNG), "application/pdf")
    async with stores.working():
        both = await media.SubmitArticle(SubmitArticleRequest(text="Bài đăng.", evidence=[shot.sha256, paper.sha256]))
        other = await media.SubmitArticle(SubmitArticleRequest(title="Ảnh chụp màn hình", evidence=[shot.sha256]))
        await stores.drained()
    stored = await media.GetArticle(GetArticleRequest(name=both.article))
    assert list(stored.evidence) == [shot, paper]
    assert (await media.GetArticle(GetArticleRequest(name=other.article))).text == "Ảnh chụp màn hình"
    assert await download(media, shot.sha256) == (shot, PNG)
    await media.TakeDownArticle(TakeDownArticleRequest(name=both.article, reason="theo yêu cầu"))
    assert files(tmp_path) == [shot.sha256], "the other article still names the picture"
    with pytest.raises(Exception, match="does not exist"):
        await download(media, paper.sha256)
    await media.TakeDownArticle(TakeDownArticleRequest(name=other.article, reason="theo yêu cầu"))
    assert files(tmp_path) == []


async def test_evidence_that_no_article_names_is_given_to_nobody(media: MediaServiceStub) -> None:
    shot = await upload(media, PNG)
    with pytest.raises(Exception, match="does not exist"):
        await download(media, shot.sha256)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (SubmitArticleRequest(text="x", evidence=["0" * 64]), "NOT_FOUND"),
        (SubmitArticleRequest(text="x", evidence=["../../etc/passwd"]), "INVALID_FIELD"),
        (SubmitArticleRequest(url="https://tin.example/a", evidence=["0" * 64]), "INVALID_FIELD"),
        (SubmitArticleRequest(text="x", evidence=["0" * 64] * 2), "INVALID_FIELD"),
    ],
)
async def test_a_clipping_names_only_what_was_uploaded(
    stores: Stores, media: MediaServiceStub, request_: SubmitArticleRequest, reason: str
) -> None:
    assert (await refusal(media.SubmitArticle(request_)))[1] == reason
    assert (await stores.bus.depth())["media.collected", "ledger"] == 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "INVALID_FIELD"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "REFUSED_FILE"),
        (b"GIF89a" + bytes(100), "REFUSED_FILE"),
        (b"MZ" + bytes(100), "REFUSED_FILE"),
        (b"\xff\xd8\xff" + bytes(MAX_BYTES), "TOO_LARGE"),
    ],
)
async def test_what_is_no_evidence_leaves_nothing(
    media: MediaServiceStub, tmp_path: Path, data: bytes, reason: str
) -> None:
    assert (await refusal(upload(media, data)))[1] == reason
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", ""),
        (b" %PDF-1.7", ""),
        (b"", ""),
    ],
)
def test_a_kind_is_told_by_the_first_bytes_only(head: bytes, kind: str) -> None:
    assert media_type(head) == kind


async def test_the_same_file_lies_there_once_and_what_nobody_names_is_swept_after_a_day(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path / "evidence")
    kept, lost = await store.receive(parts(PNG)), await store.receive(parts(PDF))
    assert await store.receive(parts(PNG, 7777)) == kept == await store.describe(kept.sha256)
    assert kept.sha256 == hashlib.sha256(PNG).hexdigest()

    async def is_named(sha256: str) -> bool:
        return sha256 == kept.sha256

    assert await store.sweep(is_named) == 0, "an upload of today may still be named"
    grow_old(tmp_path / "evidence")
    assert await store.sweep(is_named) == 1
    assert files(tmp_path) == [kept.sha256]
    with pytest.raises(NgocLinhError):
        await store.describe(lost.sha256)


async def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    make: Callable[[str], int] = (tmp_path / "evidence").write_text
    make("no folder")
    with pytest.raises(NgocLinhError) as caught:
        await EvidenceStore(tmp_path / "evidence").receive(parts(PNG))
    assert caught.value.reason == "UNAVAILABLE"
