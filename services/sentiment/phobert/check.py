"""What is wrong with a model directory, told all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ngoclinh.sentiment.v1.sentiment_service_pb2 import Text

from services.core.errors import InputError, NgocLinhError
from services.sentiment.phobert import checkpoint, quantise
from services.sentiment.phobert.graph import check_weights
from services.sentiment.phobert.licence import gate
from services.sentiment.phobert.opening import opener, with_heads
from services.sentiment.phobert.text import Segmenter
from services.sentiment.phobert.tokenizer import Tokenizer

SAMPLE = Text(title="Bà con góp ý", text="Đường vào thôn bị sạt lở, mong xã sớm sửa.")


def problems(folder: Path, words: Callable[[], Segmenter], accepted: str = "") -> Iterator[NgocLinhError]:
    """What is wrong with a directory, most important first; nothing where it can be served.

    Args:
        folder: of a model: exported, or trained and not yet exported.
        words: gives the word segmentation that it would be served with.
        accepted: licence that the gate lets pass; see `licence.gate`.
    """
    exported = (folder / quantise.FP32).exists() or (folder / quantise.INT8).exists()
    steps: list[Callable[[], object]] = [
        lambda: gate(folder, accepted),
        lambda: checkpoint.shape(folder),
        lambda: Tokenizer.read(folder),
        lambda: checkpoint.read(folder, ""),
        words,
    ]
    if exported:
        steps += [partial(_answers, folder, file, words) for file in (quantise.FP32, quantise.INT8)]
    else:
        steps.append(lambda: check_weights(checkpoint.shape(folder), checkpoint.weights(folder)))
        steps.append(lambda: opener(folder, quantise.FP32))
    told = set()
    for step in steps:
        try:
            step()
        except NgocLinhError as error:
            if error.en not in told:
                told.add(error.en)
                yield error
    yield from _segmented_otherwise(folder, words)


def _answers(folder: Path, file: str, words: Callable[[], Segmenter]) -> None:
    """Open a model and let it answer once.

    Raises:
        InputError: it has other columns than its heads.
    """
    model = with_heads(folder, checkpoint.read(folder, ""), words(), opener(folder, file))
    try:
        model.classify([SAMPLE])
    except (ValueError, IndexError) as error:
        raise InputError(
            f"{file} trả về số cột khác với các nhãn trong heads.json.",
            f"{file} gives another number of columns than heads.json has labels.",
            {"file": file},
        ) from error


def _segmented_otherwise(folder: Path, words: Callable[[], Segmenter]) -> Iterator[NgocLinhError]:
    """A hint that the model was trained with another word segmentation."""
    try:
        learned, served = checkpoint.read(folder, "").segmenter, words().name
    except NgocLinhError:
        return
    if learned and learned != served:
        yield InputError(
            f"Mô hình được huấn luyện với cách tách từ “{learned}” nhưng đang dùng “{served}” (sentiment.segmenter).",
            f"The model was trained with the word segmentation '{learned}' but is served with '{served}' "
            "(sentiment.segmenter).",
        )
