"""Article records that one server writes and another takes."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

from services.adapters.embedded.index_sqlite import SqliteArticleIndex
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.core.errors import InvalidField, NgocLinhError, RefusedFile, UnreadableFile
from services.media.exchange import HEAD, make_key, take, write
from tests.contracts.articles import analyzed, article, collected
from tests.contracts.ledger import picture, with_files
from tests.e2e.program import ngoclinh


class Server:
    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.ledger, self.index = SqliteLedger(folder / "ledger.sqlite"), SqliteArticleIndex(folder / "index.sqlite")

    async def records(self) -> list[Article]:
        return [found async for found in self.ledger.replay()]

    async def write(self, key: Path) -> bytes:
        file = io.BytesIO()
        await write(self.ledger.replay(), file, key)
        return file.getvalue()

    async def take(self, data: bytes, key: Path) -> int:
        return await take(io.BytesIO(data), key, self.ledger, self.index)


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[tuple[Server, Server]]:
    made = Server(tmp_path / "out"), Server(tmp_path / "in")
    for number in range(5):
        kept = with_files(article(f"a{number}"), picture("x"))
        await made[0].ledger.record_collected(collected(kept, day=number))
        if number < 4:
            await made[0].ledger.record_analyzed(analyzed(kept.name, day=number))
    yield made
    for server in made:
        await server.ledger.close()
        await server.index.close()


async def test_the_records_arrive_as_they_were_and_again_change_nothing(
    servers: tuple[Server, Server], tmp_path: Path
) -> None:
    out, into = servers
    public = make_key(tmp_path / "key")
    data = await out.write(tmp_path / "key")
    assert await into.take(data, public) == 5
    sent, got = await out.records(), await into.records()
    for one, other in zip(sent, got, strict=True):
        one.ClearField("evidence")
        one.ClearField("change_number")
        other.ClearField("change_number")
        assert one == other
    assert (await into.index.search(ArticleFilter(), 9)).total == 5
    before = await into.records()
    assert await into.take(data, public) == 0
    assert await into.records() == before


async def test_what_is_later_or_taken_down_there_stays_so(servers: tuple[Server, Server], tmp_path: Path) -> None:
    out, into = servers
    public = make_key(tmp_path / "key")
    await into.ledger.record_collected(collected(article("a0", "mới hơn"), day=50))
    await into.ledger.record_collected(collected(article("a1"), day=50))
    await into.ledger.take_down(article("a1").name, "theo yêu cầu", "an")
    await into.take(await out.write(tmp_path / "key"), public)
    later = await into.ledger.article(article("a0").name)
    assert later is not None
    assert (later.text, later.analysis.HasField("analyze_time")) == ("mới hơn", False)
    assert await into.ledger.article(article("a1").name) is None


@pytest.mark.parametrize("change", ["bit", "cut", "more", "head", "empty", "other key", "private key"])
async def test_what_is_not_signed_by_the_trusted_key_is_refused_before_it_is_read(
    servers: tuple[Server, Server], tmp_path: Path, change: str
) -> None:
    out, into = servers
    public = make_key(tmp_path / "key")
    data = await out.write(tmp_path / "key")
    expected: type[NgocLinhError] = RefusedFile
    match change:
        case "bit":
            data = data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]
        case "cut":
            data = data[:-9]
        case "more":
            data += data[len(HEAD) + 64 :]
        case "head":
            data, expected = b"x" + data, UnreadableFile
        case "empty":
            data, expected = b"", UnreadableFile
        case "other key":
            public = make_key(tmp_path / "other")
        case "private key":
            public, expected = tmp_path / "key", InvalidField
    with pytest.raises(expected):
        await into.take(data, public)
    assert await into.records() == []


def test_by_the_command_line_from_one_folder_to_another(tmp_path: Path) -> None:
    key, file = tmp_path / "key", tmp_path / "records"
    assert ngoclinh("articles", "key", key).stderr.strip() == f"{key}.pub"
    assert key.stat().st_mode & 0o777 == 0o600
    out, into = ("--data-dir", tmp_path / "out"), ("--data-dir", tmp_path / "in")
    done = ngoclinh(*out, "articles", "export", "--signed", key, "--out", file)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
    done = ngoclinh(*into, "articles", "import", file, "--trusted", f"{key}.pub")
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
    again = ngoclinh("articles", "key", key)
    assert again.returncode == 2
