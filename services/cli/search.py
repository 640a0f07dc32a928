"""`ngoclinh search`: articles by their words, with or without Vietnamese marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli import common

if TYPE_CHECKING:
    from ngoclinh.media.v1.article_pb2 import Article
    from ngoclinh.media.v1.media_service_pb2 import ListArticlesRequest, ListArticlesResponse

    from services.core.config import Settings

TEXTS = {
    "vi": {
        "negative": "tiêu cực",
        "neutral": "trung tính",
        "positive": "tích cực",
        "": "chưa phân tích",
        "unsure": "không chắc",
        "total": "{shown} / {total} bài",
    },
    "en": {
        "negative": "negative",
        "neutral": "neutral",
        "positive": "positive",
        "": "not analysed yet",
        "unsure": "unsure",
        "total": "{shown} of {total} articles",
    },
}


def search(
    ctx: typer.Context,
    query: Annotated[str, typer.Argument(help="Words that must occur; in quotes a phrase. Without marks: any marks.")],
    since: Annotated[str, typer.Option(help="Published since: a date (2026-11-01) or an age (7d, 12h).")] = "",
    watch_area: Annotated[str, typer.Option(help="Only communes of this watch area.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=200, help="Most articles to show, the newest first.")] = 20,
    format: Annotated[Literal["table", "json"], typer.Option(help="Form of the answer.")] = "table",  # noqa: A002
) -> None:
    """Articles that hold all words of the query, the newest first."""
    from ngoclinh.media.v1.media_service_pb2 import ArticleFilter, ListArticlesRequest

    settings = common.settings_from(ctx)
    filter_ = ArticleFilter(query=query, watch_area=f"watchAreas/{watch_area}" if watch_area else "")
    if since:
        from services.core.clock import to_timestamp

        filter_.time_range.start_time.CopyFrom(to_timestamp(common.moment(since, "--since", ctx)))
    answer = common.run(ask(settings, ListArticlesRequest(filter=filter_, page_size=limit)), ctx)
    if format == "json":
        common.print_message(answer)
    else:
        show(answer, common.language(ctx))


async def ask(settings: Settings, request: ListArticlesRequest) -> ListArticlesResponse:
    """The articles, from the program that runs or from the data folder itself."""
    from ngoclinh.media.v1.media_service_pb2_grpc import MediaServiceStub

    from services.bootstrap import reach

    async with reach(settings) as channel:
        answer: ListArticlesResponse = await MediaServiceStub(channel).ListArticles(request)
        return answer


def show(answer: ListArticlesResponse, lang: str) -> None:
    """Print three lines an article: when, where and how; the title; an excerpt."""
    from services.core.vietnamese import strip_controls

    for article in answer.articles:
        lines = (head(article, lang), article.title, article.excerpt, article.url or article.name)
        print("\n  ".join(" ".join(strip_controls(line).split()) for line in lines if line), end="\n\n")
    print(TEXTS[lang]["total"].format(shown=len(answer.articles), total=answer.total_count))


def head(article: Article, lang: str) -> str:
    """Time, source and tone of an article. Example: ``07:30 01/11/2026 · baodanang · tiêu cực (không chắc)``."""
    from services.core.clock import VIETNAM, to_datetime

    moment = to_datetime(article.publish_time).astimezone(VIETNAM) if article.HasField("publish_time") else None
    tone = article.analysis.sentiment
    said = TEXTS[lang].get(tone.label, tone.label) + (f" ({TEXTS[lang]['unsure']})" if tone.unsure else "")
    return " · ".join([f"{moment:%H:%M %d/%m/%Y}" if moment else "…", article.source.removeprefix("sources/"), said])
