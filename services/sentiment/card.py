"""The model card: what the weights learned from, what they are worth, what they must not be used for."""

from __future__ import annotations

from collections.abc import Mapping

from services.sentiment.measure import Worth
from services.sentiment.weights import Weights

AGREEMENT = {
    "sentiment": (0.943, 0.913),
    "event_valence": (0.953, 0.923),
    "stance": (0.957, 0.929),
    "complaint": (0.979, 0.939),
    "toxicity": (0.996, 0.973),
    "topic": (0.896, 0.886),
}
"""How often the two labellers agree, and their kappa, a head: the README of the data."""

_CARD = """# baseline {version}

The bundled classifier of Ngọc Linh: linear, over hashed word 1–2-grams, character 2–5-grams and counts of
hand-written concepts; {megabytes:.2f} MB for all heads, numpy only. Licence: Apache-2.0.

## Data

It learns from `data/citizen-voice/train.jsonl` and from nothing else: 1,587 Vietnamese texts that a language model
invented for this project. **All labels, also those that measure it here, are by two language models, not by people.**
N-grams are stored as hashes, so no text can be read out of the weights.

## Worth on citizen-voice dev

Best guess of every text whose two labels agree, in percent. Majority: macro-F1 of always naming the most frequent
label. Labellers: how often the two agree, and their kappa. Answered: share above the confidence that was calibrated on
the same dev texts; right: how much of that share is right. Calibration: mean gap between confidence and accuracy.

| head | texts | macro-F1 | majority | accuracy | labellers (kappa) | answered | right | threshold | calibration |
|---|---|---|---|---|---|---|---|---|---|
{rows}

## Limits

* Two hundred dev texts: a difference of two or three points says little.
* It knows how citizens write to an office of a mountain commune and how papers report on one. National politics,
  sport, entertainment, product reviews, student feedback are another world: there it is often wrong, and unsure.
* Irony, negation over a distance and good news about bad events are its weak spots.
* A text is the sum of its sentences, a headline counts twice. It learned from texts of up to 420 characters: what it says
  about longer ones is damped, and less certain than the numbers above.
* What it says is a hint by a machine (“máy gợi ý”): people check it before anything follows from it. It judges texts,
  never persons.

## Rebuild

`make model` writes the same bytes again from the data in the repository.
"""


def markdown(weights: Weights, worths: Mapping[str, Worth], size: int) -> str:
    """The card of weights measured on dev; `size` is that of their file in bytes."""
    rows = []
    for head in weights.heads:
        worth = worths[head.name]
        agreement, kappa = AGREEMENT[head.name]
        cells = [
            head.name,
            str(worth.count),
            *(f"{100 * value:.1f}" for value in (worth.macro_f1, worth.majority_macro_f1, worth.accuracy, agreement)),
            *(f"{100 * value:.0f}" for value in (worth.answered, worth.answered_right)),
            f"{head.threshold:.2f}",
            f"{100 * worth.calibration_error:.0f}",
        ]
        cells[5] += f" ({kappa:.2f})"
        rows.append(f"| {' | '.join(cells)} |")
    return _CARD.format(version=weights.version, megabytes=size / 1e6, rows="\n".join(rows))
