"""Word segmentation by the name of its setting: the rules of RDRSegmenter, pyvi, or none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from services.core.errors import Unavailable
from services.sentiment.phobert.rdr import Rdr
from services.sentiment.phobert.text import NoSegmenter, Segmenter

PACKAGE = "python_rdrsegmenter"


class Pyvi:
    """pyvi: a conditional random field; finds other words than RDRSegmenter in about one of a hundred.

    Raises:
        Unavailable: the package is not installed.
    """

    name = "pyvi"

    def __init__(self) -> None:
        try:
            from pyvi import ViTokenizer
        except ImportError as error:
            raise Unavailable(
                "Thiếu gói pyvi; hãy cài: pip install pyvi", "The package pyvi is missing; run: pip install pyvi"
            ) from error
        self._tokenize = ViTokenizer.tokenize

    def joins(self, forms: Sequence[str]) -> list[bool]:
        """Whether each token goes on with the word of the token before it; the first never does."""
        plain = [form.replace("_", "-") for form in forms]
        joined, count = set(), 0
        for sign in self._tokenize(" ".join(plain)):
            if sign == "_":
                joined.add(count)
            elif not sign.isspace():
                count += 1
        found, count = [], 0
        for form in plain:
            found.append(count > 0 and count in joined)
            count += len(form)
        return found


@lru_cache(maxsize=4)
def segmenter(name: str, folder: Path | None = None) -> Segmenter:
    """The word segmentation of a name.

    Args:
        name: "rdr", "pyvi" or "none".
        folder: with the data of RDRSegmenter; None takes those of the installed package `python_rdrsegmenter`.

    Raises:
        Unavailable: pyvi is not installed, or there are no data of RDRSegmenter.
        InputError: the data are damaged.
    """
    if name == "none":
        return NoSegmenter()
    if name == "pyvi":
        return Pyvi()
    found = folder or _installed()
    if found is None:
        raise Unavailable(
            "Chưa có dữ liệu của RDRSegmenter. Hãy đặt sentiment.segmenter_dir là thư mục chứa wordsegmenter.rdr và "
            'vi-vocab (xem docs/phobert.md), hoặc chọn sentiment.segmenter = "pyvi".',
            "The data of RDRSegmenter are not here. Set sentiment.segmenter_dir to the folder with wordsegmenter.rdr and "
            'vi-vocab (see docs/phobert.md), or choose sentiment.segmenter = "pyvi".',
        )
    return Rdr.read(found)


def _installed() -> Path | None:
    """The folder of the installed package, which is not imported."""
    spec = find_spec(PACKAGE)
    return Path(spec.origin).parent if spec and spec.origin else None
