"""Formats of files that the gateway writes: what each is served as, and what writes it, loaded when it is asked for."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from services.core.errors import InvalidField

C = TypeVar("C")
F = TypeVar("F")


@dataclass(frozen=True)
class Format(Generic[C]):
    """How contents of one kind are written.

    Attributes:
        media_type: what the file is served as.
        writer: "package.module:function" that takes the contents and returns the bytes of the file.
    """

    media_type: str
    writer: str

    def write(self, contents: C) -> bytes:
        """The bytes of the file."""
        written: bytes = pkgutil.resolve_name(self.writer)(contents)
        return written


def pick(formats: Mapping[str, F], ending: str) -> F:
    """A format by the ending of a file's name.

    Raises:
        InvalidField: none of the formats; the message names them.
    """
    if ending not in formats:
        known = ", ".join(formats)
        raise InvalidField(
            "format", f"“{ending}” không có; hãy chọn {known}", f"there is no '{ending}'; choose {known}"
        )
    return formats[ending]
