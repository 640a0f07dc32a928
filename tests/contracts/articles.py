"""Invented articles for the contract suites: built one by one, or many at random from a seed."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from ngoclinh.media.v1.article_pb2 import ARTICLE_KIND_NEWS, Article, ArticleKind
from ngoclinh.media.v1.event_pb2 import ArticleAnalyzed, ArticleCollected

from services.core.names import article_name, content_digest

START = datetime(2026, 10, 1, tzinfo=UTC)
AREAS = [f"areas/2025-{code}" for code in (20938, 20941, 20944, 20950, 20959, 20968)]
SOURCES = ["sources/bao-nui", "sources/tin-song", "sources/xa-hoi"]
TOPICS = ["dat_dai", "giao_thong", "thien_tai", "y_te"]
TONES = ["negative", "neutral", "positive"]
STANCES = ["critical", "none", "supportive"]
WORDS = [
    "đất",
    "đai",
    "dat",
    "Đạt",
    "dài",
    "hoà",
    "hòa",
    "Trà",
    "Leng",
    "Linh",
    "năm",
    "nam",
    "ruộng",
    "sạt",
    "lở",
    "đường",
    "cầu",
    "thửa",
    "tờ",
    "bản",
    "đồ",
    "UBND",
    "xã",
    "117",
    "NĐ-CP",
    "mưa",
    "người",
    "dân",
]


def article(key: str, text: str = "", days: float = 0, **fields: Any) -> Article:
    """An article that was published `days` after the start."""
    made = Article(
        name=article_name(f"https://tin.example/{key}"),
        url=f"https://tin.example/{key}",
        text=text or f"Nội dung bài {key}.",
        **{"source": SOURCES[0], "kind": ARTICLE_KIND_NEWS, "language_code": "vi", "title": f"Bài {key}"} | fields,
    )
    made.publish_time.FromDatetime(START + timedelta(days=days))
    return made


def random_article(rng: random.Random, number: int) -> Article:
    """One of many: about half of them analysed, some withdrawn, some copies."""
    text = " ".join(rng.choices(WORDS, k=rng.randint(3, 25)))
    made = article(
        f"r{number}",
        text,
        days=rng.randrange(60 * 48) / 48,
        source=rng.choice(SOURCES),
        kind=rng.choice([kind for kind in ArticleKind.values() if kind]),
        title=" ".join(rng.choices(WORDS, k=4)),
        language_code=rng.choice(["vi", "vi", "en"]),
        current_areas=sorted(rng.sample(AREAS, rng.randint(0, 3))),
        documents=rng.choices(["12/2026/QĐ-UBND"], k=rng.randint(0, 1)),
    )
    made.story = made.name if rng.random() < 0.7 else article_name(f"https://tin.example/r{number // 2}")
    if rng.random() < 0.2:
        made.duplicate_of = article_name("https://tin.example/r0")
    if rng.random() < 0.2:
        made.parcel_references.add(sheet="3", parcel=str(number))
    if rng.random() < 0.1:
        made.withdrawn_time.FromDatetime(START + timedelta(days=61))
    if rng.random() < 0.6:
        analysis = made.analysis
        analysis.sentiment.label, analysis.event_valence.label = rng.choice(TONES), rng.choice(TONES)
        analysis.stance.label, analysis.complaint.label = rng.choice(STANCES), rng.choice(["no", "yes"])
        analysis.topics.extend(rng.sample(TOPICS, rng.randint(1, 3)))
        analysis.analyze_time.FromDatetime(START)
    return made


def collected(of: Article, day: float = 0, submission: str = "") -> ArticleCollected:
    """The event of an article that was collected `day` days after the start."""
    event = ArticleCollected(
        article=of, content_sha256=content_digest(of.title, of.lead, of.text), submission=submission
    )
    event.article.collect_time.FromDatetime(START + timedelta(days=day))
    event.fetch.status = 200
    return event


def analyzed(name: str, revision: int = 1, day: float = 0, sentiment: str = "negative") -> ArticleAnalyzed:
    """An analysis of a version, made `day` days after the start."""
    event = ArticleAnalyzed(article=name, revision=revision, current_areas=AREAS[:2], documents=["12/2026/QĐ-UBND"])
    event.analysis.sentiment.label = sentiment
    event.analysis.sentiment.scores[sentiment] = 1.0
    event.analysis.sentiment.sentences.add(text="Câu quyết định.", weight=1.0)
    event.analysis.topics.append("dat_dai")
    event.analysis.analyze_time.FromDatetime(START + timedelta(days=day))
    event.places.add(area="areas/2004-20938", current_areas=AREAS[:1], text="Trà Dơn", score=0.9)
    return event
