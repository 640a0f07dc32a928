"""What a store that has a server of its own can say about it, besides its port."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class EngineState:
    """How the server of a store is.

    Attributes:
        versions: version by name of the part. Example: {"postgresql": "15.14", "postgis": "3.3.2"}.
        size_bytes: bytes that our data take there; 0 where it does not say.
        problems: what is wrong although it answers, in (Vietnamese, English).
        notes: what is worth knowing, in (Vietnamese, English).
    """

    versions: dict[str, str]
    size_bytes: int = 0
    problems: Sequence[tuple[str, str]] = field(default=())
    notes: Sequence[tuple[str, str]] = field(default=())


@runtime_checkable
class HasEngine(Protocol):
    """A store whose server can be asked how it is."""

    async def engine(self) -> EngineState:
        """How its server is.

        Raises:
            Unavailable: it does not answer.
        """
        ...
