"""The graph: what is left out of it changes no answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.phobert_shape import random_weights
from services.sentiment.phobert import quantise
from services.sentiment.phobert.graph import Shape, Weights, build
from services.sentiment.phobert.sessions import OnnxSession
from tests.services.sentiment.phobert.tiny import TINY


def session(folder: Path, weights: Weights, shape: Shape = TINY) -> OnnxSession:
    """The graph of some weights as it is served, in fp32."""
    folder.mkdir()
    quantise.write(build(shape, weights), folder)
    return OnnxSession(folder / quantise.FP32)


def test_a_last_layer_for_the_first_token_only_says_what_a_whole_one_says_of_it(tmp_path: Path) -> None:
    weights = random_weights(TINY, plain=True)
    plain = session(tmp_path / "plain", weights)
    whole = {name: values for name, values in weights.items() if not name.startswith("classifier.")}
    whole |= {f"heads.{kind}": weights[f"classifier.dense.{kind}"] for kind in ("weight", "bias")}
    ids = np.random.default_rng(3).integers(5, TINY.vocabulary, (3, 9))
    ids[:, 0] = 0
    mask = (np.arange(9) < np.array([[9], [4], [6]])).astype(np.int64)
    first = np.tanh(session(tmp_path / "whole", whole).logits(ids, mask)[:, 0])
    wanted = first @ weights["classifier.out_proj.weight"].T + weights["classifier.out_proj.bias"]
    assert plain.logits(ids, mask) == pytest.approx(wanted, abs=1e-6)
    assert np.ptp(wanted, axis=0).min() > 1e-4, "the three chunks differ"
    assert plain.logits(ids[1:2, :4], mask[1:2, :4]) == pytest.approx(wanted[1:2], abs=1e-6), "padding changes nothing"
