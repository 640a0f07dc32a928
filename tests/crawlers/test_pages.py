"""Extraction over real pages in 23 languages: floors that only rise."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crawlers.catalogue import load
from crawlers.documents import Context, Document
from crawlers.extract import extract
from services.core.clock import VIETNAM
from services.core.vietnamese import nfc

FLOORS = {"title": 0.93, "time": 0.97, "paragraphs": 0.97, "precision": 0.93}
"""Shares reached: equal titles, equal minutes, truth paragraphs found, extracted text that is truth."""


def squashed(text: str) -> str:
    return re.sub(r"\s+", "", nfc(text))


def pages(folder: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any], bytes]]:
    for line in (folder / "index.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        truth = json.loads((folder / entry["truth"]).read_text(encoding="utf-8"))
        body = next(version["body"] for version in truth.values() if isinstance(version, dict) and "body" in version)
        yield entry, body, gzip.decompress((folder / entry["page"]).read_bytes())


def same_minute(document: Document, text: str) -> bool:
    truth = datetime.fromisoformat(text)
    if document.time is None:
        return False
    if truth.tzinfo is None:  # the truth has no zone either
        return document.time.astimezone(VIETNAM).replace(tzinfo=None, second=0) == truth.replace(second=0)
    return abs((document.time - truth).total_seconds()) < 60


@pytest.mark.slow
def test_floors(shared: Path) -> None:
    sources = {spec.id: spec for spec in load()}
    found: dict[str, list[float]] = {name: [] for name in FLOORS}
    for entry, truth, raw in pages(shared / "data/web/pages"):
        source = sources["vnexpress"] if entry["publisher"] == "VnExpress" else None
        document = extract(raw, Context(entry["url"], datetime.now(UTC), source)).documents[0]
        paragraphs = [text for section in truth["sections"] for text in section["paragraphs"]]
        headlines = [text for section in truth["sections"] for text in section["headline"]]
        everything = squashed("".join(paragraphs + truth["summary"] + headlines))
        ours = squashed(document.text + document.lead)
        rows = document.text.split("\n\n")
        found["title"].append(squashed(document.title) == squashed(entry["title"]))
        found["time"].append(same_minute(document, entry["publishing_date"]))
        found["paragraphs"].append(sum(squashed(text)[:40] in ours for text in paragraphs) / len(paragraphs))
        found["precision"].append(
            sum(len(row) for row in rows if squashed(row)[:40] in everything) / max(1, sum(map(len, rows)))
        )
    reached = {name: round(sum(values) / len(values), 4) for name, values in found.items()}
    assert len(found["title"]) == 46
    assert all(reached[name] >= floor for name, floor in FLOORS.items()), reached


def test_vnexpress_by_its_profile(shared: Path) -> None:
    folder = shared / "data/web/pages"
    entry, truth, raw = next(page for page in pages(folder) if page[0]["publisher"] == "VnExpress")
    source = {spec.id: spec for spec in load()}["vnexpress"]
    document = extract(raw, Context(entry["url"], datetime.now(UTC), source)).documents[0]
    captions = [text for text in truth["sections"][0]["paragraphs"] if "Ảnh:" in text]
    assert document.title == entry["title"]
    assert document.lead == truth["summary"][0]
    assert list(document.authors) == entry["authors"]
    assert document.text.split("\n\n") == [t for t in truth["sections"][0]["paragraphs"] if t not in captions]
