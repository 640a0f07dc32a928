"""Train the bundled baseline again: `python -m services.sentiment.train` (or `make model`).

Reads `data/citizen-voice` and writes `baseline.bin` and the model card `baseline.md`. Nothing is random and nothing
depends on the machine: the same data give the same files, byte by byte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib import resources
from pathlib import Path
from typing import Any

from services.sentiment.baseline import Baseline
from services.sentiment.card import markdown
from services.sentiment.measure import Answer, Worth, answers, worth
from services.sentiment.recipe import Example, learn
from services.sentiment.weights import Head, Weights

VERSION = "2026.11"
FOLDER = Path(str(resources.files(__package__)))
DATA = FOLDER / "data" / "citizen-voice"

TONES = ("negative", "neutral", "positive")
HEADS = (
    Head("sentiment", TONES),
    Head("event_valence", TONES),
    Head("stance", ("critical", "none", "supportive")),
    Head("complaint", ("no", "yes")),
    Head("toxicity", ("no", "yes")),
    Head(
        "topic",
        (
            *("dat_dai", "y_te", "giao_duc", "an_ninh", "giao_thong", "moi_truong", "kinh_te"),
            *("du_lich", "dich_vu_cong", "chuyen_doi_so", "thien_tai", "chay_no", "van_hoa_xa_hoi", "quoc_te"),
        ),
    ),
)
_COLUMNS = {"event_valence": "valence", "toxicity": "toxic"}
WANTED_RIGHT = {"complaint": 0.95, "toxicity": 0.99, "topic": 0.85}
"""How much of the answered part of dev has to be right, a head; 0.9 where nothing is said."""
LEAST_ANSWERED = 0.2
"""Share of dev that is answered at least, however wrong it is."""


def example(row: Mapping[str, Any]) -> Example:
    """A line of citizen-voice or news-valence; labels that are null or absent are unknown."""
    labels = {}
    for head in HEADS:
        value = row.get(_COLUMNS.get(head.name, head.name))
        if value is not None:
            labels[head.name] = ("no", "yes")[value] if isinstance(value, bool) else str(value)
    return Example(row["text"], labels)


def load(path: Path) -> list[Example]:
    """The examples of a file of JSON lines."""
    return [example(json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def build() -> tuple[bytes, str]:
    """The file of weights and the model card."""
    weights = learn(load(DATA / "train.jsonl"), HEADS, VERSION)
    dev = load(DATA / "dev.jsonl")
    calibrated, worths = calibrate(weights, dev)
    content = calibrated.to_bytes()
    return content, markdown(calibrated, worths, len(content))


def calibrate(weights: Weights, dev: list[Example]) -> tuple[Weights, dict[str, Worth]]:
    """The weights with thresholds and measured worth from dev, and that worth."""
    heads, worths = [], {}
    plain = Baseline(weights, card="")
    for head in weights.heads:
        given = answers(plain, dev, head.name)
        bar = threshold(given, WANTED_RIGHT.get(head.name, 0.9))
        worths[head.name] = worth([replace(answer, unsure=answer.confidence < bar) for answer in given])
        metrics = {name: round(float(value), 4) for name, value in asdict(worths[head.name]).items()}
        heads.append(replace(head, threshold=bar, metrics=metrics))
    return replace(weights, heads=tuple(heads)), worths


def threshold(given: list[Answer], wanted: float) -> float:
    """The lowest confidence, in steps of 0.01, from which on the wanted share of the answers is right."""
    for step in range(100):
        sure = [answer for answer in given if answer.confidence >= step / 100]
        if len(sure) < LEAST_ANSWERED * len(given):
            return (step - 1) / 100
        if sum(answer.truth == answer.label for answer in sure) >= wanted * len(sure):
            return step / 100
    return 0.99


def main() -> None:
    """Write both files into the package."""
    content, card = build()
    (FOLDER / "baseline.bin").write_bytes(content)
    (FOLDER / "baseline.md").write_text(card, "utf-8")


if __name__ == "__main__":
    main()
