"""The one JSON form of messages: command line, REST and files print the same.

Field names as in the proto, fields without presence always printed, enums by their full names, times RFC 3339 in UTC,
64-bit integers as strings (the canonical JSON of protobuf).
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message

M = TypeVar("M", bound=Message)


def to_dict(message: Message) -> dict[str, Any]:
    """A message as a JSON object."""
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def to_json(message: Message, indent: int | None = None) -> str:
    """A message as JSON text; Vietnamese stays readable."""
    return json.dumps(to_dict(message), ensure_ascii=False, indent=indent)


def parse(text: str | bytes, message: M) -> M:
    """Fill `message` from JSON text; field names as in the proto or in lowerCamelCase.

    Raises:
        ValueError: no UTF-8, no JSON object, an unknown field, or a value of the wrong kind.
    """
    try:
        return json_format.Parse(text if isinstance(text, str) else text.decode("utf-8"), message)
    except (json_format.Error, RecursionError) as error:
        raise ValueError(str(error)) from error


def parse_dict(tree: Any, message: M) -> M:
    """Fill `message` from an object that JSON text was read into.

    Raises:
        ValueError: an unknown field or a value of the wrong kind.
    """
    try:
        return json_format.ParseDict(tree, message)
    except (json_format.Error, AttributeError, TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error
