"""A trained directory → everything that serving needs, in one folder, with a check that both say the same."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ngoclinh.sentiment.v1.sentiment_service_pb2 import Text, TextAnalysis

from services.core.errors import InputError
from services.sentiment.phobert import cards, checkpoint, quantise
from services.sentiment.phobert.calibrate import calibrated
from services.sentiment.phobert.checkpoint import Checkpoint
from services.sentiment.phobert.graph import build
from services.sentiment.phobert.licence import gate
from services.sentiment.phobert.opening import opener, with_heads
from services.sentiment.phobert.text import Segmenter
from services.sentiment.phobert.train import TOKENIZER_FILES, baseline_worth, empty
from services.sentiment.train import DATA, load

MAX_DIFFERENCE = 1e-4
"""How far a probability of the exported model may lie from that of torch."""
COPIED = ("config.json", *TOKENIZER_FILES, "README.md", "LICENSE")


@dataclass(frozen=True)
class Parity:
    """How well an export says what the model says, on citizen-voice dev."""

    texts: int
    fp32_difference: float
    """Largest difference of a probability from torch."""
    int8_difference: float
    """Largest difference of a probability from fp32."""
    int8_agreement: float
    """Share of all labels of all heads that int8 and fp32 name alike, 0 to 1."""


def export(folder: Path, out: Path, words: Segmenter, accepted: str = "") -> Parity:
    """Write `model.onnx`, `model.int8.onnx` and what belongs to them.

    Args:
        folder: a directory that `ngoclinh model train` wrote, or a plain sentiment classifier of transformers.
        out: a new folder; nothing is left in it when the check fails.
        words: the word segmentation that is also served with.
        accepted: licence that the gate lets pass; see `licence.gate`.

    Raises:
        LicenceRefused: its licence forbids the use.
        InputError: the directory is no classifier, or the export says something else than torch.
        InvalidField: `out` holds something.
        Unavailable: onnx, onnxruntime, torch or transformers is not installed.
    """
    licence = gate(folder, accepted)
    found = checkpoint.read(folder, licence)
    weights = checkpoint.weights(folder)
    graph = build(checkpoint.shape(folder), weights)
    empty(out)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".ngoclinh-export-") as place:
        made = Path(place)
        for name in COPIED:
            if (folder / name).exists():
                shutil.copyfile(folder / name, made / name)
        quantise.write(graph, made)
        if not (folder / "heads.json").exists():
            found = _measured(made, replace(found, version=checkpoint.fingerprint(weights)), words)
        parity = check(folder, made, found, words)
        checkpoint.write(made, found, {**_facts(folder), "export": vars(parity)})
        for path in made.iterdir():
            shutil.move(path, out / path.name)
    return parity


def check(folder: Path, made: Path, found: Checkpoint, words: Segmenter) -> Parity:
    """Compare torch, fp32 and int8.

    Raises:
        InputError: fp32 differs from torch by more than `MAX_DIFFERENCE`.
    """
    dev = [Text(text=example.text) for example in load(DATA / "dev.jsonl")]
    answers = [
        with_heads(made, found, words, opener(where, file)).classify(dev)
        for where, file in ((folder, None), (made, quantise.FP32), (made, quantise.INT8))
    ]
    heads = [head.name for head in found.heads]
    torch, fp32, int8 = answers
    same = [
        getattr(one, head).label == getattr(other, head).label
        for one, other in zip(fp32, int8, strict=True)
        for head in heads
    ]
    parity = Parity(len(dev), difference(torch, fp32, heads), difference(fp32, int8, heads), sum(same) / len(same))
    if not parity.fp32_difference <= MAX_DIFFERENCE:
        raise InputError(
            f"Bản ONNX lệch so với mô hình gốc {parity.fp32_difference:.1e} (cho phép {MAX_DIFFERENCE:.0e}); không ghi gì.",
            f"The ONNX model differs by {parity.fp32_difference:.1e} from the original "
            f"({MAX_DIFFERENCE:.0e} allowed); nothing is written.",
            {"difference": str(parity.fp32_difference)},
        )
    return parity


def difference(ones: Sequence[TextAnalysis], others: Sequence[TextAnalysis], heads: Sequence[str]) -> float:
    """Largest difference of a probability; infinite where one is no number."""
    gaps = [
        abs(score - getattr(other, head).scores[label])
        for one, other in zip(ones, others, strict=True)
        for head in heads
        for label, score in getattr(one, head).scores.items()
    ]
    return max((gap if gap == gap else float("inf") for gap in gaps), default=0.0)


def _measured(made: Path, found: Checkpoint, words: Segmenter) -> Checkpoint:
    """A plain classifier with confidence and worth from dev, and a card that says so."""
    dev = load(DATA / "dev.jsonl")
    open_session = opener(made, quantise.FP32)
    heads, worths = calibrated(
        found.heads, lambda own: with_heads(made, replace(found, heads=own), words, open_session), dev
    )
    found = replace(found, heads=heads)
    table = cards.worth_table(found, worths, baseline_worth(dev, worths))
    return replace(found, card=cards.plain(found, table))


def _facts(folder: Path) -> dict[str, Any]:
    """What the card of the directory says beyond what every card says."""
    path = folder / "card.json"
    own = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return {key: value for key, value in own.items() if key in ("base", "labelled_by", "recipe")}
