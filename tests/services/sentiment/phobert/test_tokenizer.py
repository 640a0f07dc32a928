"""The fast tokenizer: ids by hand, hostile input. That it equals transformers' is shown in test_models.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.errors import InputError
from services.sentiment.phobert.tokenizer import UNK, Tokenizer

VOCAB = "đất_đai 5\nđất 4\nđ@@ 3\nất 2\na 2\nb@@ 1\nx@@ 1\n@@@ 1\n@ 1\n"
CODES = "ấ t</w> 9\nđ ất</w> 8\nđất _ 1\nb a</w> 1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.joinpath("vocab.txt").write_text(VOCAB, "utf-8")
    tmp_path.joinpath("bpe.codes").write_text(CODES, "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("word", "ids"),
    [
        ("đất", [5]),
        ("ất", [7]),
        ("a", [8]),
        ("xa", [10, 8]),
        ("ba", [UNK]),  # merges to a piece that is not in the vocabulary
        ("@@", [11, 12]),
        ("đấtđất", [6, UNK, UNK, 5]),
        ("中", [UNK]),
        ("😀a", [UNK, 8]),
        ("", []),
    ],
)
def test_words_become_the_ids_of_their_pieces(folder: Path, word: str, ids: list[int]) -> None:
    assert Tokenizer.read(folder).encode([word]) == ids


def test_words_are_encoded_one_after_the_other(folder: Path) -> None:
    assert Tokenizer.read(folder).encode(["đất", "xa", "ất"]) == [5, 10, 8, 7]


@pytest.mark.parametrize("word", ["<s>", "</s>", "<pad>", "<unk>", "<mask>", "</w>", "a</w>", "đ</w>ất"])
def test_a_text_cannot_forge_special_tokens(folder: Path, word: str) -> None:
    folder.joinpath("bpe.codes").write_text(CODES + "< s 1\n<s ></w> 1\n", "utf-8")
    assert min(Tokenizer.read(folder).encode([word])) >= UNK


def test_the_rows_that_it_needs_include_the_mask(folder: Path) -> None:
    assert Tokenizer.read(folder).size == 4 + 9 + 1


@given(st.text(st.characters(), max_size=200))
def test_text_of_any_kind_has_ids_of_the_vocabulary(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    folder.joinpath("vocab.txt").write_text(VOCAB, "utf-8")
    folder.joinpath("bpe.codes").write_text(CODES, "utf-8")
    tokenizer = Tokenizer.read(folder)
    assert all(UNK <= found < tokenizer.size for found in tokenizer.encode([*text.split(), "\ud800", text]))


def test_a_word_of_a_hundred_thousand_signs_is_read(folder: Path) -> None:
    assert len(Tokenizer.read(folder).encode(["xa" * 50_000])) == 100_000


@pytest.mark.parametrize(
    ("name", "content"),
    [("vocab.txt", b"dat\n"), ("vocab.txt", b"\xff\xfe 1\n"), ("bpe.codes", b"a b c d 1\n"), ("bpe.codes", b"a\n")],
)
def test_files_that_are_something_else_are_named(folder: Path, name: str, content: bytes) -> None:
    folder.joinpath(name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        Tokenizer.read(folder)


def test_an_absent_file_is_named(folder: Path) -> None:
    folder.joinpath("bpe.codes").unlink()
    with pytest.raises(InputError, match=r"bpe\.codes"):
        Tokenizer.read(folder)
