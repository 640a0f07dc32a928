"""Writes what `services.sentiment.phobert.javadata` reads, with words that are made up here."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

_HEADER = bytes.fromhex("aced00057372") + b"\x00\x11java.util.HashSet" + bytes.fromhex("ba44859596b8b7340300007870770c")


def serialised_set(words: Iterable[str]) -> bytes:
    """`HashSet<String>` as ObjectOutputStream writes it."""
    encoded = [word.encode() for word in words]
    body = b"".join(b"t" + struct.pack(">H", len(word)) + word for word in encoded)
    return _HEADER + struct.pack(">ifi", 16, 0.75, len(encoded)) + body + b"x"


def class_file(sets: Mapping[str, Iterable[str]], extra: bytes = b"") -> bytes:
    """A class whose static initialiser adds strings to static fields; `extra` is code before its end."""
    constants: list[bytes] = []

    def constant(content: bytes) -> int:
        if content not in constants:
            constants.append(content)
        return constants.index(content) + 1

    def utf8(text: str) -> int:
        encoded = text.encode()
        return constant(b"\x01" + struct.pack(">H", len(encoded)) + encoded)

    owner = constant(b"\x07" + struct.pack(">H", utf8("Vocabulary")))

    def field(name: str) -> int:
        pair = constant(b"\x0c" + struct.pack(">HH", utf8(name), utf8("Ljava/util/Set;")))
        return constant(b"\x09" + struct.pack(">HH", owner, pair))

    code = b""
    for name, words in sets.items():
        for word in words:
            text = constant(b"\x08" + struct.pack(">H", utf8(word)))
            code += b"\xb2" + struct.pack(">H", field(name)) + b"\x13" + struct.pack(">H", text)
            code += b"\xb9\x00\x01\x02\x00\x57"
    code += extra + b"\xb1"
    body = struct.pack(">HHI", 2, 0, len(code)) + code + b"\x00\x00\x00\x00"
    initialiser = struct.pack(">HHHH", 8, utf8("<clinit>"), utf8("()V"), 1)
    initialiser += struct.pack(">HI", utf8("Code"), len(body)) + body
    head = b"\xca\xfe\xba\xbe\x00\x00\x00\x41" + struct.pack(">H", len(constants) + 1) + b"".join(constants)
    return head + struct.pack(">HHHHHH", 0x21, owner, 0, 0, 0, 1) + initialiser + b"\x00\x00"
