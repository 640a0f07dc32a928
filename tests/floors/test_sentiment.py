"""The baseline stays above its floors (`sentiment.toml`), which only rise."""

from __future__ import annotations

import gzip
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pytest

from services.sentiment.baseline import Baseline
from services.sentiment.evaluate import measure, table
from services.sentiment.measure import Worth
from services.sentiment.recipe import Example, learn
from services.sentiment.train import DATA, load
from services.sentiment.weights import Head

FLOORS = tomllib.loads(Path(__file__).with_name("sentiment.toml").read_text("utf-8"))


def above(name: str, worths: Mapping[str, Worth]) -> None:
    below = [
        f"{head}.{what} is {100 * asdict(worths[head])[what]:.1f}, the floor {floor}"
        for head, floors in FLOORS[name].items()
        for what, floor in floors.items()
        if 100 * asdict(worths[head])[what] < floor
    ]
    assert not below, "\n".join([*below, table(dict(worths))])


def vsfc(path: Path) -> list[Example]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = map(json.loads, content.decode().splitlines())
    return [Example(row["text"], {"sentiment": row["sentiment"]}) for row in rows]


def test_on_citizen_voice_dev() -> None:
    above("citizen-voice-dev", measure(Baseline(), load(DATA / "dev.jsonl")))


def test_every_head_beats_the_most_frequent_label() -> None:
    for one in measure(Baseline(), load(DATA / "dev.jsonl")).values():
        assert one.macro_f1 > one.majority_macro_f1 + 0.3
        assert one.answered_right > one.accuracy


def test_on_real_news(shared: Path) -> None:
    above("news-valence-dev", measure(Baseline(), load(shared / "data/nlp/news-valence/dev.jsonl")))


@pytest.mark.slow
def test_the_recipe_on_student_feedback(shared: Path) -> None:
    folder = shared / "data/nlp/uit-vsfc"
    head = Head("sentiment", ("negative", "neutral", "positive"))
    model = Baseline(learn(vsfc(folder / "train.jsonl.gz"), [head], "vsfc", calibrated=False), card="")
    above("uit-vsfc-test", measure(model, vsfc(folder / "test.jsonl")))
