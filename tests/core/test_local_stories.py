"""Places, parcels and documents against the labels of 80 invented local stories: floors that only rise.

Places count by edition and code, once a story; parcels by commune, sheet and number. Half of the stories (even lines)
served for development. The remaining misses are printed: run with `-s`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from services.core.areas import Mention, mentions
from services.core.masking import mask
from services.core.references import documents, parcel_references

PROVINCE_OF_THE_SOURCE = ("areas/2025-48",)
WATCH_AREA = tuple(f"areas/2025-{code}" for code in (20944, 20941, 20950, 20938, 20959))


@dataclass(frozen=True)
class Story:
    """A story with its labels."""

    label: dict[str, Any]

    @property
    def text(self) -> str:
        return "\n".join(self.label[part] for part in ("title", "lead", "body"))

    @property
    def day(self) -> date:
        return date.fromisoformat(self.label["published"][:10])

    @cached_property
    def true_places(self) -> set[str]:
        return {
            f"areas/{2004 if place['era'].startswith('before') else 2025}-{place['code']}"
            for place in self.label["places"]
        }

    @cached_property
    def true_parcels(self) -> set[tuple[str, str, str]]:
        return {(_commune(parcel), parcel["sheet"], parcel["parcel"]) for parcel in self.label["parcels"]}

    def places(self, context: Iterable[str]) -> list[Mention]:
        return mentions(self.text, self.day, context)


def _commune(parcel: dict[str, Any]) -> str:
    old = parcel["commune_code_old_or_null"]
    return f"areas/2004-{old}" if old else f"areas/2025-{parcel['commune_code_named']}"


@pytest.fixture(scope="module")
def stories(shared: Path) -> list[Story]:
    lines = (shared / "newsweb" / "local_stories.jsonl").read_text(encoding="utf-8").splitlines()
    return [Story(json.loads(line)) for line in lines]


def measure(
    what: str, stories: list[Story], truth: Callable[[Story], set[Any]], answer: Callable[[Story], set[Any]]
) -> tuple[float, float]:
    """Precision and recall over all stories; prints what is missed and what is too much."""
    right = missed = extra = 0
    for story in stories:
        wanted, found = truth(story), answer(story)
        right, missed, extra = right + len(wanted & found), missed + len(wanted - found), extra + len(found - wanted)
        if wanted != found:
            sys.stdout.write(f"{story.label['id']} {what}: missed {wanted - found}, extra {found - wanted}\n")
    precision, recall = right / (right + extra), right / (right + missed)
    sys.stdout.write(f"{what}: precision {precision:.3f}, recall {recall:.3f} of {right + missed}\n")
    return precision, recall


@pytest.mark.parametrize(
    ("context", "least_precision", "least_recall"),
    [((), 0.98, 0.93), (PROVINCE_OF_THE_SOURCE, 0.98, 0.93), (WATCH_AREA, 0.98, 0.97)],
    ids=["without context", "province of the source", "communes of the watch area"],
)
def test_places(stories: list[Story], context: tuple[str, ...], least_precision: float, least_recall: float) -> None:
    precision, recall = measure(
        "places",
        stories,
        lambda story: story.true_places,
        lambda story: {row.unit.name for row in story.places(context)},
    )
    assert precision >= least_precision
    assert recall >= least_recall


def test_parcels(stories: list[Story]) -> None:
    precision, recall = measure(
        "parcels",
        stories,
        lambda story: story.true_parcels,
        lambda story: {
            (ref.commune, ref.sheet, ref.parcel)
            for ref in parcel_references(story.text, story.places(WATCH_AREA), story.day)
        },
    )
    assert precision >= 0.98
    assert recall >= 0.98


def test_documents(stories: list[Story]) -> None:
    precision, recall = measure(
        "documents", stories, lambda story: set(story.label["documents"]), lambda story: set(documents(story.text))
    )
    assert precision >= 0.98
    assert recall >= 0.98


def test_masking_leaves_texts_without_personal_numbers_alone(stories: list[Story]) -> None:
    assert [story.label["id"] for story in stories if mask(story.text) != (story.text, False)] == []


def test_references_survive_masking(stories: list[Story]) -> None:
    for story in stories:
        text, _ = mask(story.text + "\nLiên hệ 0912 345 678.")
        found = {(ref.sheet, ref.parcel) for ref in parcel_references(text, mentions(text, story.day), story.day)}
        assert found == {(sheet, number) for _, sheet, number in story.true_parcels}
