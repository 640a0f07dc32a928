"""TypeScript interfaces of the API's messages, written from the compiled protos for the build of the dashboard.

The interfaces describe the JSON convention of the product: field names as in the proto, fields without presence always
there, 64-bit integers and bytes as strings, times in RFC 3339, enums as their full names.
"""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet

WELL_KNOWN = {
    ".google.protobuf.Timestamp": "string",
    ".google.protobuf.Duration": "string",
    ".google.protobuf.FieldMask": "string",
    ".google.protobuf.Struct": "Record<string, unknown>",
    ".google.protobuf.Empty": "Record<string, never>",
}
"""Messages that JSON writes as something else than an object with their fields."""

SCALARS = {
    FieldDescriptorProto.TYPE_BOOL: "boolean",
    FieldDescriptorProto.TYPE_DOUBLE: "number",
    FieldDescriptorProto.TYPE_FLOAT: "number",
    FieldDescriptorProto.TYPE_INT32: "number",
    FieldDescriptorProto.TYPE_UINT32: "number",
}
"""Scalars that are not written as strings."""


def interfaces(files: FileDescriptorSet) -> str:
    """The module with one interface for each message and one union of names for each enum of `ngoclinh.*`.

    Raises:
        ValueError: two messages of different packages share a name.
    """
    lines: list[str] = []
    seen: set[str] = set()
    for file in files.file:
        if not file.package.startswith("ngoclinh."):
            continue
        for name in [*(enum.name for enum in file.enum_type), *(message.name for message in file.message_type)]:
            if name in seen:
                raise ValueError(f"{file.package}.{name}: another package has a message or enum of this name")
            seen.add(name)
        lines += [_union(enum) for enum in file.enum_type]
        for message in file.message_type:
            lines += _interface(message)
    return "\n".join(lines) + "\n"


def _union(enum: EnumDescriptorProto) -> str:
    return f"export type {enum.name} = " + " | ".join(f'"{value.name}"' for value in enum.value) + ";"


def _interface(message: DescriptorProto) -> list[str]:
    maps = {nested.name: nested for nested in message.nested_type if nested.options.map_entry}
    lines = [f"export interface {message.name} {{"]
    for field in message.field:
        single = field.label != FieldDescriptorProto.LABEL_REPEATED
        optional = single and (field.type == FieldDescriptorProto.TYPE_MESSAGE or field.HasField("oneof_index"))
        entry = maps.get(field.type_name.rsplit(".", 1)[-1])
        if entry is not None:
            kind = f"Record<string, {_type(entry.field[1])}>"
        else:
            kind = _type(field) if single else f"{_type(field)}[]"
        lines.append(f"  {field.name}{'?' if optional else ''}: {kind};")
    return [*lines, "}"]


def _type(field: FieldDescriptorProto) -> str:
    if field.type in (FieldDescriptorProto.TYPE_MESSAGE, FieldDescriptorProto.TYPE_ENUM):
        own = field.type_name.startswith(".ngoclinh.")
        return field.type_name.rsplit(".", 1)[-1] if own else WELL_KNOWN.get(field.type_name, "unknown")
    return SCALARS.get(field.type, "string")


def main(target: str) -> None:
    """Write the module to `target`; a file that would stay the same is not touched."""
    data = resources.files("ngoclinh").joinpath("descriptors.binpb").read_bytes()
    text = interfaces(FileDescriptorSet.FromString(data))
    path = Path(target)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
