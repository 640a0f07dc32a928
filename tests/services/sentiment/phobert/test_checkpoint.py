"""Directories: weights and heads that are read, and those that are told to be wrong."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from bench.phobert_shape import random_weights
from services.core.errors import InputError
from services.sentiment.phobert import checkpoint
from services.sentiment.phobert.graph import Shape, check_weights
from tests.services.sentiment.phobert.tiny import TINY, config


def safetensors(path: Path, tensors: dict[str, tuple[str, list[int], bytes]]) -> None:
    header, body = {}, b""
    for name, (kind, shape, content) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(body), len(body) + len(content)]}
        body += content
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def test_weights_of_all_precisions_are_read(tmp_path: Path) -> None:
    numbers = np.array([1.5, -2.0, 0.25], np.float32)
    upper = (numbers.view(np.uint32) >> 16).astype("<u2").tobytes()
    safetensors(
        tmp_path / "model.safetensors",
        {
            "roberta.encoder.a": ("F32", [3], numbers.tobytes()),
            "roberta.encoder.b": ("F16", [3, 1], numbers.astype("<f2").tobytes()),
            "classifier.dense.c": ("BF16", [1, 3], upper),
            "lm_head.d": ("F32", [3], numbers.tobytes()),
        },
    )
    found = checkpoint.weights(tmp_path)
    assert {name: values.tolist() for name, values in found.items()} == {
        "roberta.encoder.a": [1.5, -2.0, 0.25],
        "roberta.encoder.b": [[1.5], [-2.0], [0.25]],
        "classifier.dense.c": [[1.5, -2.0, 0.25]],
    }


def test_names_of_a_bare_encoder_get_their_prefix(tmp_path: Path) -> None:
    safetensors(tmp_path / "model.safetensors", {"encoder.a": ("F32", [1], np.ones(1, np.float32).tobytes())})
    assert list(checkpoint.weights(tmp_path)) == ["roberta.encoder.a"]


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 7, struct.pack("<Q", 2**62), struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 3) + b"{}{"]
)
def test_damaged_weights_are_named(tmp_path: Path, content: bytes) -> None:
    tmp_path.joinpath("model.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=r"model\.safetensors"):
        checkpoint.weights(tmp_path)


def test_a_tensor_that_lies_beyond_the_file_is_refused(tmp_path: Path) -> None:
    safetensors(tmp_path / "model.safetensors", {"roberta.encoder.a": ("F32", [9], b"\x00" * 4)})
    with pytest.raises(InputError):
        checkpoint.weights(tmp_path)


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ({"0": "NEG", "1": "POS", "2": "NEU"}, ("negative", "positive", "neutral")),
        ({"10": "Negative", "2": "positive"}, ("positive", "negative")),
    ],
)
def test_labels_of_a_plain_classifier_stand_in_the_order_of_their_numbers(
    names: dict[str, str], labels: tuple[str, ...]
) -> None:
    assert checkpoint.plain_head({"id2label": names}).labels == labels


@pytest.mark.parametrize(
    "names", [None, {}, {"0": "LABEL_0", "1": "LABEL_1"}, {"0": "NEG"}, {"0": "NEG", "1": "negative"}]
)
def test_labels_that_say_nothing_are_refused(names: object) -> None:
    with pytest.raises(InputError, match="id2label"):
        checkpoint.plain_head({"id2label": names})


@pytest.mark.parametrize(
    "change", [{"model_type": "bert"}, {"hidden_act": "relu"}, {"hidden_size": 127}, {"vocab_size": None}]
)
def test_another_model_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"config\.json"):
        Shape.of({**config(TINY), **change})


def test_a_weight_of_another_size_is_named() -> None:
    weights = random_weights(TINY)
    check_weights(TINY, weights)
    weights["roberta.encoder.layer.1.output.dense.bias"] = np.zeros(3, np.float32)
    with pytest.raises(
        InputError, match=r"layer\.1\.output\.dense\.bias must have the size \(192,\), here it has \(3,\)"
    ):
        check_weights(TINY, weights)


def test_the_fingerprint_names_the_weights() -> None:
    assert checkpoint.fingerprint(random_weights(TINY)) == checkpoint.fingerprint(random_weights(TINY))
    assert checkpoint.fingerprint(random_weights(TINY, seed=1)) != checkpoint.fingerprint(random_weights(TINY))
