"""Article records from one office's server to another, in a file that is signed.

For offices whose land data lie on a server without Internet: the server that crawls writes its articles with their
analyses, a person carries the file, and the other server takes it where it knows the key. Files of evidence are not in
it. A file is a head line, a signature (Ed25519, 64 bytes) over the SHA-256 of the rest, then `Article` messages, each
after its length (4 bytes, big endian).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from google.protobuf.message import DecodeError
from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.event_pb2 import ArticleAnalyzed, ArticleCollected

from services.core.errors import InvalidField, RefusedFile, UnreadableFile
from services.core.names import content_digest
from services.core.ports import ArticleIndex, Ledger

HEAD = b"ngoclinh articles 1\n"
MAX_MESSAGE = 8 << 20
"""Largest article in bytes."""
BATCH = 200
"""Articles that are put into the index at once."""
_SIGNATURE, _CHUNK = 64, 1 << 20


def make_key(path: Path) -> Path:
    """Write a new private key, and beside it the public one, whose path is returned.

    Raises:
        InvalidField: a file is there already, or cannot be written.
    """
    key, public = Ed25519PrivateKey.generate(), path.with_name(path.name + ".pub")
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    shown = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for file, mode, content in ((path, 0o600, private), (public, 0o644, shown)):
        try:
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as written:
                written.write(content)
        except OSError as error:
            why = error.strerror or str(error)
            raise InvalidField(str(file), f"không ghi được: {why}", f"cannot be written: {why}") from error
    return public


async def write(articles: AsyncIterator[Article], file: BinaryIO, key: Path) -> int:
    """Write articles and sign them; returns their number.

    Args:
        articles: as the ledger gives them.
        file: can be read and sought, too.
        key: file of the private key.

    Raises:
        InvalidField: the key cannot be read.
    """
    signer, digest, count = _private(key), hashlib.sha256(), 0
    file.write(HEAD + bytes(_SIGNATURE))
    async for article in articles:
        sent = Article()
        sent.CopyFrom(article)
        del sent.evidence[:]
        data = sent.SerializeToString()
        for part in (len(data).to_bytes(4, "big"), data):
            digest.update(part)
            file.write(part)
        count += 1
    file.seek(len(HEAD))
    file.write(signer.sign(HEAD + digest.digest()))
    return count


async def take(file: BinaryIO, trusted: Path, ledger: Ledger, index: ArticleIndex) -> int:
    """Record the articles of a file whose signature is that of a trusted key; returns how many were new or changed.

    Nothing is looked at before the signature is. What is there already changes nothing, a later version stays, and what
    was taken down stays down.

    Raises:
        InvalidField: the key cannot be read.
        RefusedFile: the signature is not that of the key.
        UnreadableFile: it is no such file.
    """
    _verify(file, _public(trusted))
    count, batch = 0, list[Article]()
    for article in _articles(file):
        stored, changed = await _record(ledger, article)
        count += changed
        if stored is not None:
            batch.append(stored)
        if len(batch) == BATCH:
            await index.put(batch)
            batch = []
    await index.put(batch)
    return count


async def _record(ledger: Ledger, article: Article) -> tuple[Article | None, bool]:
    """Record one article as its two events; None where it is down."""
    version = Article()
    version.CopyFrom(article)
    for field in ("analysis", "places", "current_areas", "parcel_references", "documents", "withdrawn_time",
                  "revision", "change_number", "first_collect_time", "text_length", "excerpt", "evidence"):  # fmt: skip
        version.ClearField(field)
    digest = content_digest(article.title, article.lead, article.text)
    recorded = await ledger.record_collected(ArticleCollected(article=version, content_sha256=digest))
    if not recorded.article.revision:
        return None, False
    if (
        not article.analysis.HasField("analyze_time")
        or content_digest(recorded.article.title, recorded.article.lead, recorded.article.text) != digest
    ):
        return recorded.article, recorded.changed
    analyzed = await ledger.record_analyzed(
        ArticleAnalyzed(
            article=article.name,
            revision=recorded.article.revision,
            analysis=article.analysis,
            places=article.places,
            current_areas=article.current_areas,
            parcel_references=article.parcel_references,
            documents=article.documents,
        )
    )
    return analyzed, recorded.changed


def _verify(file: BinaryIO, key: Ed25519PublicKey) -> None:
    """Compare the signature and leave the file at its first article."""
    if file.read(len(HEAD)) != HEAD:
        raise _unreadable()
    signature, digest = file.read(_SIGNATURE), hashlib.sha256()
    start = file.tell()
    while part := file.read(_CHUNK):
        digest.update(part)
    try:
        key.verify(signature, HEAD + digest.digest())
    except InvalidSignature as error:
        raise RefusedFile(
            "Chữ ký của tệp không phải của khoá được tin cậy, hoặc tệp đã bị sửa.",
            "The signature is not that of the trusted key, or the file was changed.",
        ) from error
    file.seek(start)


def _articles(file: BinaryIO) -> Iterator[Article]:
    while length := file.read(4):
        size = int.from_bytes(length, "big")
        data = file.read(min(size, MAX_MESSAGE))
        if len(length) < 4 or len(data) != size:
            raise _unreadable()
        try:
            yield Article.FromString(data)
        except DecodeError as error:
            raise _unreadable() from error


def _unreadable() -> UnreadableFile:
    return UnreadableFile(
        "Không phải tệp bài viết do Ngọc Linh xuất ra.", "This is no file of articles that Ngọc Linh wrote."
    )


def _private(path: Path) -> Ed25519PrivateKey:
    key = _load(path, lambda data: serialization.load_pem_private_key(data, None))
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path)
    return key


def _public(path: Path) -> Ed25519PublicKey:
    key = _load(path, serialization.load_pem_public_key)
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path)
    return key


def _load(path: Path, read: Callable[[bytes], object]) -> object:
    try:
        return read(path.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise _no_key(path) from error


def _no_key(path: Path) -> InvalidField:
    return InvalidField(str(path), "không phải tệp khoá Ed25519", "is no file of an Ed25519 key of this kind")
