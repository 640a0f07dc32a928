"""How many entities a DXF file becomes when its blocks are put in their places: blocks in blocks grow without end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

MOST = 10**9
"""Counts stop here; a block that holds itself counts so much."""

_PLACING = frozenset({b"INSERT", b"DIMENSION", b"ACAD_TABLE"})
"""Entities that put a block in a place."""


def expanded(path: Path) -> int:
    """The number of entities of a file with all blocks in their places, at most `MOST`."""
    own: Counter[bytes] = Counter()
    placed: dict[bytes, Counter[bytes]] = {}
    for block, kind, target, times in _entities(path):
        own[block] += 1
        if kind in _PLACING:
            placed.setdefault(block, Counter())[target] += times
    sizes: dict[bytes, int] = {}
    return _size(b"", own, placed, sizes, set())


def _size(
    block: bytes, own: Counter[bytes], placed: dict[bytes, Counter[bytes]], sizes: dict[bytes, int], within: set[bytes]
) -> int:
    """Entities of a block, those of its own blocks too."""
    if block in within or len(within) > 200:
        return MOST
    if block not in sizes:
        parts = placed.get(block, Counter()).items()
        inner = sum(times * _size(target, own, placed, sizes, within | {block}) for target, times in parts)
        sizes[block] = min(own[block] + inner, MOST)
    return sizes[block]


def _entities(path: Path) -> Iterator[tuple[bytes, bytes, bytes, int]]:
    """Each entity: the block it stands in (empty outside of blocks), its kind, the block it places, how many times."""
    block, kind, name, columns, rows = b"", b"", b"", 1, 1
    for code, value in _pairs(path):
        if code == b"0":
            if kind == b"BLOCK":
                block = name
            elif kind == b"ENDBLK":
                block = b""
            elif kind:
                yield block, kind, name, max(columns, 1) * max(rows, 1)
            kind, name, columns, rows = value, b"", 1, 1
        elif code == b"2":
            name = name or value.upper()
        elif code == b"70" and kind == b"INSERT":
            columns = _count(value)
        elif code == b"71" and kind == b"INSERT":
            rows = _count(value)


def _pairs(path: Path) -> Iterator[tuple[bytes, bytes]]:
    with path.open("rb") as stream:
        lines = iter(stream)
        for code, value in zip(lines, lines, strict=False):
            yield code.strip(), value.strip()


def _count(text: bytes) -> int:
    return int(text) if text.isdigit() and len(text) < 9 else 1
