"""int8 against fp32: labels of a small model of PhoBERT's format that learned from real texts.

RoBERTa of 2 × 128 (4 × 256 without --quick), byte-pair encoding and sentiment of student feedback. Needs the extra
[export] and the development data beside the checkout (`data/nlp/uit-vsfc`); without them it is skipped.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import tempfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from ngoclinh.sentiment.v1.sentiment_service_pb2 import Text

from bench.harness import SKIPPED, Peer, quick, timed
from bench.phobert_shape import config, write_vocabulary
from services.core.sections.work import SentimentSettings
from services.sentiment.measure import f1
from services.sentiment.phobert.graph import Shape
from services.sentiment.phobert.opening import open_model
from services.sentiment.phobert.segment import segmenter
from services.sentiment.recipe import Example

GOAL = 0.99
PIECES = 8000
SMALL = Shape(vocabulary=0, hidden=128, layers=2, attention_heads=2, intermediate=512, positions=258)
LARGER = replace(SMALL, hidden=256, layers=4, attention_heads=4, intermediate=1024)


def data() -> Path:
    """The folder of the student feedback."""
    shared = Path(os.environ.get("NGOCLINH_SHARED") or Path(__file__).parents[2] / "shared")
    return shared / "data" / "nlp" / "uit-vsfc"


def examples(name: str) -> list[Example]:
    """Texts with their sentiment."""
    path = next(data().glob(f"{name}.jsonl*"))
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        return [Example(row["text"], {"sentiment": row["sentiment"]}) for row in map(json.loads, file)]


def write_base(folder: Path, shape: Shape, texts: list[str]) -> Path:
    """A base of random weights with the vocabulary of the texts, as transformers writes it."""
    import torch
    from transformers import RobertaConfig, RobertaModel

    folder.mkdir()
    grown = replace(shape, vocabulary=write_vocabulary(folder, texts, PIECES))
    torch.manual_seed(0)
    RobertaModel(RobertaConfig(**config(grown)), add_pooling_layer=False).save_pretrained(folder)
    folder.joinpath("LICENSE").write_text("MIT License\n")
    return folder


def trained(folder: Path, small: bool) -> Path:
    """The model, exported."""
    from services.sentiment.phobert.export import export
    from services.sentiment.phobert.train import Recipe, train

    learn = examples("train")
    base = write_base(folder / "base", SMALL if small else LARGER, [example.text for example in learn])
    recipe = Recipe(epochs=3 if small else 4, rate=1e-3, batch_tokens=2048)
    words = segmenter("none")
    train(base, folder / "trained", words, recipe, progress=print, examples=(learn, examples("dev")))
    export(folder / "trained", folder / "exported", words)
    return folder / "exported"


def measure(folder: Path) -> dict[str, Any]:
    """What int8 and fp32 say about the test texts."""
    test = examples("test")
    truths, texts = [one.labels["sentiment"] for one in test], [Text(text=one.text) for one in test]
    labels, scores, rates = {}, {}, {}
    for precision in ("int8", "fp32"):
        model = open_model(SentimentSettings(model_dir=folder, segmenter="none", precision=precision))
        model.classify(texts[:8])
        seconds, found = timed(lambda model=model: [one.sentiment for one in model.classify(texts)])
        labels[precision] = [one.label for one in found]
        scores[precision] = np.array([[one.scores[label] for label in sorted(one.scores)] for one in found])
        rates[precision] = len(texts) / seconds
    same = sum(one == other for one, other in zip(labels["int8"], labels["fp32"], strict=True)) / len(test)
    worth = {
        precision: {
            "accuracy": round(sum(a == b for a, b in zip(truths, found, strict=True)) / len(test), 4),
            "macro_f1": round(f1(truths, found, weighted=False), 4),
            "texts_per_cpu_s": round(rates[precision]),
            "mb": round(
                folder.joinpath("model.int8.onnx" if precision == "int8" else "model.onnx").stat().st_size / 1e6, 1
            ),
        }
        for precision, found in labels.items()
    }
    gap = float(np.abs(scores["int8"] - scores["fp32"]).max())
    return {"same": same, "texts": len(test), "largest_difference": round(gap, 4), **worth}


def main() -> int:
    """Print the JSON line."""
    small = quick(__doc__ or "")
    if find_spec("torch") is None or not data().is_dir():
        print("skipped: torch or the development data are not here", file=sys.stderr)
        return SKIPPED
    import onnxruntime

    with tempfile.TemporaryDirectory(prefix="ngoclinh-") as folder:
        found = measure(trained(Path(folder), small))
    same = found.pop("same")
    result = {
        "name": "phobert_int8_labels",
        "ratio": round(same, 4),
        "goal": GOAL,
        "better": "higher",
        "ours": {"value": round(same * found["texts"]), "unit": "texts with the label of fp32"},
        "peer": {**vars(Peer("ONNX Runtime fp32", onnxruntime.__version__)), "value": found["texts"]},
        "rounds": 1,
        "spread": [round(same, 4), round(same, 4)],
        **found,
    }
    print(json.dumps(result, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
