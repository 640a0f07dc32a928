"""HTML as trees: character sets, selectors, and the text of an element in paragraphs."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TypeAlias

from lxml import etree, html
from lxml.cssselect import CSSSelector

from services.core.vietnamese import nfc, strip_controls

Element: TypeAlias = html.HtmlElement


def _words(text: str) -> list[str]:
    return text.split()


BLOCKS = frozenset(
    _words(
        "address article aside blockquote body dd details div dl dt fieldset figure footer h1 h2 h3 h4 h5 h6 header hr html li "
        "main ol p pre section table tbody td tfoot th thead tr ul"
    )
)
"""Elements that begin and end a paragraph."""
SILENT = frozenset(
    _words(
        "audio button canvas dialog embed figure form head iframe input map math nav noscript object script select style svg "
        "template textarea video"
    )
)
"""Elements whose content is no text of an article."""

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_XML_CHARSET = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{2,40})", re.IGNORECASE)
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_LATIN1 = {"iso-8859-1", "iso8859-1", "latin-1", "latin1", "ascii", "us-ascii"}
_HIDDEN = etree.XPath(
    "descendant-or-self::*[@hidden or contains(translate(@style, 'DISPLAYNOE ', 'displaynoe'), 'display:none')"
    " or contains(translate(@style, 'VISBLTYHDEN ', 'visbltyhden'), 'visibility:hidden')]"
)
_SPACE = re.compile(r"[^\S\n]+")


def decode(body: bytes, content_type: str = "") -> str:
    """The text of a page.

    Bytes that are valid UTF-8 are UTF-8, whatever header and page declare: no text of another charset is by accident.
    """
    for bom, charset in _BOMS:
        if body.startswith(bom):
            return body.decode(charset, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    for charset in _declared(body, content_type):
        name = "cp1252" if charset in _LATIN1 else charset
        try:
            return body.decode(name, "replace")
        except LookupError:
            continue
    return body.decode("utf-8", "replace")


def is_text(body: bytes) -> bool:
    """Whether bytes look like a text: hardly any control character in the beginning (UTF-16 with a mark is text)."""
    head = body[:4096]
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    odd = sum(byte < 0x20 and byte not in b"\t\n\r\f" for byte in head)
    return odd <= len(head) // 200


def parse(text: str) -> Element | None:
    """The tree of a page, without comments; None where there is no element. Nesting beyond 256 levels is cut."""
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        return html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return None


@lru_cache(maxsize=1024)
def selector(css: str) -> CSSSelector:
    """A compiled CSS selector."""
    return CSSSelector(css, translator="html")


def select(root: Element, css: str) -> list[Element]:
    """Elements below `root` that match, in the order of the page."""
    found: list[Element] = selector(css)(root)
    return found


def first(root: Element, selectors: Iterable[str]) -> Element | None:
    """The first element that the first matching selector finds and that holds any text."""
    for css in selectors:
        for element in select(root, css):
            if line(element):
                return element
    return None


def line(element: Element) -> str:
    """All text of an element as one line."""
    return clean(" ".join(element.itertext()))


def clean(text: str) -> str:
    """One line in NFC without control characters, white space collapsed."""
    return " ".join(strip_controls(nfc(text)).split())


def blocks(root: Element, drop: Sequence[str] = ()) -> list[tuple[str, Element]]:
    """The paragraphs of an element, each with the block element it stands in.

    Hidden elements, figures, scripts, forms and what `drop` selects are left out. Two line breaks in a row end a
    paragraph, a single one stays.
    """
    skipped = set(_HIDDEN(root))
    for css in drop:
        skipped.update(select(root, css))
    out: list[tuple[str, Element]] = []
    buffer: list[str] = []
    owner = root
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, node in walk:
        tag = node.tag
        if tag in BLOCKS and buffer:
            _flush(buffer, owner, out)
        if event == "start":
            if node in skipped or tag in SILENT:
                walk.skip_subtree()
                continue
            if tag in BLOCKS:
                owner = node
            if tag == "br":
                buffer.append("\n")
            if node.text:
                buffer.append(node.text.replace("\n", " "))
        elif node is not root and node.tail:
            buffer.append(node.tail.replace("\n", " "))
    _flush(buffer, owner, out)
    return out


def _flush(buffer: list[str], owner: Element, out: list[tuple[str, Element]]) -> None:
    text = strip_controls(nfc("".join(buffer)))
    buffer.clear()
    for part in re.split(r"\n\s*\n", text):
        lines = (" ".join(row.split()) for row in _SPACE.sub(" ", part).split("\n"))
        if paragraph := "\n".join(row for row in lines if row):
            out.append((paragraph, owner))


def _declared(body: bytes, content_type: str) -> Iterable[str]:
    match = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", content_type, re.IGNORECASE)
    if match:
        yield match[1].lower()
    for pattern in (_XML_CHARSET, _META_CHARSET):
        found = pattern.search(body[:4096])
        if found:
            yield found[1].decode("ascii").lower()
