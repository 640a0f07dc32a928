"""REST requests become the messages that they say, for every annotated method."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st
from ngoclinh.area.v1 import area_service_pb2 as area
from ngoclinh.land.v1.land_service_pb2 import ListFindingsRequest
from ngoclinh.media.v1 import media_service_pb2 as media

from services.core import protojson
from services.core.errors import InvalidField
from services.gateway import transcode
from services.gateway.transcode import Binding
from services.rpc import methods

BINDINGS = transcode.bindings()
SUBMIT = next(each for each in BINDINGS if each.method.name == "SubmitArticle")
SAMPLES = {
    FieldDescriptor.TYPE_STRING: "xã Trà Leng & 50% +?#/",
    FieldDescriptor.TYPE_BYTES: b"\x00\xff\x10",
    FieldDescriptor.TYPE_BOOL: True,
    FieldDescriptor.TYPE_DOUBLE: -108.25,
    FieldDescriptor.TYPE_ENUM: 1,
}


KNOWN = {
    "google.protobuf.Timestamp": Timestamp(seconds=1_795_000_000),
    "google.protobuf.Duration": Duration(seconds=3600),
    "google.protobuf.FieldMask": FieldMask(paths=["title", "window"]),
}


def filled(kind: Any) -> Any:
    """A message with every field set, the last member of a oneof only; repeated fields twice."""
    message = kind()
    for field in kind.DESCRIPTOR.fields:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            continue
        if field.message_type is not None and field.is_repeated:
            for _ in range(2):
                getattr(message, field.name).add().CopyFrom(
                    filled(methods.message_factory.GetMessageClass(field.message_type))
                )
        elif field.message_type is not None:
            inner = methods.message_factory.GetMessageClass(field.message_type)
            getattr(message, field.name).CopyFrom(KNOWN.get(inner.DESCRIPTOR.full_name) or filled(inner))
        else:
            sample = SAMPLES.get(field.type, 7)
            if field.is_repeated:
                getattr(message, field.name).extend([sample, sample])
            else:
                setattr(message, field.name, sample)
    return message


def query_of(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """The query parameters that say a JSON object."""
    pairs: list[tuple[str, str]] = []
    for key, value in tree.items():
        if isinstance(value, dict):
            pairs += query_of(value, f"{prefix}{key}.")
        else:
            for item in value if isinstance(value, list) else [value]:
                pairs.append((prefix + key, str(item).lower() if isinstance(item, bool) else str(item)))
    return pairs


def request_of(binding: Binding, message: Message) -> tuple[str, bytes, bytes]:
    """Path, query and body by which a client says a message."""
    tree = protojson.to_dict(message)
    path = binding.template
    for name in binding.variables:
        *parents, leaf = name.split(".")
        place = tree
        for parent in parents:
            place = place[parent]
        path = re.sub(r"\{" + re.escape(name) + r"[^}]*\}", quote(place.pop(leaf), safe="/"), path)
    if not binding.body:
        return path, urlencode(query_of(tree)).encode(), b""
    body = tree if binding.body == "*" else tree.pop(binding.body)
    query = b"" if binding.body == "*" else urlencode(query_of(tree)).encode()
    return path, query, protojson.json.dumps(body).encode()


@pytest.mark.parametrize("binding", BINDINGS, ids=lambda binding: f"{binding.verb} {binding.template}")
def test_every_annotated_method_gets_the_message_that_a_request_says(binding: Binding) -> None:
    message = filled(methods.request_class(binding.method))
    for name in binding.variables:
        (template,) = re.findall(r"\{" + re.escape(name) + r"=([^}]*)\}", binding.template)
        transcode.assign(message, name, template.replace("*", "2004-20944-3-25.1~4"), again=True)
    path, query, body = request_of(binding, message)
    fitting = [other for other in BINDINGS if other.verb == binding.verb and other.pattern.fullmatch(path)]
    assert fitting == [binding]
    match = binding.pattern.fullmatch(path)
    assert match
    assert transcode.read(binding, match, query, body) == message


BY_HAND = {"ngoclinh.land.v1.LandService.GetParcelTile"}
"""Unary methods whose route is in the gateway's table of routes written by hand: their answers are no JSON."""

WITHOUT_REST = {"ngoclinh.sentiment.v1.SentimentService.ReloadModel"}
"""Asked for on the machine itself: by a signal or the command line."""


def test_every_unary_method_has_a_rest_form() -> None:
    unary = {m.full_name for m in methods.methods() if not (m.client_streaming or m.server_streaming)}
    assert unary == {binding.method.full_name for binding in BINDINGS} | BY_HAND | WITHOUT_REST


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=50), st.lists(st.text(st.characters(codec="utf-8")), max_size=4))
def test_any_text_survives_the_query(query: str, sources: list[str]) -> None:
    pairs = [("filter.query", query), *(("filter.sources", source) for source in sources)]
    read = transcode.query_message(media.ListArticlesRequest, urlencode(pairs).encode())
    assert read.filter.query == query
    assert list(read.filter.sources) == sources


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("filter.unknown=1", "filter.unknown"),
        ("filter=1", "filter"),
        ("page_size.x=1", "page_size.x"),
        ("page_size=many", "page_size"),
        ("page_size=1&page_size=2", "page_size"),
        ("page_size=99999999999", "page_size"),
        ("filter.only_complaints=maybe", "filter.only_complaints"),
        ("filter.kinds=NONSENSE", "filter.kinds"),
        ("filter.time_range.start_time=yesterday", "filter.time_range.start_time"),
        ("filter.query=%ff", "query"),
        ("&".join(["filter.sources=a"] * 1001), "query"),
        ("a." * 5000 + "b=1", "a." * 100),
    ],
)
def test_a_parameter_that_does_not_fit_is_named(query: str, field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        transcode.query_message(media.ListArticlesRequest, query.encode())
    assert caught.value.field == field


def test_enums_are_taken_by_name_and_number() -> None:
    for query in (
        "filter.severities=SEVERITY_ERROR&filter.severities=2",
        "filter.severities=3&filter.severities=SEVERITY_WARNING",
    ):
        assert list(transcode.query_message(ListFindingsRequest, query.encode()).filter.severities) == [3, 2]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[1]",
        b'"x"',
        b"null",
        b'{"text": 1}',
        b'{"nothing": 1}',
        b'{"text": "\xff"}',
        b'{"a":' * 3000,
        b"\xff\xfe",
    ],
)
def test_a_body_that_does_not_fit_is_refused(body: bytes) -> None:
    (binding,) = [each for each in BINDINGS if each.template == "/v1/areas:resolve"]
    match = binding.pattern.fullmatch("/v1/areas:resolve")
    assert match
    with pytest.raises(InvalidField):
        transcode.read(binding, match, b"", body)


def test_a_body_takes_no_query_parameters_and_a_path_wins_over_neither() -> None:
    (resolve,) = [each for each in BINDINGS if each.template == "/v1/areas:resolve"]
    (get,) = [each for each in BINDINGS if each.template == "/v1/{name=areas/*}"]
    with pytest.raises(InvalidField, match="text"):
        transcode.read(resolve, resolve.pattern.fullmatch("/v1/areas:resolve"), b"text=x", b"{}")  # type: ignore[arg-type]
    with pytest.raises(InvalidField, match="name"):
        transcode.read(get, get.pattern.fullmatch("/v1/areas/2025-20938"), b"name=areas/2025-1", b"")  # type: ignore[arg-type]


def test_names_of_the_proto_are_the_only_names() -> None:
    with pytest.raises(InvalidField, match="pageSize"):
        transcode.query_message(area.ListAreasRequest, b"pageSize=3")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"url": 1}', "url: the value is invalid"),
        (b'{"nope": 1}', "nope: there is no such field"),
        (b'{"publish_time": "x"}', "publish_time: the value is invalid"),
        (b'{"evidence": 1.5}', "evidence: the value is invalid"),
        (b"1.5", "body: is not a valid JSON object"),
        (b"[1]", "body: is not a valid JSON object"),
        (b"null", "body: is not a valid JSON object"),
        (b"{", "body: is not a valid JSON object"),
        (b'{"url": "\xff"}', "body: is not a valid JSON object"),
        (b"[" * 100_000, "body: is not a valid JSON object"),
        (b'{"url": ' + b"[" * 500 + b"]" * 500 + b"}", "url: the value is invalid"),
    ],
)
def test_a_wrong_body_is_told_in_words_of_ours(body: bytes, message: str) -> None:
    match = SUBMIT.pattern.fullmatch(SUBMIT.template)
    assert match is not None
    with pytest.raises(InvalidField) as caught:
        transcode.read(SUBMIT, match, b"", body)
    assert caught.value.en == message
    assert not re.search(r"object|Error|recursion|line \d", caught.value.vi)


def test_a_field_within_a_field_is_named_by_its_path() -> None:
    binding = next(each for each in BINDINGS if each.body == "watch_area" and each.verb == "POST")
    match = binding.pattern.fullmatch(binding.template)
    assert match is not None
    with pytest.raises(InvalidField) as caught:
        transcode.read(binding, match, b"", b'{"areas": 3}')
    assert caught.value.field == "watch_area.areas"
