"""`ngoclinh search` over a data folder."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from ngoclinh.media.v1.media_service_pb2 import ListArticlesResponse
from typer.testing import CliRunner, Result

from services.adapters.embedded.files import Files
from services.adapters.embedded.index_sqlite import SqliteArticleIndex
from services.cli import app
from services.cli.search import show
from tests.contracts.articles import article


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with three articles in its index."""

    async def fill() -> None:
        async with SqliteArticleIndex(Files(tmp_path).index) as index:
            await index.put(
                [article("a", "Người dân hỏi về đất đai.", days=0), article("b", "Đất đai đã đo.", days=20)]
            )
            await index.put([article("c", "Anh Đạt mở lớp.", days=20)])

    asyncio.run(fill())
    return tmp_path


def search(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--data-dir", str(folder), "--lang", "vi", "search", *arguments])


def titles(result: Result) -> list[str]:
    return [found["title"] for found in json.loads(result.stdout)["articles"]]


def test_words_are_found_with_and_without_marks(folder: Path) -> None:
    assert titles(search(folder, "dat dai", "--format", "json")) == ["Bài b", "Bài a"]
    assert titles(search(folder, "đạt", "--format", "json")) == ["Bài c"]


def test_since_and_limit_narrow_the_answer(folder: Path) -> None:
    assert len(titles(search(folder, "dat", "--since", "2026-10-10", "--limit", "1", "--format", "json"))) == 1
    assert titles(search(folder, "đất", "--since", "2026-10-10", "--format", "json")) == ["Bài b"]


def test_a_table_tells_how_many_there_are(folder: Path) -> None:
    result = search(folder, "đất", "--limit", "1")
    assert result.exit_code == 0
    assert "1 / 2 bài" in result.stdout
    assert "Đất đai đã đo." in result.stdout


def test_hostile_titles_stay_on_their_line(capsys: pytest.CaptureFixture[str]) -> None:
    made = article("a", title="[red]Tin\n\x1b[31mđỏ\u202e ngược")
    show(ListArticlesResponse(articles=[made], total_count=1), "vi")
    told = capsys.readouterr().out
    assert "[red]Tin [31mđỏ ngược" in told
    assert "\x1b" not in told
