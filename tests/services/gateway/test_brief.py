"""The daily brief over real services: its numbers are those of the API, in every format."""

from __future__ import annotations

import asyncio
import io
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from docx import Document
from ngoclinh.media.v1.alert_pb2 import Alert
from ngoclinh.media.v1.article_pb2 import Article, Source
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter, SummarizeArticlesRequest
from ngoclinh.media.v1.media_service_pb2_grpc import MediaServiceStub

from services.bootstrap import Running, running
from services.core import config
from services.core.errors import InvalidField
from services.gateway.brief import door, lines
from services.gateway.brief.collect import Brief, Collector, by_topic, day_range
from tests.contracts.articles import analyzed, article, collected

DAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 5, tzinfo=UTC)
WATCH_AREA = "watchAreas/nam-tra-my"


def at(key: str, hours: float, title: str, topic: str, **labels: str) -> tuple[Article, dict[str, str]]:
    made = article(key, f"Nội dung của bài {key}.", title=title)
    made.publish_time.FromDatetime(NOON + timedelta(hours=hours))
    made.story = made.name
    return made, {"topic": topic, **labels}


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[Running]:
    settings = config.load(environ={}, flags={"data_dir": tmp_path, "crawler.enabled": False})
    async with running(settings, doors=False, work=False, crawl=False) as program:
        await program.stores.ledger.record_source(Source(name="sources/bao-nui", title="Báo Núi"))
        first, _ = told = at(
            "a", 0, "Sạt lở ở thôn 2 <b>&amp;</b>", "thien_tai", sentiment="negative", stance="critical"
        )
        copy, labels = at("b", 1, "Bản đăng lại", "thien_tai", sentiment="negative")
        copy.story, copy.duplicate_of = first.name, first.name
        rest = [
            at("c", 2, "Cấp đổi 12 giấy chứng nhận", "dat_dai", sentiment="positive", stance="supportive"),
            at("d", -30, "Bài của hôm trước", "y_te", sentiment="neutral"),
            at("e", 11.9, "Bài cuối ngày", "dat_dai", sentiment="neutral", complaint="yes"),
            at("f", 12.1, "Bài của hôm sau", "dat_dai", sentiment="neutral"),
        ]
        for made, given in [told, (copy, labels), *rest]:
            recorded = await program.stores.ledger.record_collected(collected(made))
            event = analyzed(made.name, recorded.article.revision, sentiment=given["sentiment"])
            del event.analysis.topics[:]
            event.analysis.topics.append(given["topic"])
            event.analysis.stance.label = given.get("stance", "none")
            event.analysis.complaint.label = given.get("complaint", "no")
            del event.current_areas[:]
            event.current_areas.append("areas/2025-20938")
            shown = await program.stores.ledger.record_analyzed(event)
            assert shown
            await program.stores.index.put([shown])
        alert = Alert(
            name="alerts/a", rule="alertRules/a", rule_title="Thiên tai", title=first.title, article=first.name
        )
        alert.raise_time.FromDatetime(NOON)
        await program.stores.ledger.raise_alert(alert)
        yield program


async def collect(program: Running) -> Brief:
    return await Collector(program.channel).collect(DAY, WATCH_AREA, NOON + timedelta(hours=20))


async def test_the_numbers_are_those_of_the_api(program: Running) -> None:
    brief = await collect(program)
    filter_ = ArticleFilter(watch_area=WATCH_AREA, time_range=day_range(DAY))
    counted = await MediaServiceStub(program.channel).SummarizeArticles(SummarizeArticlesRequest(filter=filter_))
    assert brief.total == counted.total_count == 4
    assert dict(lines.summary(brief)) == {
        "Tin bài": 4, "Nhóm tin": 3, "Tiêu cực": 2, "Phê phán chính quyền": 1, "Phản ánh, kiến nghị": 1, "Cảnh báo": 1,
    }  # fmt: skip
    assert [row.media.article_count for row in brief.situation.areas if row.area.name == "areas/2025-20938"] == [4]
    assert [(day.day.day, day.negative, day.neutral, day.positive) for day in brief.days[-2:]] == [
        (19, 0, 1, 0),
        (20, 2, 1, 1),
    ]
    assert len(brief.days) == 14


async def test_stories_are_told_once_under_their_topic(program: Running) -> None:
    brief = await collect(program)
    told = {code: [(story.article.title, story.copies) for story in stories] for code, stories in brief.topics.items()}
    assert told == {
        "dat_dai": [("Bài cuối ngày", 0), ("Cấp đổi 12 giấy chứng nhận", 0)],
        "thien_tai": [("Sạt lở ở thôn 2 <b>&amp;</b>", 1)],
    }
    assert list(told) == ["dat_dai", "thien_tai"]


async def test_text_names_source_time_stance_and_link(program: Running) -> None:
    text = door.FORMATS["txt"].write(await collect(program)).decode()
    assert text.startswith("ĐIỂM BÁO NAM TRÀ MY NGÀY 20/11/2026\nTin bài: 4; Nhóm tin: 3; Tiêu cực: 2;")
    assert "1. Sạt lở ở thôn 2 <b>&amp;</b>\n   Báo Núi · 12:00 20/11/2026 · phê phán" in text
    assert "1 bài đăng lại\n   https://tin.example/a\n" in text
    assert "hôm trước" not in text
    assert "hôm sau" not in text
    assert text.endswith(f"{lines.NOTE}\nLập lúc 08:00 21/11/2026\n")


async def test_docx_reads_back_with_the_same_numbers_and_links(program: Running) -> None:
    brief = await collect(program)
    document = Document(io.BytesIO(door.FORMATS["docx"].write(brief)))
    summary, communes = document.tables
    assert [cell.text for cell in summary.rows[1].cells] == [lines.number(value) for _, value in lines.summary(brief)]
    rows = [[cell.text for cell in row.cells] for row in communes.rows]
    assert rows[1:] == [list(lines.commune(row)) for row in brief.situation.areas]
    targets = {relation.target_ref for relation in document.part.rels.values() if relation.is_external}
    assert targets == {f"https://tin.example/{key}" for key in "ace"}
    assert len(document.inline_shapes) == 2
    assert any("<b>&amp;</b>" in paragraph.text for paragraph in document.paragraphs), "markup of a title stays text"


async def test_pdf_holds_the_same_words(program: Running, tmp_path: Path) -> None:
    body = door.FORMATS["pdf"].write(await collect(program))
    assert body.startswith(b"%PDF-")
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext (poppler-utils) is not installed")
    (tmp_path / "x.pdf").write_bytes(body)
    done = await asyncio.to_thread(
        subprocess.run, ["pdftotext", "-layout", tmp_path / "x.pdf", "-"], capture_output=True, check=True
    )
    for words in (
        "Điểm báo Nam Trà My ngày 20/11/2026",
        "Cấp đổi 12 giấy chứng nhận",
        "https://tin.example/a",
        "phê phán",
    ):
        assert words in done.stdout.decode()


@pytest.mark.slow
async def test_docx_opens_in_libreoffice(program: Running, tmp_path: Path) -> None:
    office = shutil.which("soffice")
    if not office:
        pytest.skip("LibreOffice (soffice) is not installed")
    (tmp_path / "x.docx").write_bytes(door.FORMATS["docx"].write(await collect(program)))
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = [
        office,
        profile,
        "--headless",
        "--convert-to",
        "txt:Text (encoded):UTF8",
        "--outdir",
        tmp_path,
        tmp_path / "x.docx",
    ]
    await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True, timeout=120)
    text = (tmp_path / "x.txt").read_text("utf-8")
    assert "Điểm báo Nam Trà My ngày 20/11/2026" in text
    assert "Cấp đổi 12 giấy chứng nhận" in text


async def test_an_empty_day_has_a_brief_too(program: Running) -> None:
    brief = await Collector(program.channel).collect(date(2026, 1, 5), WATCH_AREA, NOON)
    assert brief.total == 0
    for format_ in door.FORMATS.values():
        assert format_.write(brief)


@pytest.mark.parametrize(("parse", "value"), [(door.parse_day, "20/11/2026"), (door.parse_format, "exe")])
def test_a_wrong_day_or_format_is_refused_with_a_correct_one(parse: object, value: str) -> None:
    with pytest.raises(InvalidField, match=r"2026-11-20|docx"):
        parse(value)  # type: ignore[operator]


def test_a_story_without_its_original_is_told_by_its_earliest_copy() -> None:
    late, early = article("late", days=2), article("early", days=1)
    for made in (late, early):
        made.story = made.duplicate_of = "articles/elsewhere"
    assert [(story.article.name, story.copies) for story in by_topic([late, early])[""]] == [(early.name, 1)]


def test_a_comment_is_told_by_how_it_begins() -> None:
    comment = article(
        "c",
        title="",
        excerpt="Đường vào thôn hư hỏng đã lâu, mưa xuống là lầy lội, học sinh phải nghỉ học, đề nghị xã sớm sửa chữa.",
    )
    told = lines.headline(comment)
    assert told.startswith("Đường vào thôn hư hỏng")
    assert told.endswith("…")
    assert len(told) <= lines.HEADLINE + 1
    assert lines.headline(article("d", title="", excerpt="Ngắn.")) == "Ngắn."
