"""`ngoclinh sentiment` and `ngoclinh analyze -`: real processes and the runner, good lines and bad ones."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from services.cli import app, lines
from services.cli.sentiment import excerpt


def run(*arguments: str, given: bytes = b"", lang: str = "vi") -> Result:
    return CliRunner().invoke(app, ["--lang", lang, *arguments], input=given)


def analyzed(*given: bytes | dict[str, Any]) -> list[dict[str, Any]]:
    content = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in given)
    result = run("analyze", "-", given=content)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_line_is_answered_with_everything_that_is_known() -> None:
    text = "Thửa đất số 123, tờ bản đồ số 5, xã Trà Dơn, huyện Nam Trà My bị lấn chiếm, đề nghị xử lý."
    (answer,) = analyzed({"id": "a1", "text": text, "publish_time": "2024-05-01T08:00:00+07:00"})
    assert list(answer)[:9] == [
        *("id", "sentiment", "event_valence", "stance", "complaint", "toxicity"),
        *("topics", "places", "current_areas"),
    ]
    assert answer["id"] == "a1"
    assert list(answer["sentiment"]) == ["label", "unsure", "scores", "sentences"]
    assert list(answer["sentiment"]["scores"]) == ["negative", "neutral", "positive"]
    assert answer["topics"][0] == "dat_dai"
    place = answer["places"][0]
    assert (place["area"], place["current_areas"], place["text"]) == (
        "areas/2004-20938",
        ["areas/2025-20938"],
        "xã Trà Dơn",
    )
    parcel = answer["parcel_references"][0]
    assert (parcel["commune"], parcel["sheet"], parcel["parcel"]) == ("areas/2004-20938", "5", "123")
    for named in (place, parcel):
        assert text[named["offset"] :].startswith(named["text"])


def test_with_a_title_offsets_count_from_it() -> None:
    given = {"title": "Trà Tập", "text": "Xã Trà Vân, thành phố Đà Nẵng."}
    (answer,) = analyzed(given)
    whole = f"{given['title']}\n\n{given['text']}"
    assert any(place["text"] == "Xã Trà Vân" for place in answer["places"])
    for place in answer["places"]:
        assert whole[place["offset"] :].startswith(place["text"])


def test_the_day_of_a_line_decides_which_unit_is_meant() -> None:
    text = "Xã Trà Leng mưa to."
    old, new = analyzed({"text": text, "publish_time": "2020-10-28"}, {"text": text, "publish_time": "2026-10-28"})
    assert old["places"][0]["area"] == "areas/2004-20935"
    assert new["places"][0]["area"] == "areas/2025-20938"


def test_ids_of_any_kind_come_back_in_order() -> None:
    ids = ["a", 7, None, 1.5, {"k": ["đ"]}, True]
    assert [answer["id"] for answer in analyzed(*({"id": id_, "text": "chào"} for id_ in ids))] == ids


@pytest.mark.parametrize(
    ("line", "id_", "what"),
    [
        (b"\xff\xfe\x00", None, "UTF-8"),
        (b'{"id": 1, "text": "\xc3\x28"}', None, "UTF-8"),
        (b"khong phai json", None, "JSON"),
        (b"[" * 5000, None, "JSON"),
        (b'["text"]', None, "JSON"),
        (b'{"id": 2}', 2, "text"),
        (b'{"id": 3, "text": 5}', 3, "text"),
        (b'{"id": 4, "text": "a", "title": ["b"]}', 4, "title"),
        (b'{"id": 5, "text": "a", "publish_time": "32/13/2026"}', 5, "publish_time"),
        (b'{"id": 6, "text": "a", "publish_time": 1700000000}', 6, "publish_time"),
        (b'{"id": 7, "text": "a", "publish_time": "9999-12-31"}', 7, "publish_time"),
        (b'{"id": 8, "text": "\\ud800"}', 8, "text"),
        (b'{"id": "\\ud800", "text": "a"}', None, "id"),
        (b'{"id": NaN, "text": "a"}', None, "id"),
    ],
)
def test_a_bad_line_is_answered_with_an_error_and_the_others_go_on(line: bytes, id_: Any, what: str) -> None:
    first, bad, last = analyzed({"id": "first", "text": "chào"}, line, {"id": "last", "text": "chào"})
    assert ("error" in first, "error" in last) == (False, False)
    assert (first["id"], last["id"]) == ("first", "last")
    assert bad["id"] == id_
    assert bad["error"].keys() == {"reason", "vi", "en"}
    assert bad["error"]["reason"] == "INVALID_FIELD"
    assert what in bad["error"]["vi"]
    assert what in bad["error"]["en"]


def test_empty_lines_a_byte_order_mark_and_a_missing_last_newline_do_no_harm() -> None:
    assert len(analyzed(b"", b'\xef\xbb\xbf{"text": "a"}', b"   ", b'{"text": ""}')) == 2
    assert analyzed() == []


def test_a_megabyte_is_analysed_in_part() -> None:
    (answer,) = analyzed({"text": "Nước lên nhanh lắm. " * 52_500})
    assert answer["truncated"]
    assert 0 < answer["coverage"] < 0.05


def test_lines_are_answered_as_they_come() -> None:
    with subprocess.Popen(
        [Path(sys.executable).with_name("ngoclinh"), "analyze", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        for number in range(2):
            process.stdin.write(json.dumps({"id": number, "text": "Bà con rất vui"}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait(30) == 0


def test_only_standard_input_is_read() -> None:
    result = run("analyze", "tep.jsonl", lang="en")
    assert result.exit_code == 2
    assert "must be '-'" in result.stderr


class Dripping(io.RawIOBase):
    """A stream that hands out what it holds piece by piece."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read1(self, size: int) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def test_batches_hold_whole_lines_only() -> None:
    stream = Dripping(b"a\nb", b"c", b"d\n", b"\n\n", b"e\nf\ng", b"")
    assert list(lines.batches(stream)) == [[b"a"], [b"bcd"], [b"e", b"f"], [b"g"]]  # type: ignore[arg-type]


def test_a_table_in_vietnamese_says_that_it_is_a_hint() -> None:
    result = run("sentiment", "Cán bộ một cửa nhiệt tình, cảm ơn xã.", "[bold]cho hỏi[/bold] mấy giờ xã làm việc ạ")
    assert result.exit_code == 0
    assert result.stdout.count("máy gợi ý") == 2
    assert "tích cực" in result.stdout
    assert "ủng hộ" in result.stdout
    assert "[bold]" in result.stdout


def test_what_is_unsure_is_marked_so() -> None:
    assert "không chắc" in run("sentiment", "Baifern làm đại sứ thương hiệu").stdout
    assert "unsure" in run("sentiment", "", lang="en").stdout


def test_standard_input_is_one_text() -> None:
    result = run("sentiment", "-", "--format", "json", given="Đường hỏng.\nĐề nghị sửa.".encode())
    assert len(result.stdout.splitlines()) == 1
    assert json.loads(result.stdout)["complaint"]["label"] == "yes"


def test_bytes_that_are_no_utf_8_are_refused() -> None:
    result = run("sentiment", "-", given=b"\xc3\x28")
    assert result.exit_code == 2
    assert "UTF-8" in result.stderr
    assert not result.stdout


def test_an_excerpt_is_one_line() -> None:
    assert excerpt("một\n  hai\tba") == "một hai ba"
    assert len(excerpt("x" * 500)) == 120
