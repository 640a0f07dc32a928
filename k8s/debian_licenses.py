"""Licences of Debian packages, read from the copyright files that they install, and never guessed.

A file in Debian's machine-readable format (DEP-5, copyright-format/1.0) names the licence of every group of files. What
the names mean is certain for those that the format itself or SPDX defines; any other name stays what it is, as a
reference to the package's own file. A file in another form is text for people: it is carried along, not interpreted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from cyclonedx.model import AttachedText
from cyclonedx.model.license import DisjunctiveLicense, License, LicenseExpression
from cyclonedx.spdx import fixup_id

LARGEST_FILE = 4_000_000
"""Bytes of a copyright file that is read."""
LARGEST_TEXT = 100_000
"""Characters of a text that is carried along; a longer one is named only."""

_STANDARD = {"expat": "MIT", "isc": "ISC", "zlib": "Zlib", "cc0": "CC0-1.0"}
"""Names without a version that the format defines, in SPDX. It warns of "MIT", of which there are many versions."""
_GNU = re.compile(r"(A?GPL|LGPL|GFDL(?:-NIV)?)-(\d+(?:\.\d+)*)(\+|-only|-or-later)?", re.IGNORECASE)
_FORMAT = re.compile(r"copyright-format|dep5", re.IGNORECASE)
_FIELD = re.compile(r"([A-Za-z][A-Za-z-]*):[ \t]*(.*)")
_SPACE = re.compile(r"\s+")


def licenses(root: Path, package: str) -> Iterator[License]:
    """What the copyright file of a package says; nothing where there is none.

    Args:
        root: root of an image, or a copy of its /usr/share/doc.
        package: name of the package. Example: "libssl3".
    """
    path = root / "usr/share/doc" / package / "copyright"
    # A symbolic link may lead to the file of another package, never out of the image.
    if not path.is_file() or not path.resolve().is_relative_to(root.resolve()):
        return
    text = path.read_bytes().decode("utf-8", "replace") if path.stat().st_size <= LARGEST_FILE else ""
    names = declared(text)
    if not names:
        kept = AttachedText(content=text) if 0 < len(text) <= LARGEST_TEXT else None
        yield DisjunctiveLicense(name=f"/usr/share/doc/{package}/copyright", text=kept)
        return
    terms = dict.fromkeys(term for name in names for term in _terms(name, package))
    expression = _joined("AND", list(terms))
    if _known(expression):
        yield DisjunctiveLicense(id=expression)
    elif len(names) == 1 and terms.keys() == {_reference(names[0], package)}:
        yield DisjunctiveLicense(name=names[0])
    else:
        yield LicenseExpression(expression)


def declared(text: str) -> list[str]:
    """The different names of licences that a copyright file gives, in its order.

    Returns:
        Nothing where the file is in another form, or where some group of files has no licence with a name: a list that
        leaves something out would be wrong.
    """
    head, *paragraphs = _paragraphs(text)
    if not _FORMAT.search(" ".join(head.get("format", ()) or head.get("format-specification", ()))):
        return []
    groups = [each.get("license", [""]) for each in paragraphs if "files" in each]
    said = [name for group in groups for name in group]
    return list(dict.fromkeys([*head.get("license", ()), *said])) if said and all(said) else []


def spdx(name: str) -> str | None:
    """The SPDX expression that a short name certainly means. Example: "GPL-2+" is "GPL-2.0-or-later"."""
    if known := _STANDARD.get(name.lower()):
        return known
    if gnu := _GNU.fullmatch(name):
        family, version, tail = gnu[1].upper(), gnu[2], (gnu[3] or "-only").replace("+", "-or-later").lower()
        if family == "GFDL-NIV":
            family, tail = "GFDL", f"-no-invariants{tail}"
        return _known(f"{family}-{_short(version)}{tail}")
    # A name without a version is a word that anybody may have meant otherwise.
    if not re.search(r"\d", name):
        return None
    found = _known(name.removesuffix("+")) or _known(name.removesuffix("+") + ".0")
    return f"{found}+" if found and name.endswith("+") else found


def _known(name: str) -> str | None:
    found: str | None = fixup_id(name)
    return found


def _short(version: str) -> str:
    """A version as SPDX writes those of GNU: 2 and 2.0.0 are 2.0."""
    parts = version.split(".")
    while len(parts) > 2 and parts[-1] == "0":
        parts.pop()
    return ".".join(parts if len(parts) > 1 else [*parts, "0"])


def _paragraphs(text: str) -> list[dict[str, list[str]]]:
    """Fields of every paragraph, names in lower case, of each value the first line only."""
    found: list[dict[str, list[str]]] = [{}]
    for line in text.split("\n"):
        if not line.strip():
            found += [{}] if found[-1] else []
        elif field := _FIELD.match(line):
            found[-1].setdefault(field[1].lower(), []).append(_SPACE.sub(" ", field[2]).strip())
    return found


def _terms(name: str, package: str) -> list[str]:
    """What must be kept, all of it, by a name of licences: parts that "and" joins, in SPDX.

    "and" binds more closely than "or", and a comma less closely than either. What is not of this form is one licence
    with a long name.
    """
    terms: list[str] = []
    for number, clause in enumerate(name.split(",")):
        words = clause.split()
        joint = words.pop(0).lower() if number and words else "and"
        read = _clause(words, package)
        if not read or joint not in ("and", "or"):
            return [_reference(name, package)]
        terms = [*terms, *read] if joint == "and" else [_joined("OR", [_joined("AND", terms), _joined("AND", read)])]
    return terms


def _clause(words: list[str], package: str) -> list[str]:
    """Parts of "A and B or C"; nothing where it is not of this form."""
    choices: list[list[str]] = [[]]
    for number, one in enumerate(re.split(r" (and|or) ", " ".join(words), flags=re.IGNORECASE)):
        if number % 2:
            choices += [[]] if one.lower() == "or" else []
            continue
        # With an exception it is another licence, and SPDX names few of the exceptions.
        if not re.fullmatch(r"[^\s()]+( with .+)?", one, re.IGNORECASE):
            return []
        choices[-1].append(spdx(one) or _reference(one, package))
    return choices[0] if len(choices) == 1 else [_joined("OR", [_joined("AND", each) for each in choices])]


def _joined(operator: str, parts: list[str]) -> str:
    """Parts as one expression, with brackets where one of them binds less closely."""
    parts = list(dict.fromkeys(parts))
    return f" {operator} ".join(
        f"({each})" if operator == "AND" and " OR " in each and len(parts) > 1 else each for each in parts
    )


def _reference(name: str, package: str) -> str:
    """What only the copyright file of this package explains, as SPDX refers to such a licence."""
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", f"{package}-{name.replace('+', '-plus-')}").strip("-")
    return f"LicenseRef-{plain[:120]}"
