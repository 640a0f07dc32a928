"""Near-duplicates: the similarity that edits leave, and pairs of which the truth is known."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.fingerprint import BANDS, MIN_TOKENS, THRESHOLD, VALUES, bands, signature, similarity
from tests.e2e.newsweb_sites import newsweb

SYLLABLES = [
    a + b
    for a in [
        "b",
        "c",
        "d",
        "đ",
        "g",
        "h",
        "k",
        "l",
        "m",
        "n",
        "ng",
        "nh",
        "p",
        "ph",
        "qu",
        "r",
        "s",
        "t",
        "th",
        "tr",
        "v",
        "x",
    ]
    for b in ["a", "ă", "â", "e", "ê", "i", "o", "ô", "ơ", "u", "ư", "y"]
]


def text(seed: int, length: int = 600) -> list[str]:
    rng = random.Random(seed)
    return [rng.choice(SYLLABLES) for _ in range(length)]


def edited(words: list[str], share: float, seed: int) -> list[str]:
    rng = random.Random(seed)
    return [rng.choice(SYLLABLES) if rng.random() < share else word for word in words]


def test_case_and_punctuation_are_no_difference() -> None:
    words = " ".join(text(1))
    assert signature(words) == signature(words.upper().replace(" ", ", "))


def test_texts_that_have_nothing_in_common_are_not_alike() -> None:
    assert max(similarity(signature(" ".join(text(i))), signature(" ".join(text(i + 1)))) for i in range(40)) < 0.2


@pytest.mark.parametrize(
    ("share", "least", "most"), [(0.02, 0.85, 1.0), (0.05, 0.72, 0.95), (0.2, 0.3, 0.62), (0.3, 0.15, 0.5)]
)
def test_the_curve_of_edits(share: float, least: float, most: float) -> None:
    """With e of the syllables changed, (1-e)² of the pairs stay, and their share of the union follows."""
    values = [
        similarity(signature(" ".join(words)), signature(" ".join(edited(words, share, i))))
        for i, words in enumerate(map(text, range(20)))
    ]
    assert least <= sum(values) / len(values) <= most


@given(st.text(max_size=400))
def test_a_signature_is_whole_or_empty(words: str) -> None:
    value = signature(words)
    assert len(value) in (0, 4 * VALUES)
    assert len(bands(value)) == (BANDS if value else 0)
    assert similarity(value, value) == (1.0 if value else 0.0)


def test_short_texts_are_like_nothing() -> None:
    assert signature(" ".join(["a"] * (MIN_TOKENS - 1))) == b""


def test_syndicated_copies_of_the_news_web(shared: Path) -> None:
    """Of copies with up to 15 % of the words changed all are found by bands and threshold; no other pair of stories is."""
    with newsweb(shared).NewsWeb(seed=1, speed=0, faults=False) as web:
        truth = web.truth["articles"]
    marks = {entry["id"]: signature(entry["body"]) for entry in truth}
    copies = [entry for entry in truth if entry["syndicated_from"] and (entry["edit_share"] or 0) <= 0.15]
    assert len(copies) > 50
    for entry in copies:
        original = marks[entry["syndicated_from"]]
        assert set(bands(marks[entry["id"]])) & set(bands(original)), entry["id"]
        assert similarity(marks[entry["id"]], original) >= THRESHOLD, entry["id"]
    first = [entry for entry in truth if not entry["syndicated_from"] and entry["origin"] == "ktlab"]
    by_band: dict[int, list[dict[str, Any]]] = {}
    for entry in first:
        for number in bands(marks[entry["id"]]):
            by_band.setdefault(number, []).append(entry)
    alike = {
        (one["id"], other["id"]): one["event_cluster"] == other["event_cluster"]
        for entries in by_band.values()
        for one, other in itertools.combinations(entries, 2)
        if similarity(marks[one["id"]], marks[other["id"]]) >= THRESHOLD
    }
    assert all(alike.values())
    assert len(alike) < 10
