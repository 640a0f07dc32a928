"""`ngoclinh sentiment` and `ngoclinh analyze`: what the model makes of texts, as a table or as JSON lines.

Both run in this process, over the same service that the product runs; nothing is stored.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, BinaryIO, Literal

import typer

from services.cli import common

if TYPE_CHECKING:
    from grpc.aio import Channel
    from ngoclinh.sentiment.v1.sentiment_service_pb2 import Judgement, TextAnalysis

    from services.core.config import Settings

HEADS = ("sentiment", "event_valence", "stance", "complaint", "toxicity")
STDIN = "-"

TEXTS = {
    "vi": {
        "title": "máy gợi ý, không thay người đánh giá",
        "head": "phương diện",
        "label": "nhãn",
        "score": "xác suất",
        "sentence": "câu quyết định",
        "unsure": "không chắc",
        "truncated": "Chỉ đọc {share:.0%} văn bản.",
    },
    "en": {
        "title": "a hint by a machine, not a judgement",
        "head": "head",
        "label": "label",
        "score": "probability",
        "sentence": "deciding sentence",
        "unsure": "unsure",
        "truncated": "Only {share:.0%} of the text was read.",
    },
}


def sentiment(
    ctx: typer.Context,
    texts: Annotated[list[str], typer.Argument(help="Texts; '-' reads standard input as one text.")],
    format: Annotated[Literal["table", "json"], typer.Option(help="Form of the answer.")] = "table",  # noqa: A002
) -> None:
    """Tone, event, stance, complaint, toxicity and topic of texts."""
    settings = common.settings_from(ctx)
    given = common.run(plain(texts), ctx)
    for text, analysis in zip(given, common.run(judge(settings, given), ctx), strict=True):
        if format == "json":
            common.print_message(analysis, "jsonl")
        else:
            show(text, analysis, common.language(ctx))


def analyze(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="Must be '-': JSON lines are read from standard input.")],
) -> None:
    """Analyse JSON lines {"text", "id", "title", "publish_time"}; one line of JSON each, in order.

    Only "text" is needed. A line that cannot be used is answered with an "error"; the others are not held up by it.
    """
    from services.core.errors import InvalidField

    settings = common.settings_from(ctx)
    if source != STDIN:
        common.fail(
            InvalidField("source", "chỉ nhận “-”: đọc dòng JSON từ đầu vào chuẩn", "must be '-': JSON lines on stdin"),
            ctx,
        )
    common.run(answer_lines(settings, sys.stdin.buffer), ctx)


@asynccontextmanager
async def classifier(settings: Settings) -> AsyncIterator[Channel]:
    """A channel to a SentimentService of this process."""
    import tempfile
    from pathlib import Path

    from services.rpc.client import connect
    from services.rpc.serve import Server
    from services.sentiment.servicer import SentimentServicer
    from services.stores import open_classifier

    with tempfile.TemporaryDirectory(prefix="ngoclinh-") as folder:
        server = Server(settings.grpc, tcp=False, unix=Path(folder) / "socket")
        servicer = SentimentServicer(open_classifier(settings), settings.sentiment)
        server.add("ngoclinh.sentiment.v1.SentimentService", servicer)
        await server.start()
        async with connect(server.target, settings.grpc.default_deadline_s) as channel:
            yield channel
        await server.stop(0)
        await servicer.close()


async def judge(settings: Settings, texts: list[str]) -> list[TextAnalysis]:
    """What the model makes of each text."""
    from ngoclinh.sentiment.v1.sentiment_service_pb2 import AnalyzeTextRequest, Text
    from ngoclinh.sentiment.v1.sentiment_service_pb2_grpc import SentimentServiceStub

    async with classifier(settings) as channel:
        stub = SentimentServiceStub(channel)
        return [(await stub.AnalyzeText(AnalyzeTextRequest(text=Text(text=text)))).analysis for text in texts]


async def plain(texts: list[str]) -> list[str]:
    """The texts as given, '-' being all of standard input.

    Raises:
        InvalidField: bytes that are no UTF-8.
    """
    from services.cli.lines import utf8

    return [
        utf8(sys.stdin.buffer.read() if text == STDIN else text.encode("utf-8", "surrogateescape")) for text in texts
    ]


async def answer_lines(settings: Settings, stream: BinaryIO) -> None:
    """Answer JSON lines on stdout; lines that come together are analysed together."""
    from ngoclinh.media.v1.article_pb2 import Article

    from services.cli import lines
    from services.media.analyze import Analyzer

    async with classifier(settings) as channel:
        analyzer = Analyzer(channel)
        for some in lines.batches(stream):
            read = [lines.parsed(line) for line in some]
            good = [article for _, article in read if isinstance(article, Article)]
            answers = iter(await analyzer.analyze(good))
            for id_, given in read:
                shown = lines.found(given, next(answers)) if isinstance(given, Article) else lines.refused(given)
                print(json.dumps({"id": id_, **shown}, ensure_ascii=False))
            sys.stdout.flush()


def show(text: str, analysis: TextAnalysis, lang: str) -> None:
    """Print one text and a table of what the model makes of it."""
    from rich.console import Console
    from rich.table import Table

    from services.core.labels import labels
    from services.core.vietnamese import strip_controls

    words = TEXTS[lang]
    names = labels() if lang == "vi" else {}
    console = Console(highlight=False)
    table = Table(title=words["title"], title_justify="left", title_style="italic")
    for column in ("head", "label", "score", "sentence"):
        table.add_column(words[column], overflow="fold")
    for head in (*HEADS, "topic"):
        judgement: Judgement = getattr(analysis, head)
        label = names.get("topics" if head == "topic" else head, {}).get(judgement.label, judgement.label)
        reason = judgement.sentences[0].text if judgement.sentences else ""
        table.add_row(
            names.get("heads", {}).get(head, head.replace("_", " ")),
            f"{label} ({words['unsure']})" if judgement.unsure else label,
            f"{judgement.scores[judgement.label]:.2f}",
            excerpt(strip_controls(reason)),
            end_section=head == "toxicity",
        )
    console.print(excerpt(strip_controls(text)), markup=False)
    console.print(table, markup=False)
    if analysis.truncated:
        console.print(words["truncated"].format(share=analysis.coverage))


def excerpt(text: str, most: int = 120) -> str:
    """One line of a text."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
