"""Exports over real services: nothing is lost, nothing is a formula, codes keep their zeros."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import openpyxl
import pytest
from ngoclinh.media.v1.article_pb2 import Source
from typer.testing import CliRunner

from services.bootstrap import Running, running
from services.cli import app
from services.core import config
from services.gateway.export import formats, table
from tests.contracts.articles import analyzed, article, collected
from tests.services.gateway.conftest import Answer, send

AREA = "areas/2025-20938"
LONG = "Một câu dài về đất đai. " * 100
EVIL = '=HYPERLINK("http://evil.example","x")'


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[Running]:
    flags = {"data_dir": tmp_path / "data", "gateway.port": 0, "grpc.port": 0, "crawler.enabled": False}
    async with running(config.load(environ={}, flags=flags), work=False, crawl=False) as program:
        stores = program.stores
        await stores.ledger.record_source(Source(name="sources/bao-nui", title="Báo Núi"))
        made = [article("evil", LONG, days=9, title=EVIL)]
        made += [article(f"n{number}", f"Đất đai số {number}.", days=number / 60) for number in range(250)]
        for one in made:
            recorded = await stores.ledger.record_collected(collected(one))
            shown = recorded.article
            if one is made[0]:
                event = analyzed(one.name, shown.revision)
                event.documents[:] = ["06978"]
                event.current_areas[:] = [AREA]
                event.analysis.sentiment.unsure = True
                shown = await stores.ledger.record_analyzed(event) or shown
            await stores.index.put([shown])
        yield program


async def export(program: Running, query: str) -> Answer:
    port = int(program.url.rsplit(":", 1)[1])
    return await asyncio.to_thread(send, port, "GET", f"/v1/articles:export{query}")


def rows(body: bytes) -> list[dict[str, str]]:
    assert body.startswith(b"\xef\xbb\xbf"), "spreadsheet programs know UTF-8 by this mark"
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))


async def test_jsonl_is_the_whole_record_of_every_article_once(program: Running) -> None:
    answer = await export(program, "?format=jsonl")
    told = [json.loads(line) for line in answer.body.splitlines()]
    assert len({one["name"] for one in told}) == len(told) == 251
    assert told[0]["text"] == LONG
    assert [one["publish_time"] for one in told] == sorted((one["publish_time"] for one in told), reverse=True)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"].endswith('.jsonl"')
    stored = await program.stores.ledger.article(article("evil").name)
    assert stored is not None
    assert told[0]["change_number"] == str(stored.change_number)


async def test_csv_holds_excerpts_and_no_formula(program: Running) -> None:
    answer = await export(program, "?format=csv&filter.areas=" + AREA)
    (told,) = rows(answer.body)
    assert told["Tiêu đề"] == "'" + EVIL
    assert len(told["Trích đoạn"]) <= 300
    assert LONG.strip() not in answer.body.decode()
    assert {key: told[key] for key in ("Nguồn", "Mã xã", "Sắc thái", "Nhãn do", "Chủ đề")} == {
        "Nguồn": "Báo Núi",
        "Mã xã": "20938",
        "Sắc thái": "tiêu cực (không chắc)",
        "Nhãn do": "máy gợi ý",
        "Chủ đề": "Đất đai",
    }
    assert "Trà Leng" in told["Xã"]
    assert told["Thời điểm đăng"] == "2026-10-10 07:00", "time of Vietnam"


async def test_xlsx_keeps_codes_and_formulas_as_text(program: Running) -> None:
    answer = await export(program, "?format=xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.body)).active
    assert sheet is not None
    cells = [list(row) for row in sheet.iter_rows()]
    heads = [cell.value for cell in cells[0]]
    assert (tuple(heads), len(cells)) == (table.HEADINGS, 252)
    told = dict(zip(heads, cells[1], strict=True))
    assert {cell.data_type for row in cells for cell in row if cell.value is not None} == {"s"}
    assert told["Tiêu đề"].value == EVIL
    assert told["Văn bản được dẫn"].value == "06978"
    assert told["Mã xã"].number_format == "@"


async def test_the_filter_is_that_of_the_list(program: Running) -> None:
    answer = await export(
        program, "?format=csv&filter.query=s%E1%BB%91+7&filter.time_range.end_time=2026-10-02T00:00:00Z"
    )
    assert [told["Trích đoạn"] for told in rows(answer.body)] == ["Đất đai số 7."]
    assert rows((await export(program, "?filter.query=khongcogi")).body) == []


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ("?format=exe", 400, "INVALID_FIELD"),
        ("?nonsense=1", 400, "INVALID_FIELD"),
        ("?format=jsonl&filter.watch_area=watchAreas/bien", 404, "NOT_FOUND"),
        ("?format=xlsx&filter.watch_area=watchAreas/bien", 404, "NOT_FOUND"),
    ],
)
async def test_what_cannot_be_exported_says_why(program: Running, query: str, status: int, reason: str) -> None:
    answer = await export(program, query)
    assert (answer.status, answer.reason) == (status, reason)


async def test_a_workbook_too_large_is_refused_before_it_is_made(
    program: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "MOST_ROWS", 250)
    assert (await export(program, "?format=xlsx")).reason == "TOO_LARGE"
    assert (await export(program, "?format=xlsx&filter.areas=" + AREA)).status == 200


async def test_csv_without_its_analysis_has_empty_cells(program: Running) -> None:
    answer = await export(program, "?filter.query=%22s%E1%BB%91+7%22")
    assert [(told["Nhãn do"], told["Sắc thái"], told["Mã xã"]) for told in rows(answer.body)] == [
        ("", "chưa phân tích", "")
    ]


@pytest.mark.parametrize("cell", ["=1+1", "+84", "-1", "@SUM(A1)", "\t=1"])
def test_what_a_spreadsheet_takes_for_a_formula_is_made_harmless(cell: str) -> None:
    assert formats.harmless(cell) == f"'{cell}"
    assert formats.harmless(f"x{cell}") == f"x{cell}"


async def test_the_command_writes_the_same_file_as_the_door(program: Running, tmp_path: Path) -> None:
    out = tmp_path / "tin.csv"
    common = ["--data-dir", str(tmp_path / "data"), "articles", "export"]
    done = await asyncio.to_thread(CliRunner().invoke, app, [*common, "--since", "2026-10-01", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert await asyncio.to_thread(out.read_bytes) == (await export(program, "")).body
    lines = await asyncio.to_thread(CliRunner().invoke, app, [*common, "--query", '"số 7"', "--format", "jsonl"])
    assert [json.loads(line)["text"] for line in lines.stdout.splitlines()] == ["Đất đai số 7."]
    wrong = await asyncio.to_thread(CliRunner().invoke, app, [*common, "--out", str(tmp_path / "x.exe")])
    assert wrong.exit_code == 2
    assert {path.name for path in await asyncio.to_thread(lambda: list(tmp_path.iterdir()))} == {"data", "tin.csv"}
