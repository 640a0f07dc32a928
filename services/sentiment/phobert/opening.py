"""Settings → PhoBERT, ready to answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from services.core.errors import InputError, InvalidField
from services.sentiment.baseline import Baseline
from services.sentiment.phobert import checkpoint
from services.sentiment.phobert.checkpoint import Checkpoint
from services.sentiment.phobert.classifier import PhoBert
from services.sentiment.phobert.licence import gate
from services.sentiment.phobert.quantise import FP32, INT8
from services.sentiment.phobert.segment import segmenter
from services.sentiment.phobert.sessions import OnnxSession, Session
from services.sentiment.phobert.text import Segmenter
from services.sentiment.phobert.tokenizer import Tokenizer

if TYPE_CHECKING:
    from services.core.sections.work import SentimentSettings


def open_model(settings: SentimentSettings) -> PhoBert:
    """The classifier of the directory that `settings.model_dir` names.

    Raises:
        InvalidField: there is no such directory.
        LicenceRefused: its licence forbids the use.
        InputError: a file of it is absent or wrong.
        Unavailable: a package or the data of the segmenter are absent.
    """
    assert settings.model_dir is not None
    folder = settings.model_dir
    if not folder.is_dir():
        raise InvalidField("sentiment.model_dir", f"không có thư mục {folder}", f"there is no folder {folder}")
    licence = gate(folder, settings.accept_licence)
    words = segmenter(settings.segmenter, settings.segmenter_dir)
    file = INT8 if settings.precision == "int8" else FP32
    sessions = opener(folder, None if settings.backend == "torch" else file)
    return with_heads(folder, checkpoint.read(folder, licence), words, sessions, settings.max_text_chars)


def with_heads(
    folder: Path, found: Checkpoint, words: Segmenter, open_session: Callable[[], Session], max_text_chars: int = 20_000
) -> PhoBert:
    """The classifier of a directory with heads and sessions that are given.

    Raises:
        InputError: the tokenizer is absent, or knows more pieces than the model.
    """
    tokenizer = Tokenizer.read(folder)
    rows = checkpoint.shape(folder).vocabulary
    if tokenizer.size > rows:
        raise InputError(
            f"vocab.txt có nhiều mục hơn bảng từ của mô hình ({tokenizer.size} > {rows}) trong {folder}.",
            f"vocab.txt has more pieces than the model has rows ({tokenizer.size} > {rows}) in {folder}.",
            {"file": str(folder / "vocab.txt")},
        )
    fallback = Baseline(max_text_chars=max_text_chars)
    return PhoBert(found, tokenizer, words, open_session, fallback, max_text_chars)


def opener(folder: Path, file: str | None) -> Callable[[], Session]:
    """Loads the model of a directory: a file of ONNX, or with torch where there is no name."""
    if file is None:
        from services.sentiment.phobert.network import TorchSession

        return lambda: TorchSession.open(folder)
    path = folder / file
    if not path.exists():
        raise InputError(
            f"{folder} chưa có {file}; hãy chạy: ngoclinh model export {folder} --out THƯ_MỤC",
            f"{folder} has no {file}; run: ngoclinh model export {folder} --out FOLDER",
            {"file": str(path)},
        )
    return lambda: OnnxSession(path)
