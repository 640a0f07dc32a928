"""Models of PhoBERT's format without torch: random weights of any shape, the exact one of PhoBERT-base among them.

`python -m bench.phobert_shape FOLDER` writes a random PhoBERT-base (about 700 MB), to measure speed with. It answers at
random; every file that serving needs is there, so `sentiment.model_dir` may name it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from services.sentiment.phobert import checkpoint, quantise
from services.sentiment.phobert.checkpoint import Checkpoint
from services.sentiment.phobert.graph import Shape, Weights, build
from services.sentiment.phobert.segment import segmenter
from services.sentiment.phobert.text import words
from services.sentiment.train import DATA, HEADS, load

PHOBERT_BASE = Shape(vocabulary=64_001, hidden=768, layers=12, attention_heads=12, intermediate=3072, positions=258)
SPREAD = 0.02


def phobert_base(folder: Path, seed: int = 0) -> Path:
    """A directory with both ONNX files of a random model of the shape of PhoBERT-base; takes some ten seconds."""
    return write_model(folder, PHOBERT_BASE, random_weights(PHOBERT_BASE, seed))


def sample_texts() -> list[str]:
    """The texts of citizen-voice train."""
    return [example.text for example in load(DATA / "train.jsonl")]


def random_weights(shape: Shape, seed: int = 0) -> dict[str, Any]:
    """Weights of the encoder and of heads as the baseline has them: normal, norms at one, biases at zero."""
    draw = np.random.default_rng(seed)
    columns = sum(len(head.labels) for head in HEADS)
    sizes = {**shape.tensors(), "heads.weight": (columns, shape.hidden), "heads.bias": (columns,)}
    weights: dict[str, Any] = {}
    for name, size in sizes.items():
        if name.endswith("bias"):
            weights[name] = np.zeros(size, np.float32)
        elif "LayerNorm" in name:
            weights[name] = np.ones(size, np.float32)
        else:
            weights[name] = draw.standard_normal(size, np.float32) * np.float32(SPREAD)
    return weights


def write_vocabulary(folder: Path, texts: Iterable[str], size: int) -> int:
    """Learn byte-pair encoding from texts and write `vocab.txt` and `bpe.codes`; the number of rows that it needs."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(vocab_size=size, end_of_word_suffix="</w>", show_progress=False)
    plain = segmenter("none")
    tokenizer.train_from_iterator((" ".join(word.form for word in words(text, plain)) for text in texts), trainer)
    learned = json.loads(tokenizer.to_str())["model"]
    pieces = sorted(learned["vocab"], key=learned["vocab"].get)
    named = [piece.removesuffix("</w>") if piece.endswith("</w>") else f"{piece}@@" for piece in pieces]
    named = [piece for piece in dict.fromkeys(named) if not piece.startswith("<unk>")]
    folder.joinpath("vocab.txt").write_text("".join(f"{piece} 1\n" for piece in named), "utf-8")
    folder.joinpath("bpe.codes").write_text("".join(f"{a} {b} 1\n" for a, b in learned["merges"]), "utf-8")
    return len(named) + 5


def config(shape: Shape) -> dict[str, Any]:
    """`config.json` of a directory that transformers loads as PhoBERT."""
    return {
        "model_type": "roberta",
        "tokenizer_class": "PhobertTokenizer",
        "hidden_act": "gelu",
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.attention_heads,
        "intermediate_size": shape.intermediate,
        "max_position_embeddings": shape.positions,
        "type_vocab_size": 1,
        "layer_norm_eps": shape.epsilon,
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
    }


def write_base(folder: Path, shape: Shape) -> Shape:
    """`config.json` and the tokenizer of a directory; the shape, with as many rows as the vocabulary needs at least."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = write_vocabulary(folder, sample_texts(), min(shape.vocabulary, 8000) - 5)
    grown = replace(shape, vocabulary=max(shape.vocabulary, rows))
    folder.joinpath("config.json").write_text(json.dumps(config(grown)), "utf-8")
    folder.joinpath("tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PhobertTokenizer", "model_max_length": 256}), "utf-8"
    )
    return grown


def write_model(folder: Path, shape: Shape, weights: Weights, facts: Mapping[str, Any] | None = None) -> Path:
    """A directory as `ngoclinh model export` writes it, with weights that are given."""
    write_base(folder, shape)
    card = Checkpoint(
        name="phobert-shape",
        version="0",
        licence="apache-2.0",
        training_data="Nothing: random weights. The texts of its vocabulary were invented by a language model.",
        card="# phobert-shape\n\nRandom weights of PhoBERT's format, for measurements and tests.\n",
        heads=HEADS,
        segmenter="none",
    )
    checkpoint.write(folder, card, facts or {})
    quantise.write(build(shape, weights), folder)
    return folder


if __name__ == "__main__":
    print(phobert_base(Path(sys.argv[1])))
