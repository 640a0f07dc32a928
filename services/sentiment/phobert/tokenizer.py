"""PhoBERT's byte-pair encoding: `vocab.txt` and `bpe.codes` as one fast tokenizer.

The ids equal those of transformers' `PhobertTokenizer`. Exception: a text that holds the literal strings ``<s>``,
``<pad>``, ``</s>``, ``<unk>``, ``<mask>`` or ``</w>``: there they become special tokens, here they are read as the signs
that they are, so that a text cannot forge a boundary.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from services.core.errors import InputError, Unavailable

if TYPE_CHECKING:
    from tokenizers.models import BPE

BOS, PAD, EOS, UNK = range(4)
UNKNOWN = "<unk>"
END = "</w>"
GOES_ON = "@@"


class Tokenizer:
    """Words → ids.

    Args:
        pieces: vocabulary: pieces with the number of their id, those that go on within a word ending in ``@@``.
        merges: pairs in the order in which they merge; the end of a word is ``</w>``.
    """

    def __init__(self, pieces: dict[str, int], merges: Sequence[tuple[str, str]]) -> None:
        try:
            from tokenizers.models import BPE
        except ImportError as error:
            raise missing_package("tokenizers") from error
        known = {symbol: None for piece in pieces for symbol in _symbols(piece)}
        known |= {symbol: None for left, right in merges for symbol in (left, right, left + right)}
        symbols = [UNKNOWN, *(symbol for symbol in known if symbol not in ("", UNKNOWN))]
        self._ids = [UNK, *(_id(symbol, pieces) for symbol in symbols[1:])]
        vocabulary = {symbol: place for place, symbol in enumerate(symbols)}
        self._bpe: BPE = BPE(vocabulary, list(merges), unk_token=UNKNOWN, end_of_word_suffix=END, fuse_unk=False)
        self.size = max(pieces.values(), default=UNK) + 2
        """Rows that the table of embeddings must have: all pieces and ``<mask>``."""

    @classmethod
    def read(cls, folder: Path) -> Tokenizer:
        """The tokenizer of a directory with `vocab.txt` and `bpe.codes`.

        Raises:
            InputError: a file is absent or is not what it should be.
        """
        pieces: dict[str, int] = {"<s>": BOS, "<pad>": PAD, "</s>": EOS, UNKNOWN: UNK}
        for line in _lines(folder / "vocab.txt"):
            piece, blank, _ = line.strip().rpartition(" ")
            if not blank:
                raise _unusable(folder / "vocab.txt")
            pieces[piece] = len(pieces)
        pairs = [tuple(line.split()[:-1]) for line in _lines(folder / "bpe.codes")]
        if any(len(pair) != 2 for pair in pairs):
            raise _unusable(folder / "bpe.codes")
        merges = list(dict.fromkeys((pair[0], pair[1]) for pair in pairs))
        return cls(pieces, merges)

    def encode(self, words: Iterable[str]) -> list[int]:
        """The ids of words without white space in them, without ``<s>`` and ``</s>``."""
        ids = self._ids
        return [ids[token.id] for word in words for token in self._bpe.tokenize(_readable(word))]


def missing_package(name: str) -> Unavailable:
    """The error of a package that an extra brings."""
    extra = "export" if name in ("torch", "transformers", "onnx") else "phobert"
    return Unavailable(
        f"Thiếu gói {name}; hãy cài: pip install 'ngoclinh[{extra}]'",
        f"The package {name} is missing; run: pip install 'ngoclinh[{extra}]'",
    )


def _symbols(piece: str) -> list[str]:
    """The symbols of the encoding that may stand behind a piece."""
    return [piece + END, piece.removesuffix(GOES_ON)] if piece.endswith(GOES_ON) else [piece + END]


def _id(symbol: str, pieces: dict[str, int]) -> int:
    """The id of a symbol; products of merges that are not in the vocabulary, and special tokens, are unknown."""
    piece = symbol.removesuffix(END) if symbol.endswith(END) else symbol + GOES_ON
    return max(pieces.get(piece, UNK), UNK)


def _readable(word: str) -> str:
    """The word without lone surrogates, which no UTF-8 can hold."""
    return word if word.isascii() else word.encode("utf-8", "replace").decode("utf-8")


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(path) from error
    return [line for line in text.split("\n") if line.strip()]


def _unusable(path: Path) -> InputError:
    return InputError(
        f"Thiếu hoặc không đọc được tệp {path.name} của PhoBERT trong {path.parent}.",
        f"{path.name} of PhoBERT is absent from {path.parent} or cannot be read.",
        {"file": str(path)},
    )
