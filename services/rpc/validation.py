"""Requests as bytes → messages that keep the rules of their proto, or `InvalidRequest`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

import protovalidate
from google.protobuf.message import DecodeError, Message

from services.core.errors import InvalidField

M = TypeVar("M", bound=Message)

VIETNAMESE: dict[str, str] = {
    "required": "bắt buộc phải có",
    "gte": "phải từ {0} trở lên",
    "gt": "phải lớn hơn {0}",
    "lte": "phải không quá {0}",
    "lt": "phải nhỏ hơn {0}",
    "gte_lte": "phải từ {0} đến {1}",
    "gt_lte": "phải lớn hơn {0} và không quá {1}",
    "in": "phải là một trong: {rule}",
    "not_in": "không được là một trong: {rule}",
    "const": "phải là {rule}",
    "pattern": "không đúng mẫu {rule}",
    "prefix": "phải bắt đầu bằng {rule}",
    "min_len": "phải có ít nhất {0} ký tự",
    "max_len": "không được dài quá {0}",
    "max_bytes": "không được dài quá {0} byte",
    "min_items": "phải có ít nhất {0} phần tử",
    "max_items": "không được quá {0} phần tử",
    "defined_only": "phải là một giá trị đã định nghĩa",
    "finite": "phải là một số hữu hạn",
}
"""Message by the last part of a rule's id; {0}, {1} are the numbers of the English message, {rule} the rule's value."""

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_validator = protovalidate.Validator()


class InvalidRequest(InvalidField):
    """A request that breaks rules of its proto.

    Args:
        violations: (path of the field, message in Vietnamese, message in English), one at least.
    """

    def __init__(self, violations: Sequence[tuple[str, str, str]]) -> None:
        super().__init__(*violations[0])
        self.violations = tuple(violations)


def decode(kind: type[M], data: bytes) -> M:
    """A message from its wire form.

    Raises:
        InvalidField: these bytes are no such message, or a string in them is no UTF-8.
    """
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise InvalidField(
            "request",
            f"không phải thông điệp {kind.DESCRIPTOR.full_name} hợp lệ (chuỗi phải là UTF-8)",
            f"is not a valid {kind.DESCRIPTOR.full_name} (strings must be UTF-8)",
        ) from error


def check(message: Message) -> None:
    """Check a message by the rules of its proto.

    Raises:
        InvalidRequest: with every rule that it breaks.
    """
    violations = _validator.collect_violations(message)
    if violations:
        raise InvalidRequest([_told(violation) for violation in violations])


def _told(violation: protovalidate.Violation) -> tuple[str, str, str]:
    proto = violation.proto
    english = proto.message or proto.rule_id
    template = VIETNAMESE.get(proto.rule_id.rsplit(".", 1)[-1], "giá trị không hợp lệ")
    try:
        vietnamese = template.format(*_NUMBER.findall(english), rule=_shown(violation.rule_value))
    except IndexError:
        vietnamese = "giá trị không hợp lệ"
    return _path(proto), vietnamese, english


def _shown(value: object) -> str:
    return ", ".join(str(item) for item in value if item != "") if isinstance(value, list) else str(value)


def _path(proto: protovalidate.ViolationPb) -> str:
    """Dotted path of the field. Example: ``filter.kinds[2]``."""
    parts = []
    for element in proto.field.elements if proto.field else ():
        index = element.subscript
        parts.append(f"{element.field_name}[{index.value}]" if index else str(element.field_name))
    return ".".join(parts) or "request"
