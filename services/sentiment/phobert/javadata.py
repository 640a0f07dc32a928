"""Readers of two Java formats, no more of them than the data of RDRSegmenter need, and nothing that runs.

A serialised ``HashSet<String>`` (Java Object Serialization Specification, chapter 6), and the sets of strings that the
static initialiser of a class fills (The Java Virtual Machine Specification, chapter 4).
"""

from __future__ import annotations

from collections.abc import Iterator

_SET_HEADER = b"\xac\xed\x00\x05sr\x00\x11java.util.HashSet\xba\x44\x85\x95\x96\xb8\xb7\x34\x03\x00\x00xp" + b"w\x0c"
"""Stream of version 5; an object of java.util.HashSet with writeObject data and no fields; a block of 12 bytes."""
_STRING, _LONG_STRING, _END = 0x74, 0x7C, 0x78
_CONSTANT_SIZES = {
    3: 4,
    4: 4,
    5: 8,
    6: 8,
    7: 2,
    8: 2,
    9: 4,
    10: 4,
    11: 4,
    12: 4,
    15: 3,
    16: 2,
    17: 4,
    18: 4,
    19: 2,
    20: 2,
}
"""Kind of a constant → its bytes; 1, a text, tells its own."""
_WIDE = (5, 6)
_OPCODE_SIZES = {0x12: 2, 0x13: 3, 0x57: 1, 0x59: 1, 0xB1: 1, 0xB2: 3, 0xB3: 3, 0xB7: 3, 0xB9: 5, 0xBB: 3}
"""ldc, ldc_w, pop, dup, return, getstatic, putstatic, invokespecial, invokeinterface, new."""
_LDC, _LDC_W, _GETSTATIC, _ADD = 0x12, 0x13, 0xB2, 0xB9


class Malformed(ValueError):
    """The bytes are not what is read here."""


def string_set(content: bytes) -> frozenset[str]:
    """The strings of a serialised ``HashSet<String>``.

    Raises:
        Malformed: anything else.
    """
    if not content.startswith(_SET_HEADER):
        raise Malformed("no serialised HashSet")
    reader = _Reader(content, len(_SET_HEADER))
    reader.take(8)  # capacity and load factor
    count = reader.number(4)
    found = set()
    for _ in range(count):
        kind = reader.number(1)
        if kind not in (_STRING, _LONG_STRING):
            raise Malformed("an element that is no string")
        found.add(_text(reader.take(reader.number(2 if kind == _STRING else 8))))
    if reader.number(1) != _END:
        raise Malformed("the set has no end")
    return frozenset(found)


def static_sets(content: bytes) -> dict[str, frozenset[str]]:
    """Static fields of a class → the strings that its initialiser adds to them, one constant after the other.

    Raises:
        Malformed: no class file, or an initialiser that does anything else.
    """
    reader = _Reader(content, 0)
    if reader.number(4) != 0xCAFEBABE:
        raise Malformed("no class file")
    reader.take(4)
    constants = _constants(reader)
    reader.take(6)
    reader.take(2 * reader.number(2))
    code = b""
    for _ in range(2):  # fields, then methods
        for _ in range(reader.number(2)):
            reader.take(2)
            member, _ = _text_at(constants, reader.number(2)), reader.take(2)
            for name, body in _attributes(reader, constants):
                if (member, name) == ("<clinit>", "Code"):
                    inner = _Reader(body, 4)
                    code = inner.take(inner.number(4))
    return _added(code, constants)


def _added(code: bytes, constants: dict[int, tuple[int, bytes]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    place, field, text = 0, "", ""
    while place < len(code):
        opcode = code[place]
        size = _OPCODE_SIZES.get(opcode)
        if size is None:
            raise Malformed(f"an instruction {opcode:#x}")
        argument = int.from_bytes(code[place + 1 : place + min(size, 3)], "big")
        if opcode == _GETSTATIC:
            field = _field_name(constants, argument)
        elif opcode in (_LDC, _LDC_W):
            text = _text_at(constants, int.from_bytes(constants[argument][1], "big"))
        elif opcode == _ADD:
            found.setdefault(field, set()).add(text)
        place += size
    return {name: frozenset(texts) for name, texts in found.items()}


def _constants(reader: _Reader) -> dict[int, tuple[int, bytes]]:
    """Number → kind and bytes."""
    found: dict[int, tuple[int, bytes]] = {}
    number, count = 1, reader.number(2)
    while number < count:
        kind = reader.number(1)
        if kind != 1 and kind not in _CONSTANT_SIZES:
            raise Malformed(f"a constant of kind {kind}")
        found[number] = (kind, reader.take(reader.number(2) if kind == 1 else _CONSTANT_SIZES[kind]))
        number += 2 if kind in _WIDE else 1
    return found


def _attributes(reader: _Reader, constants: dict[int, tuple[int, bytes]]) -> Iterator[tuple[str, bytes]]:
    for _ in range(reader.number(2)):
        name = _text_at(constants, reader.number(2))
        yield name, reader.take(reader.number(4))


def _field_name(constants: dict[int, tuple[int, bytes]], number: int) -> str:
    _, reference = _constant(constants, number)
    _, pair = _constant(constants, int.from_bytes(reference[2:4], "big"))
    return _text_at(constants, int.from_bytes(pair[:2], "big"))


def _text_at(constants: dict[int, tuple[int, bytes]], number: int) -> str:
    kind, content = _constant(constants, number)
    if kind != 1:
        raise Malformed("a constant that is no text")
    return _text(content)


def _constant(constants: dict[int, tuple[int, bytes]], number: int) -> tuple[int, bytes]:
    if number not in constants:
        raise Malformed("a constant that is not there")
    return constants[number]


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")  # as Java writes it, but for NUL and signs beyond U+FFFF, which no word here has
    except UnicodeDecodeError as error:
        raise Malformed("a text that is no UTF-8") from error


class _Reader:
    """Bytes, one after the other."""

    def __init__(self, content: bytes, place: int) -> None:
        self._content, self._place = content, place

    def take(self, count: int) -> bytes:
        end = self._place + count
        if end > len(self._content):
            raise Malformed("too short")
        part, self._place = self._content[self._place : end], end
        return part

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")
