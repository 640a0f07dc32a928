"""How a service and its reader child speak: messages of `ngoclinh.land.v1`, each with its kind and length before it.

A child's words are as hostile as the file that it read: only protobuf is parsed, and no frame may be longer than
`MAX_FRAME`.
"""

from __future__ import annotations

import asyncio
import struct
from typing import BinaryIO

from google.protobuf.message import DecodeError, Message
from ngoclinh.land.v1.area_outline_pb2 import AreaOutline, AreaOutlinesHeader, SkippedOutline
from ngoclinh.land.v1.land_service_pb2 import ValidateParcelsRequest
from ngoclinh.land.v1.parcel_pb2 import Finding, Import, ImportState, Parcel, ParcelOwners
from ngoclinh.type.v1.type_pb2 import ErrorReason

from services.core.errors import InvalidField, NgocLinhError, UnreadableFile

MAX_FRAME = 256 << 20
KINDS: dict[bytes, type[Message]] = {
    b"P": Parcel,
    b"O": ParcelOwners,
    b"F": Finding,
    b"I": Import,
    b"V": ValidateParcelsRequest,
    b"H": AreaOutlinesHeader,
    b"A": AreaOutline,
    b"S": SkippedOutline,
}
"""To the child: an `Import` (read this file), an `AreaOutlinesHeader` (read its outlines) or a request. From it: parcels,
their owners, findings, outlines, and an `Import` for each step and, in another state than RUNNING, for the end."""

_LETTERS = {kind: letter for letter, kind in KINDS.items()}
_HEAD = struct.Struct(">cI")


class BrokenFrame(Exception):
    """What came is no frame."""


def encode(message: Message) -> bytes:
    """A message as a frame."""
    body = message.SerializeToString()
    return _HEAD.pack(_LETTERS[type(message)], len(body)) + body


def read(stream: BinaryIO) -> Message | None:
    """The next message of a blocking stream; None at its end."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    letter, length = _HEAD.unpack(head)
    return _decode(letter, stream.read(length))


async def receive(stream: asyncio.StreamReader) -> Message | None:
    """The next message of a stream; None at its end.

    Raises:
        BrokenFrame: the other side does not speak this language.
    """
    try:
        letter, length = _HEAD.unpack(await stream.readexactly(_HEAD.size))
        if length > MAX_FRAME:
            raise BrokenFrame(f"a frame of {length} bytes")
        return _decode(letter, await stream.readexactly(length))
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise BrokenFrame("cut short") from error
        return None


def _decode(letter: bytes, body: bytes) -> Message:
    kind = KINDS.get(letter)
    if kind is None:
        raise BrokenFrame(f"a frame of kind {letter!r}")
    try:
        message = kind()
        message.ParseFromString(body)
    except DecodeError as error:
        raise BrokenFrame(str(error)) from error
    return message


def failure(error: NgocLinhError) -> Import:
    """The frame that tells an error."""
    told = Import(state=ImportState.IMPORT_STATE_FAILED, reason=ErrorReason.Value(f"ERROR_REASON_{error.reason}"))
    told.problem.vi, told.problem.en = error.vi, error.en
    return told


def error_of(told: Import) -> NgocLinhError:
    """The error that a frame tells; an unknown one is of the file."""
    reason = ErrorReason.Name(told.reason).removeprefix("ERROR_REASON_")
    if reason == InvalidField.reason:
        field, _, vi = told.problem.vi.partition(": ")
        return InvalidField(field, vi, told.problem.en.partition(": ")[2])
    return _kinds(NgocLinhError).get(reason, UnreadableFile)(told.problem.vi, told.problem.en)


def _kinds(root: type[NgocLinhError]) -> dict[str, type[NgocLinhError]]:
    """The errors that two texts make, by reason; of several the most special."""
    found: dict[str, type[NgocLinhError]] = {}
    for kind in root.__subclasses__():
        if kind.__init__ is NgocLinhError.__init__:
            found[kind.reason] = kind
        found |= _kinds(kind)
    return found
