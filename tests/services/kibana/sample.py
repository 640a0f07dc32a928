"""Sample data: the demo's invented texts, collected, analysed by the bundled model and held against rules by the real workers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from ngoclinh.media.v1.alert_pb2 import ALERT_SEVERITY_CRITICAL, ALERT_SEVERITY_WARNING, AlertRule
from ngoclinh.media.v1.alert_service_pb2 import AlertFilter, CreateAlertRuleRequest
from ngoclinh.media.v1.alert_service_pb2_grpc import AlertServiceStub
from ngoclinh.media.v1.article_pb2 import (
    ARTICLE_KIND_COMMENT,
    ARTICLE_KIND_NEWS,
    SOURCE_STATE_ACTIVE,
    SOURCE_STATE_BLOCKED,
    Article,
    Source,
)
from ngoclinh.media.v1.event_pb2 import ArticleCollected, SourceStateReported
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

from services.bootstrap import drain, running
from services.core.clock import to_timestamp, utc_now
from services.core.config import Settings
from services.core.names import article_name, content_digest, source_name
from services.core.ports import Ledger
from services.demo.pages import TITLES, address
from services.demo.stories import Story, stories

RULES = (
    AlertRule(
        title="Đất đai ở Nam Trà My",
        severity=ALERT_SEVERITY_CRITICAL,
        condition=ArticleFilter(topics=["dat_dai"], watch_area="watchAreas/nam-tra-my"),
    ),
    AlertRule(title="Tin tiêu cực", severity=ALERT_SEVERITY_WARNING, condition=ArticleFilter(sentiments=["negative"])),
)


@asynccontextmanager
async def ledger_of_the_demo(folder: Path) -> AsyncIterator[Ledger]:
    """A ledger in which the demo's texts, its sources and the alerts of two rules stand, one of them acknowledged."""
    async with running(Settings(data_dir=folder), doors=False, crawl=False) as program:
        alerts = AlertServiceStub(program.channel)
        for rule in RULES:
            await alerts.CreateAlertRule(CreateAlertRuleRequest(alert_rule=rule))
        bus, ledger = program.stores.bus, program.stores.ledger
        for source in sources():
            await bus.publish("source.state", SourceStateReported(source=source), source.name)
        for article in articles():
            digest = content_digest(article.title, article.lead, article.text)
            event = ArticleCollected(article=article, content_sha256=digest)
            await bus.publish("media.collected", event, f"{article.name}@{digest}")
        left = await drain(bus)
        assert not left, left
        newest, *_ = (await ledger.alerts(AlertFilter(), 1)).alerts
        await ledger.acknowledge_alert(newest.name, "canbo.diachinh", "Đã gọi xác minh.")
        yield ledger


def sources() -> list[Source]:
    """The demo's sites as a crawler would report them: one refuses, one has a broken feed."""
    now = utc_now()
    made = []
    for number, (key, title) in enumerate(TITLES.items()):
        source = Source(
            name=source_name(key),
            title=title,
            home_url=f"https://{key}.example/",
            tier="local",
            state=SOURCE_STATE_BLOCKED if key == "dien-dan" else SOURCE_STATE_ACTIVE,
            poll_time=to_timestamp(now - timedelta(minutes=number)),
            newest_article_time=to_timestamp(now - timedelta(hours=number)),
            article_count=10 * number,
            failure_count=number,
        )
        feed = source.discoveries.add(kind="feed", url=f"https://{key}.example/rss")
        if key == "cong":
            feed.problem.vi, feed.problem.en = "Bảng tin trống ba lần liền.", "The feed was empty three times."
        if key == "dien-dan":
            source.problem.vi, source.problem.en = "robots.txt từ chối.", "robots.txt refuses."
        made.append(source)
    return made


def articles() -> list[Article]:
    """Every text of the demo, replies too; a reprint names its original."""
    made: list[Article] = []
    originals: dict[str, str] = {}
    for story in stories(utc_now()):
        article = _article(story, story.title, story.lead, story.body, 0)
        first = originals.setdefault(f"{story.lead}\n{story.body}", article.name) if story.body else article.name
        article.story = first
        article.duplicate_of = first if first != article.name else ""
        made.append(article)
        for number, reply in enumerate(story.replies, 1):
            answer = _article(story, f"Trả lời: {story.title}", "", reply, number)
            answer.kind, answer.story = ARTICLE_KIND_COMMENT, answer.name
            made.append(answer)
    return made


def _article(story: Story, title: str, lead: str, text: str, number: int) -> Article:
    url = f"https://{story.site}.example{address(story)}" + (f"#{number}" if number else "")
    published = to_timestamp(story.published + timedelta(minutes=number))
    return Article(
        name=article_name(url),
        source=source_name(story.site),
        kind=ARTICLE_KIND_NEWS,
        url=url,
        canonical_url=url,
        title=title,
        lead=lead,
        text=text,
        language_code="vi",
        publish_time=published,
        collect_time=to_timestamp(utc_now()),
        text_length=len(text),
    )
