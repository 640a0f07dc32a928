"""Word segmentation: spelling, places, rules of RDRSegmenter and their order, parity with the original."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import unicodedata
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.errors import InputError, Unavailable
from services.sentiment.phobert import segment
from services.sentiment.phobert.rdr import Rdr, parse
from services.sentiment.phobert.segment import segmenter
from services.sentiment.phobert.text import TONE_PAIRS, NoSegmenter, normalise, tokenise, words
from tests.services.sentiment.phobert.java import class_file, serialised_set

RULES = """True : object.conclusion = "NN"
\tobject.tag == "I" : object.conclusion = "I"
\t\tobject.prevWord1 == "học" and object.word == "sinh" : object.conclusion = "B"
\t\t\tobject.nextTag1 == "" : object.conclusion = "I"
\t\tobject.word == "sinh" : object.conclusion = "B"
\tobject.tag == "B" and object.prevWord2 == "" and object.word == ":" : object.conclusion = "I"
"""
NAMES = {"VN_FAMILY_NAMES": {"hồ"}, "VN_MIDDLE_NAMES": {"văn"}, "VN_LOCATIONS": {"trà my"}, "WORLD_COMPANY": {"acme"}}
DRIVER = """
import corenlp.rdrsegmenter.*;
import java.io.*;
import java.nio.charset.StandardCharsets;
public class Driver {
  public static void main(String[] files) throws Exception {
    WordSegmenter segmenter = new WordSegmenter(files[0], new Vocabulary(files[1]));
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintStream out = new PrintStream(System.out, false, "UTF-8");
    for (String line; (line = lines.readLine()) != null;) out.println(segmenter.segmentTokenizedString(line));
    out.flush();
  }
}
"""


@pytest.fixture
def rdr_dir(tmp_path: Path) -> Path:
    tmp_path.joinpath("wordsegmenter.rdr").write_text(RULES, "utf-8")
    tmp_path.joinpath("vi-vocab").write_bytes(serialised_set({"học sinh", "đất đai", "học sinh giỏi"}))
    with zipfile.ZipFile(tmp_path / "segmenter.jar", "w") as jar:
        jar.writestr("made/up/Vocabulary.class", class_file(NAMES))
    return tmp_path


def segmented(text: str, rdr: Rdr) -> str:
    return " ".join(word.form for word in words(text, rdr))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("đất đai xã Trà My", "đất_đai xã Trà_My"),
        ("Đất Đai", "Đất_Đai"),
        ("học sinh giỏi", "học sinh_giỏi"),  # the rule for "sinh"
        ("học sinh", "học_sinh"),  # its exception: at the end of a sentence
        ("ông Hồ Văn Chín Mười đến", "ông Hồ_Văn_Chín_Mười đến"),
        ("Hồ ACME Xuân", "Hồ_ACME_Xuân"),
        ("UBND ACME Xuân Lộc", "UBND ACME Xuân_Lộc"),
        ("bà Hồ 2 Văn Chín", "bà Hồ 2 Văn_Chín"),
        ("hồ Văn Chín", "hồ Văn_Chín"),
        ("", ""),
    ],
)
def test_words_are_found_by_vocabulary_names_and_rules(rdr_dir: Path, text: str, wanted: str) -> None:
    assert segmented(text, Rdr.read(rdr_dir)) == wanted


def test_without_a_jar_names_are_not_known(rdr_dir: Path) -> None:
    rdr_dir.joinpath("segmenter.jar").unlink()
    assert segmented("đất đai xã trà my", Rdr.read(rdr_dir)) == "đất_đai xã trà my"


@given(st.lists(st.sampled_from(["học", "sinh", "giỏi", "Hồ", "Văn", "Trà", "My", ":", "2", "ở", "ACME"]), max_size=12))
def test_indexed_rules_say_what_rules_in_order_say(forms: list[str]) -> None:
    root = parse(RULES)
    vocabulary = frozenset({"học sinh", "trà my"})
    indexed = Rdr(root, vocabulary, {}).joins(forms)

    def first(rule: object, context: tuple[str, ...]) -> object:
        return next(
            (one for one in rule.exceptions if all(context[slot] == value for slot, value in one.conditions)), None
        )

    plain = parse(RULES)
    for rule in every(plain):
        rule.exception = lambda context, rule=rule: first(rule, context)
    assert Rdr(plain, vocabulary, {}).joins(forms) == indexed


def every(rule: object) -> Iterator[object]:
    yield rule
    for one in rule.exceptions:
        yield from every(one)


@given(st.text(st.sampled_from("aòáoeuyỦủĐđ ếàhc.,!?-_@/:10\u0301\u0323\u00a0\n😀中"), max_size=40))
def test_words_cover_the_text_as_it_was_written(text: str) -> None:
    tokens = tokenise(text)
    assert "".join(text[token.start : token.end] for token in tokens) == "".join(text.split())
    assert [token.form for token in tokens] == [normalise(text[token.start : token.end]) for token in tokens]
    assert all(one.end <= other.start for one, other in pairwise(tokens))


def test_the_same_words_in_nfd_are_the_same_words() -> None:
    text = "Uỷ ban nhân dân xã Trà Đốc: sạt lở ở Hoà Bình"
    forms = [token.form for token in tokenise(text)]
    assert [token.form for token in tokenise(unicodedata.normalize("NFD", text))] == forms


def test_tones_move_to_the_second_vowel() -> None:
    assert len(TONE_PAIRS) == 16
    assert normalise("hòa thủy khỏe Ủy tùy hoàn") == "hoà thuỷ khoẻ Uỷ tuỳ hoàn"


def test_numbers_addresses_and_documents_stay_whole() -> None:
    text = "Theo 12/2024/NĐ-CP, 1.500.000đ (a.b@xa.gov.vn), https://xa.gov.vn/tin?a=1 lúc 7:30..."
    forms = [token.form for token in tokenise(text)]
    wanted = ["12/2024/NĐ-CP", "1.500.000đ", "a.b@xa.gov.vn", "https://xa.gov.vn/tin?a=1", "7:30", "..."]
    assert [form for form in forms if form in wanted] == wanted


@pytest.mark.parametrize("name", ["wordsegmenter.rdr", "vi-vocab", "segmenter.jar"])
def test_damaged_data_are_named(rdr_dir: Path, name: str) -> None:
    rdr_dir.joinpath(name).write_bytes(b"\xff\xfe nothing")
    with pytest.raises(InputError, match=name):
        segmenter("rdr", rdr_dir)


def test_absent_data_are_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter.cache_clear()
    monkeypatch.setattr(segment, "PACKAGE", "no_such_package_here")
    with pytest.raises(Unavailable, match="segmenter_dir"):
        segmenter("rdr", None)


def test_none_leaves_syllables_alone() -> None:
    assert segmenter("none").joins(["đất", "đai"]) == NoSegmenter().joins(["đất", "đai"]) == [False, False]


@pytest.mark.models
def test_pyvi_joins_syllables_and_keeps_signs_apart() -> None:
    pytest.importorskip("pyvi", reason="pyvi is optional")
    found = words("đất đai ở a_b , học sinh 😀", segmenter("pyvi"))
    assert {"đất_đai", "học_sinh"} <= {word.form for word in found}
    assert "".join(word.form for word in found).replace("_", "") == "đấtđaiởab,họcsinh😀"


def original() -> Path:
    """The folder with the data of RDRSegmenter that a developer names, or the installed package's."""
    named = os.environ.get("NGOCLINH_RDR_DIR")
    found = Path(named) if named else segment._installed()
    if found is None:
        pytest.skip("the data of RDRSegmenter are not here (NGOCLINH_RDR_DIR)")
    return found


def sentences(shared: Path) -> list[str]:
    """Some hundred texts of each set of the development data, their tokens parted by blanks."""
    lines = []
    for path in sorted(shared.glob("data/nlp/*/*.jsonl*")):
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
            for _, row in zip(range(200), file, strict=False):
                forms = [token.form for token in tokenise(str(json.loads(row).get("text", "")))]
                lines += [" ".join(forms)] if forms else []
    return lines


@pytest.mark.models
def test_the_rules_say_what_the_original_says(shared: Path, tmp_path: Path) -> None:
    """Exception: where the original gives the first word of a text a leading "_", there is none here."""
    folder = original()
    jar = next(iter(sorted(folder.glob("*.jar"))), None)
    if shutil.which("java") is None or jar is None:
        pytest.skip("no Java, or no jar of RDRSegmenter")
    lines = sentences(shared)
    assert len(lines) >= 2000
    tmp_path.joinpath("Driver.java").write_text(DRIVER, "utf-8")
    files = [str(folder / name) for name in ("wordsegmenter.rdr", "vi-vocab")]
    ran = subprocess.run(
        ["java", "-cp", str(jar), str(tmp_path / "Driver.java"), *files],
        input="".join(f"{line}\n" for line in lines).encode(),
        capture_output=True,
        timeout=120,
        check=True,
    )
    wanted = [line.removeprefix("_") for line in ran.stdout.decode().split("\n")[:-1]]
    rdr = Rdr.read(folder)
    found = []
    for line in lines:
        forms = line.split(" ")
        parts = ["_" + form if joined else " " + form for form, joined in zip(forms, rdr.joins(forms), strict=True)]
        found.append("".join(parts).strip())
    assert [pair for pair in zip(found, wanted, strict=True) if pair[0].removeprefix("_") != pair[1]] == []
