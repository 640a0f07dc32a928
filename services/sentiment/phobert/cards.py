"""The cards of PhoBERT classifiers: what they learned from, what they are worth beside the baseline, their limits."""

from __future__ import annotations

from collections.abc import Mapping

from services.sentiment.card import AGREEMENT
from services.sentiment.measure import Worth
from services.sentiment.phobert.checkpoint import Checkpoint

TRAINING_DATA = (
    "citizen-voice train: 1,587 texts invented for this project by a language model; labels by two language models."
)
_TRAINED = """# {name} {version}

A PhoBERT classifier of Ngọc Linh, fine-tuned from {base} ({licence}) with seed {seed}, {epochs} passes. Words were
segmented with: {segmenter}.

## Data

{data} **All labels, also those that measure it here, are by language models, not by people.** What the base model
learned from is told by its own card.

{worth}
## Limits

* Two hundred dev texts: a difference of two or three points says little.
* It knows how citizens write to an office of a mountain commune and how papers report on one; elsewhere it is often
  wrong.
* Text beyond 8 chunks of 254 tokens is not read; `truncated` and `coverage` say so.
* What it says is a hint by a machine (“máy gợi ý”): people check it before anything follows from it. It judges texts,
  never persons.
"""
_PLAIN = """{card}

---

# In Ngọc Linh

This is a plain sentiment classifier: its labels are {labels}. Confidence was calibrated on citizen-voice dev, which it
did not learn from; all other heads are answered by the baseline. It decides about a chunk of text as a whole: the
sentences that are shown for a label are those of the chunks that spoke for it, the longest first.

{worth}"""
_TABLE = """## Worth on citizen-voice dev

Best guess in percent, beside the bundled baseline. Labellers: how often the two agree. Answered: share above the
confidence that was calibrated on the same texts; right: how much of that share is right.

| head | texts | macro-F1 | baseline | majority | accuracy | labellers | answered | right | threshold |
|---|---|---|---|---|---|---|---|---|---|
{rows}
"""


def trained(found: Checkpoint, base: str, seed: int, epochs: int, table: str) -> str:
    """The card of a model that was trained here."""
    return _TRAINED.format(
        name=found.name,
        version=found.version,
        licence=found.licence,
        base=base,
        seed=seed,
        epochs=epochs,
        segmenter=found.segmenter,
        data=found.training_data,
        worth=table,
    )


def plain(found: Checkpoint, table: str) -> str:
    """The card of somebody else's sentiment classifier, with what was measured here."""
    return _PLAIN.format(card=found.card.rstrip(), labels=", ".join(found.heads[0].labels), worth=table)


def worth_table(found: Checkpoint, worths: Mapping[str, Worth], baseline: Mapping[str, float]) -> str:
    """What the heads are worth.

    Args:
        found: heads with their thresholds.
        worths: by head.
        baseline: macro-F1 of the baseline, by head.
    """
    rows = []
    for head in found.heads:
        if head.name not in worths:
            continue
        one = worths[head.name]
        shares = (one.macro_f1, baseline[head.name], one.majority_macro_f1, one.accuracy, AGREEMENT[head.name][0])
        cells = [head.name, str(one.count), *(f"{100 * value:.1f}" for value in shares)]
        cells += [f"{100 * value:.0f}" for value in (one.answered, one.answered_right)]
        rows.append(f"| {' | '.join([*cells, f'{head.threshold:.2f}'])} |")
    return _TABLE.format(rows="\n".join(rows))
