"""A small model of PhoBERT's format that knows something, made in a second without torch.

The encoder is random; its heads are fitted to the texts of citizen-voice by least squares over what the encoder makes
of them. It is right more often than chance, which is all that tests ask of it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from ngoclinh.sentiment.v1.sentiment_service_pb2 import Text

from bench.phobert_shape import config, random_weights, write_base, write_model
from services.sentiment.phobert import quantise
from services.sentiment.phobert.chunks import batches, cut
from services.sentiment.phobert.graph import Shape, build
from services.sentiment.phobert.sessions import OnnxSession
from services.sentiment.phobert.text import NoSegmenter, words
from services.sentiment.phobert.tokenizer import Tokenizer
from services.sentiment.train import DATA, HEADS, load

TINY = Shape(vocabulary=2000, hidden=192, layers=2, attention_heads=4, intermediate=128, positions=258)
STIFFNESS = 1.0
CONTRAST = 6.0

__all__ = ["TINY", "config", "tiny"]


def tiny(folder: Path) -> Path:
    """The model in a directory as `ngoclinh model export` writes it."""
    shape = write_base(folder, TINY)
    weights = random_weights(shape)
    weights["heads.weight"], weights["heads.bias"] = np.eye(shape.hidden, dtype=np.float32), np.zeros(shape.hidden)
    quantise.write(build(shape, weights), folder)
    weights["heads.weight"], weights["heads.bias"] = _fit(folder)
    return write_model(folder, shape, weights)


def _fit(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    session, tokenizer = OnnxSession(folder / quantise.FP32), Tokenizer.read(folder)
    encode = cache(lambda text: tokenizer.encode(word.form for word in words(text, NoSegmenter())))
    examples = load(DATA / "train.jsonl")
    chunks = [cut(i, Text(text=example.text), 20_000, encode)[0] for i, example in enumerate(examples)]
    means = np.zeros((len(chunks), TINY.hidden))
    for batch in batches(chunks, 4096):
        ids = np.array([chunks[i].ids for i in batch])
        hidden = session.logits(ids, np.ones_like(ids))
        for i, row in zip(batch, hidden, strict=True):
            means[i] = row[1 : len(chunks[i].ids) - 1].mean(axis=0)
    columns, biases = [], []
    for head in HEADS:
        known = [i for i, example in enumerate(examples) if head.name in example.labels]
        wanted = np.array([[examples[i].labels[head.name] == label for label in head.labels] for i in known], float)
        centre, mean = means[known].mean(axis=0), wanted.mean(axis=0)
        inputs = means[known] - centre
        spread = inputs.T @ inputs + STIFFNESS * np.eye(TINY.hidden)
        slopes = CONTRAST * np.linalg.solve(spread, inputs.T @ (wanted - mean))
        columns.append(slopes.T)
        biases.append(CONTRAST * mean - centre @ slopes)
    return np.concatenate(columns).astype(np.float32), np.concatenate(biases).astype(np.float32)
