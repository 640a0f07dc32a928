"""JSON lines in, JSON lines out: how `ngoclinh analyze -` reads a text and says what is known about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO

from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.event_pb2 import ArticleAnalyzed

from services.core.clock import VIETNAM, to_timestamp
from services.core.errors import InvalidField
from services.core.protojson import to_dict
from services.core.vietnamese import nfc

HEADS = ("sentiment", "event_valence", "stance", "complaint", "toxicity")
CHUNK = 1 << 20
FIRST_YEAR, LAST_YEAR = 1900, 2100


def batches(stream: BinaryIO) -> Iterator[list[bytes]]:
    """The lines of a stream that are not empty, as many at once as have come."""
    rest = b""
    while chunk := stream.read1(CHUNK):  # type: ignore[attr-defined]
        *lines, rest = (rest + chunk).split(b"\n") if b"\n" in chunk else (rest + chunk,)
        if kept := [line for line in lines if line.strip()]:
            yield kept
    if rest.strip():
        yield [rest]


def parsed(line: bytes) -> tuple[Any, Article | InvalidField]:
    """The id of a line, and its article or what is wrong with it."""
    id_: Any = None
    try:
        tree = tree_of(line)
        id_ = printable(tree.get("id"))
        return id_, article_of(tree)
    except InvalidField as error:
        return id_, error


def printable(id_: Any) -> Any:
    """An id that JSON text can carry.

    Raises:
        InvalidField: it holds half a character, or a number that is none.
    """
    try:
        json.dumps(id_, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidField("id", "không viết lại được bằng JSON", "cannot be written as JSON again") from error
    return id_


def tree_of(line: bytes) -> dict[str, Any]:
    """The JSON object of a line.

    Raises:
        InvalidField: no UTF-8, no JSON, no object.
    """
    try:
        tree = json.loads(utf8(line).removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise InvalidField("line", "không phải JSON đúng", "is not valid JSON") from error
    if not isinstance(tree, dict):
        raise InvalidField("line", "không phải một đối tượng JSON", "is not a JSON object")
    return tree


def article_of(tree: dict[str, Any]) -> Article:
    """The article that a line stands for; text in NFC.

    Raises:
        InvalidField: a field that is missing or of the wrong kind.
    """
    article = Article()
    for field in ("title", "lead", "text"):
        value = tree.get(field, None if field == "text" else "")
        if value is None and field != "text":
            continue
        if not isinstance(value, str):
            raise InvalidField(field, "phải là chuỗi ký tự", "must be a string")
        setattr(article, field, nfc(utf8(value.encode("utf-8", "surrogatepass"), field)))
    if tree.get("publish_time") is not None:
        article.publish_time.CopyFrom(to_timestamp(moment_of(tree["publish_time"])))
    return article


def moment_of(value: Any) -> datetime:
    """The moment that a line was published; without a zone it is Vietnam's time.

    Raises:
        InvalidField: no time, or one out of reach.
    """
    try:
        moment = datetime.fromisoformat(value)
        if FIRST_YEAR <= moment.year <= LAST_YEAR:
            return moment if moment.tzinfo else moment.replace(tzinfo=VIETNAM)
    except (TypeError, ValueError):
        pass
    raise InvalidField(
        "publish_time",
        "không phải thời điểm hợp lệ; ví dụ đúng: 2026-11-20T07:30:00+07:00",
        "is no usable time; a correct one is 2026-11-20T07:30:00+07:00",
    )


def utf8(content: bytes, field: str = "line") -> str:
    """The text of bytes.

    Raises:
        InvalidField: they are no UTF-8.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidField(
            field,
            f"không phải UTF-8 (byte thứ {error.start + 1}); hãy lưu lại bằng UTF-8",
            f"is not UTF-8 (byte {error.start + 1}); save it as UTF-8",
        ) from error


def refused(error: InvalidField) -> dict[str, Any]:
    """The answer to a line that cannot be used."""
    return {"error": {"reason": error.reason, "vi": error.vi, "en": error.en}}


def found(article: Article, analyzed: ArticleAnalyzed) -> dict[str, Any]:
    r"""The answer to a line: judgements, topics, places, parcels, documents.

    Offsets count code points of title + "\n" + lead + "\n" + text, of the text alone where it stands alone.
    """
    tree = to_dict(analyzed)
    analysis = tree["analysis"]
    if not article.title and not article.lead:
        for one in (*tree["places"], *tree["parcel_references"]):
            one["offset"] -= 2
    for head in HEADS:
        judgement = analysis[head]
        analysis[head] = {key: judgement[key] for key in ("label", "unsure", "scores", "sentences")}
        analysis[head]["scores"] = dict(sorted(judgement["scores"].items()))
    return {
        **{key: analysis[key] for key in (*HEADS, "topics")},
        **{key: tree[key] for key in ("places", "current_areas", "parcel_references", "documents")},
        **{key: analysis[key] for key in ("truncated", "coverage", "models")},
    }
