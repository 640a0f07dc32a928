"""Every reason has a row, and a status never outgrows its metadata."""

from __future__ import annotations

import re

import grpc
import pytest
from google.protobuf import descriptor_pb2
from google.rpc import error_details_pb2
from hypothesis import given
from hypothesis import strategies as st
from ngoclinh.type.v1 import type_pb2

from services.core import errors
from services.rpc import status
from services.rpc.validation import InvalidRequest
from tests.conftest import ROOT


def subclasses(kind: type[errors.NgocLinhError]) -> list[type[errors.NgocLinhError]]:
    return [kind, *(deeper for child in kind.__subclasses__() for deeper in subclasses(child))]


def test_every_reason_of_the_proto_and_of_the_errors_has_a_row() -> None:
    declared = {name.removeprefix("ERROR_REASON_") for name in type_pb2.ErrorReason.DESCRIPTOR.values_by_name} - {
        "UNSPECIFIED"
    }
    assert set(status.REASONS) == declared
    assert {kind.reason for kind in subclasses(errors.NgocLinhError)} <= declared


def test_the_rows_say_what_the_proto_says() -> None:
    files = descriptor_pb2.FileDescriptorSet.FromString((ROOT / "gen/ngoclinh/descriptors.binpb").read_bytes()).file
    (file,) = [file for file in files if file.name == "ngoclinh/type/v1/type.proto"]
    comments = " ".join(location.leading_comments for location in file.source_code_info.location)
    said = set(re.findall(r"Status ([A-Z_]+)\.", comments))
    assert said == {row.grpc.name for row in status.REASONS.values()}


@pytest.mark.parametrize("reason", sorted(status.REASONS))
def test_a_status_leads_back_to_its_reason_and_http_code(reason: str) -> None:
    kind = type("Known", (errors.NgocLinhError,), {"reason": reason})
    answer = status.from_error(kind("một", "one", {"key": "value"}))
    assert status.reason(answer) == reason
    assert status.http_code(answer) == status.REASONS[reason].http
    assert status.grpc_code(answer) is status.REASONS[reason].grpc
    assert (status.message(answer, "vi"), status.message(answer, "en")) == ("một", "one")


@given(
    st.lists(st.tuples(st.text(max_size=300), st.text(max_size=900), st.text(max_size=900)), min_size=1, max_size=30)
)
def test_a_status_fits_into_metadata_whatever_was_wrong(violations: list[tuple[str, str, str]]) -> None:
    answer = status.from_error(InvalidRequest(violations))
    (bad,) = status.details(answer, error_details_pb2.BadRequest)
    assert bad.field_violations
    assert answer.ByteSize() < 7 * 1024


def test_an_unknown_exception_says_nothing_of_itself() -> None:
    answer = status.from_error(KeyError("password"), "r1")
    assert answer.code == grpc.StatusCode.INTERNAL.value[0]
    assert "password" not in str(answer)
