"""The invented texts of the demo, placed in time relative to now."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

SiteKey = Literal["tin", "bao", "cong", "dien-dan"]


@dataclass(frozen=True)
class Story:
    """One invented text.

    Attributes:
        number: its place in the file, from 1; pages are named by it.
        site: the site that carries it.
        slug: its name in addresses.
        title: headline.
        lead: first paragraph in bold, "" where there is none.
        body: paragraphs separated by an empty line.
        published: when, aware.
        replies: answers to it, in order; each is a text of its own.
    """

    number: int
    site: SiteKey
    slug: str
    title: str
    lead: str
    body: str
    published: datetime
    replies: tuple[str, ...] = ()


def stories(now: datetime) -> list[Story]:
    """Every story, the newest a few hours old; a copy has the text of its original under its own headline."""
    rows = tomllib.loads((Path(__file__).parent / "stories.toml").read_text("utf-8"))["story"]
    made: dict[str, Story] = {}
    for number, row in enumerate(rows, 1):
        given = Story(
            number=number,
            site=row["site"],
            slug=row["slug"],
            title=row["title"],
            lead=row.get("lead", ""),
            body=row.get("body", "").strip(),
            published=now - timedelta(hours=row["hours"]),
            replies=tuple(row.get("replies", ())),
        )
        original = made.get(row.get("copy_of", ""))
        made[given.slug] = replace(given, lead=original.lead, body=original.body) if original else given
    return list(made.values())
