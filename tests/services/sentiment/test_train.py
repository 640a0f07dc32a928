"""Training: the bundled files come out again bit by bit; thresholds do what they say."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from services.sentiment.measure import Answer, worth
from services.sentiment.recipe import Example, learn
from services.sentiment.train import DATA, HEADS, build, example, load, threshold
from services.sentiment.weights import Head

PACKAGE = Path(str(resources.files("services.sentiment")))


@pytest.mark.slow
def test_training_again_gives_the_bundled_files_byte_by_byte() -> None:
    content, card = build()
    assert card == (PACKAGE / "baseline.md").read_text("utf-8")
    bundled = (PACKAGE / "baseline.bin").read_bytes()
    assert hashlib.sha256(content).hexdigest() == hashlib.sha256(bundled).hexdigest(), "run `make model` and commit"


def test_another_number_of_threads_and_another_hash_seed_change_nothing() -> None:
    script = (
        "import hashlib; from services.sentiment.train import *\n"
        "print(hashlib.sha256(learn(load(DATA / 'train.jsonl')[:120], HEADS, 'x').to_bytes()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, threads in (("1", "1"), ("2", "2"))
    }
    assert len(digests) == 1


def test_the_data_are_whole() -> None:
    train, dev = load(DATA / "train.jsonl"), load(DATA / "dev.jsonl")
    assert (len(train), len(dev)) == (1587, 202)
    assert not {one.text for one in train} & {one.text for one in dev}
    for head in HEADS:
        for part in (train, dev):
            assert {one.labels[head.name] for one in part if head.name in one.labels} == set(head.labels)


def test_labels_that_the_two_annotators_disagreed_on_are_unknown() -> None:
    row = {"text": "x", "sentiment": None, "valence": "positive", "complaint": True, "toxic": False, "topic": "y_te"}
    assert example(row).labels == {"event_valence": "positive", "complaint": "yes", "toxicity": "no", "topic": "y_te"}


def test_the_card_says_who_labelled_and_gives_every_head() -> None:
    card = (PACKAGE / "baseline.md").read_text("utf-8")
    assert "by two language models, not by people" in card
    assert "máy gợi ý" in card
    for head in HEADS:
        assert f"| {head.name} | " in card


def test_a_label_that_no_text_has_is_never_the_best_guess() -> None:
    heads = [Head("complaint", ("no", "maybe", "yes"))]
    texts = [Example("đề nghị xã sửa đường", {"complaint": "yes"}), Example("cảm ơn bà con", {"complaint": "no"})] * 5
    weights = learn(texts, heads, "x")
    assert weights.heads[0].labels == ("no", "maybe", "yes")
    assert weights.bias[1] < 0


def answers(*pairs: tuple[float, bool]) -> list[Answer]:
    return [Answer("yes", "yes" if right else "no", confidence) for confidence, right in pairs]


@pytest.mark.parametrize(
    ("given", "wanted", "bar"),
    [
        (answers((0.9, True), (0.8, True), (0.6, False)), 0.9, 0.61),
        (answers((0.9, True), (0.6, True)), 0.9, 0.0),
        (answers(*[(0.5 + i / 100, False) for i in range(10)]), 0.9, 0.57),
    ],
    ids=["above the error", "all right", "never right: a fifth is answered"],
)
def test_the_threshold_is_the_lowest_that_keeps_the_promise(given: list[Answer], wanted: float, bar: float) -> None:
    assert threshold(given, wanted) == pytest.approx(bar, abs=0.011)


def test_worth_counts_as_the_peers_do() -> None:
    from sklearn.metrics import f1_score

    truths, labels = list("aababcbc") * 3, list("abbabccb") * 3
    given = [Answer(truth, label, 0.75, label == "c") for truth, label in zip(truths, labels, strict=True)]
    found = worth(given)
    assert found.macro_f1 == pytest.approx(f1_score(truths, labels, average="macro"))
    assert found.weighted_f1 == pytest.approx(f1_score(truths, labels, average="weighted"))
    assert found.answered == pytest.approx(0.75)
    assert found.answered_right == pytest.approx(2 / 3)
    assert found.calibration_error == pytest.approx(0.75 - 5 / 8)
