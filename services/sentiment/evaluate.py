"""Measure the bundled baseline: `python -m services.sentiment.evaluate [FILE…]`.

Each file holds JSON lines with the columns of citizen-voice, or some of them; without a file its dev part is taken.
Percent, one line a head: macro-F1 of the best guess, that of always naming the most frequent label, accuracy, share
answered, how much of it is right, calibration error.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from services.core.ports import Classifier
from services.sentiment.baseline import Baseline
from services.sentiment.measure import Worth, answers, worth
from services.sentiment.recipe import Example
from services.sentiment.train import DATA, HEADS, load

LINE = "{:<15} {:>6} {:>9} {:>9} {:>9} {:>9} {:>6} {:>12}"


def measure(classifier: Classifier, examples: Sequence[Example]) -> dict[str, Worth]:
    """What the answers of every head are worth for which the examples have labels."""
    known = [head.name for head in HEADS if any(head.name in example.labels for example in examples)]
    return {head: worth(answers(classifier, examples, head)) for head in known}


def table(worths: dict[str, Worth]) -> str:
    """The measurements as text."""
    lines = [LINE.format("head", "texts", "macro-F1", "majority", "accuracy", "answered", "right", "calibration")]
    for head, one in worths.items():
        shares = (one.macro_f1, one.majority_macro_f1, one.accuracy, one.answered, one.answered_right)
        cells = [f"{100 * share:.1f}" for share in (*shares, one.calibration_error)]
        lines.append(LINE.format(head, one.count, *cells))
    return "\n".join(lines)


def main(paths: Sequence[str]) -> None:
    """Print a table a file."""
    classifier = Baseline()
    for path in map(Path, paths or [str(DATA / "dev.jsonl")]):
        sys.stdout.write(f"{path}\n{table(measure(classifier, load(path)))}\n\n")


if __name__ == "__main__":
    main(sys.argv[1:])
