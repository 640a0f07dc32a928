"""The file of weights: small, without surprises, and refused where it is not whole."""

from __future__ import annotations

import json
from importlib import resources

import numpy as np
import pytest

from services.core.errors import InputError
from services.sentiment.features import table_rows
from services.sentiment.weights import Head, Weights, quantise


@pytest.fixture(scope="module")
def content() -> bytes:
    return resources.files("services.sentiment").joinpath("baseline.bin").read_bytes()


def test_all_heads_together_stay_under_four_megabytes(content: bytes) -> None:
    assert len(content) < 4_000_000


def test_a_file_reads_back_as_it_was_written(content: bytes) -> None:
    assert Weights.from_bytes(content).to_bytes() == content


def test_the_file_is_a_line_of_json_and_plain_bytes(content: bytes) -> None:
    line, _, table = content.partition(b"\n")
    header = json.loads(line)
    assert len(table) == header["rows"] * sum(len(head["labels"]) for head in header["heads"])


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content[5:],
        lambda content: content.replace(b"ngoclinh-linear-1", b"ngoclinh-linear-9"),
        lambda content: content.replace(b'"rows": ', b'"rows": 1'),
        lambda content: content.replace(b'"sharpness"', b'"sharpnes"', 1),
    ],
    ids=["empty", "cut", "no start", "another format", "another size", "another key"],
)
def test_a_damaged_file_is_refused_in_both_languages(content: bytes, damage: object) -> None:
    with pytest.raises(InputError, match="make model") as caught:
        Weights.from_bytes(damage(content))  # type: ignore[operator]
    assert "make model" in caught.value.vi


def test_quantising_errs_by_half_a_unit_at_most() -> None:
    dense = np.linspace(-3.0, 5.0, 3 * table_rows()).reshape(-1, 3)
    table, scales = quantise(dense)
    assert table.dtype == np.int8
    assert (np.abs(table * scales - dense) <= scales / 2 + 1e-12).all()


def test_columns_of_heads_without_weights_stay_zero() -> None:
    table, scales = quantise(np.zeros((table_rows(), 2)))
    weights = Weights("x", (Head("complaint", ("no", "yes")),), table, scales, np.zeros(2))
    assert not Weights.from_bytes(weights.to_bytes()).table.any()
