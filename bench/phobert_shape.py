"""Models of PhoBERT's format without torch: random weights of any shape, the exact one of PhoBERT-base among them.

`python -m bench.phobert_shape FOLDER` writes a random PhoBERT-base (about 700 MB), to measure speed with. It answers at
random; every file that serving needs is there, so `sentiment.model_dir` may name it.
"""

from __future__ import annotations

import heapq
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from services.sentiment.phobert import checkpoint, quantise
from services.sentiment.phobert.checkpoint import Checkpoint
from services.sentiment.phobert.graph import OWN_HEADS, Shape, Weights, build, weight_and_bias
from services.sentiment.phobert.segment import segmenter
from services.sentiment.phobert.text import words
from services.sentiment.phobert.tokenizer import END, GOES_ON
from services.sentiment.train import DATA, HEADS, load

PHOBERT_BASE = Shape(vocabulary=64_001, hidden=768, layers=12, attention_heads=12, intermediate=3072, positions=258)
SPREAD = 0.02


def phobert_base(folder: Path, plain: bool = False) -> Path:
    """A directory with both ONNX files of a random model of the shape of PhoBERT-base; takes some ten seconds."""
    return write_model(folder, PHOBERT_BASE, random_weights(PHOBERT_BASE, plain=plain))


def sample_texts() -> list[str]:
    """The texts of citizen-voice train."""
    return [example.text for example in load(DATA / "train.jsonl")]


def random_weights(shape: Shape, seed: int = 0, plain: bool = False) -> dict[str, Any]:
    """Weights of the encoder and of heads: normal, norms at one, biases at zero.

    Args:
        shape: of the encoder.
        seed: the same gives the same weights.
        plain: the classification head of a sentiment model of transformers, instead of heads as the baseline has them.
    """
    draw = np.random.default_rng(seed)
    sizes = shape.tensors()
    if plain:
        sizes |= weight_and_bias("classifier.dense", shape.hidden, shape.hidden)
        sizes |= weight_and_bias("classifier.out_proj", len(HEADS[0].labels), shape.hidden)
    else:
        sizes |= weight_and_bias("heads", sum(len(head.labels) for head in HEADS), shape.hidden)
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
    plain = segmenter("none")
    letters, merges = learn(Counter(word.form for text in texts for word in words(text, plain)), size)
    pieces = [*letters, *(left + right for left, right in merges)]
    named = dict.fromkeys(
        piece.removesuffix(END) if piece.endswith(END) else piece + GOES_ON for piece in pieces if piece != END
    )
    folder.joinpath("vocab.txt").write_text("".join(f"{piece} 1\n" for piece in named), "utf-8")
    folder.joinpath("bpe.codes").write_text("".join(f"{left} {right} 1\n" for left, right in merges), "utf-8")
    return len(named) + 5


def learn(counts: Mapping[str, int], size: int) -> tuple[list[str], list[tuple[str, str]]]:
    """Letters and merges of byte-pair encoding, the same in every run: equal counts go by the alphabet.

    Args:
        counts: words and how often each occurs.
        size: letters and merges together, at most.
    """
    spelled = [[*word[:-1], word[-1] + END] for word in counts]
    often = list(counts.values())
    pairs: Counter[tuple[str, str]] = Counter()
    places: dict[tuple[str, str], set[int]] = {}
    for i, symbols in enumerate(spelled):
        for pair in pairwise(symbols):
            pairs[pair] += often[i]
            places.setdefault(pair, set()).add(i)
    letters = sorted({symbol for symbols in spelled for symbol in symbols})
    queue = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(queue)
    merges: list[tuple[str, str]] = []
    while queue and len(letters) + len(merges) < size:
        count, best = heapq.heappop(queue)
        if -count != pairs[best] or count == 0:
            continue
        merges.append(best)
        changed = set()
        for i in sorted(places.pop(best)):
            before, spelled[i] = spelled[i], _merged(spelled[i], best)
            for symbols, sign in ((before, -1), (spelled[i], 1)):
                for pair in pairwise(symbols):
                    pairs[pair] += sign * often[i]
                    places.setdefault(pair, set()).add(i)
                    changed.add(pair)
        for pair in changed:
            heapq.heappush(queue, (-pairs[pair], pair))
    return letters, merges


def _merged(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    found: list[str] = []
    for symbol in symbols:
        if found and (found[-1], symbol) == pair:
            found[-1] += symbol
        else:
            found.append(symbol)
    return found


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
        heads=HEADS if OWN_HEADS in weights else HEADS[:1],
        segmenter="none",
    )
    checkpoint.write(folder, card, facts or {})
    quantise.write(build(shape, weights), folder)
    return folder


if __name__ == "__main__":
    print(phobert_base(Path(sys.argv[1])))
