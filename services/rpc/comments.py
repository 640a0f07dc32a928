"""Comments of the protos, from the descriptor set that the build makes: the text of every reference page."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

PREFIX = "ngoclinh."


@lru_cache(maxsize=1)
def descriptor_set() -> FileDescriptorSet:
    """All files of our protos and what they import, with source information."""
    return FileDescriptorSet.FromString((resources.files("ngoclinh") / "descriptors.binpb").read_bytes())


@lru_cache(maxsize=1)
def comments() -> dict[str, str]:
    """Comment by full name of a message, field, enum, value, service or method of ours.

    The values of an enum stand under the enum's name: "ngoclinh.land.v1.Severity.SEVERITY_ERROR".
    """
    found: dict[str, str] = {}
    for file in descriptor_set().file:
        if file.package.startswith(PREFIX):
            texts = {tuple(place.path): place.leading_comments.strip() for place in file.source_code_info.location}
            found |= {name: texts[path] for path, name in _names(file) if texts.get(path)}
    return found


def comment(full_name: str) -> str:
    """The comment of one element as one paragraph; "" where there is none."""
    return " ".join(comments().get(full_name, "").split())


def _names(file: FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    """Paths in the source information (numbers of fields of `descriptor.proto`) and full names."""
    for index, message in enumerate(file.message_type):
        yield from _message((4, index), f"{file.package}.{message.name}", message)
    for index, enum in enumerate(file.enum_type):
        yield from _members((5, index), f"{file.package}.{enum.name}", 2, enum.value)
    for index, service in enumerate(file.service):
        yield from _members((6, index), f"{file.package}.{service.name}", 2, service.method)


def _message(path: tuple[int, ...], name: str, message: Any) -> Iterator[tuple[tuple[int, ...], str]]:
    yield from _members(path, name, 2, message.field)
    for index, nested in enumerate(message.nested_type):
        yield from _message((*path, 3, index), f"{name}.{nested.name}", nested)


def _members(path: tuple[int, ...], name: str, number: int, members: Any) -> Iterator[tuple[tuple[int, ...], str]]:
    yield path, name
    for index, member in enumerate(members):
        yield (*path, number, index), f"{name}.{member.name}"
