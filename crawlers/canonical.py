"""URLs: one spelling for one page.

`normalize` follows the profile of crawler-commons: it never changes which page is meant. What only a site knows (a
mobile twin, a session parameter) is told by its `UrlRules`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

_PARTS = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.DOTALL)
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_LITERAL = _UNRESERVED | frozenset(b"!$&'()*+,;=:@/?%")
_PLAIN = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/?]*")
_DEFAULT_PORTS = {"http": "80", "https": "443", "ftp": "21"}
_MAX_PORT = 65_535
_TRACKING = re.compile(
    r"utm_\w+|ga_\w+|_ga\w*|vn_(?:source|medium|campaign|term|content|thumb|zone)|mc_[ce]id|fbclid|gclid|yclid|gidzl|zarsrc|igshid|"
    r"msclkid|dclid|gbraid|wbraid|spm|jsessionid|phpsessid|aspsessionid\w*|gclsrc|_hsenc|_hsmi",
    re.IGNORECASE,
)
"""Names of query parameters that never say which page is meant."""
_TWIN_LABELS = ("www.", "m.", "mobile.", "amp.")


@dataclass(frozen=True)
class UrlRules:
    """What only a site knows about its URLs.

    Args:
        query: the query parameters that name a page; None keeps all but the tracking ones.
        rewrites: (pattern, replacement) applied in order to the whole URL, such as a mobile twin to its article.
    """

    query: tuple[str, ...] | None = None
    rewrites: tuple[tuple[str, str], ...] = ()


@lru_cache(maxsize=4096)
def normalize(url: str) -> str:
    """The normal form of a URL: host in lower-case ASCII, dots and escapes resolved, parameters sorted.

    Raises:
        ValueError: no URL: a host with a broken escape, forbidden characters, or bytes that are no UTF-8; a port that
            there is not.
    """
    text = url.strip("\t\n\r\f\v ")
    match = _PARTS.fullmatch(text)
    assert match is not None
    scheme, authority, path, query = match.groups()
    if scheme is not None and authority is None and "." in scheme:  # host.name:80/path
        scheme, authority, path, query = None, *_first_slash(text)
    if scheme is None:
        if authority is None:
            return normalize(f"http://{text}")
        scheme = "http"
    scheme = scheme.lower()
    host = _authority(authority or "", scheme)
    path = _path(path, rooted=bool(host) or path.startswith("/"))
    tail = _query(query)
    slashes = "//" if authority is not None and (host or (scheme == "file" and authority == "")) else ""
    return f"{scheme}:{slashes}{host}{path}{tail}"


def resolve(base: str | None, link: str) -> str:
    """The absolute URL that `link` means on a page at `base`; its spelling is kept."""
    return urljoin(base, link) if base else link


def canonical(url: str, rules: UrlRules = UrlRules()) -> str:
    """The identity of a page: its normal form without tracking parameters and without what the site's rules drop.

    Raises:
        ValueError: no URL.
    """
    text = normalize(url)
    head, mark, query = text.partition("?")
    if mark:
        kept = [part for part in query.split("&") if _keeps(part.partition("=")[0], rules.query)]
        text = f"{head}?{'&'.join(kept)}" if kept else head
    for pattern, replacement in rules.rewrites:
        text = re.sub(pattern, replacement, text)
    return normalize(text) if rules.rewrites else text


def host_port(url: str) -> str:
    """Host and port of a URL as they identify a server; the default port of the scheme is left out."""
    parts = urlsplit(normalize(url))
    return parts.netloc.rpartition("@")[2]


def bare(host: str) -> str:
    """A host, with or without port, without the label of a twin."""
    for label in _TWIN_LABELS:
        if host.startswith(label) and host.count(".") > 1:
            return host[len(label) :]
    return host


def site(url: str) -> str:
    """Host and port without the label of a twin: www, m, mobile and amp of one name are one site."""
    return bare(host_port(url))


def same_site(first: str, second: str) -> bool:
    """Whether two URLs lie on one site."""
    return site(first) == site(second)


def is_web(url: str) -> bool:
    """Whether a URL is an absolute http or https address with a host."""
    try:
        parts = urlsplit(normalize(url))
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def recode(text: str, decode: bool = True) -> str:
    """Percent-encode what must be, write escapes in upper case, and decode unreserved characters.

    Args:
        text: a path or query; bytes that are no UTF-8 as surrogate escapes.
        decode: whether escapes of unreserved characters are decoded; a query is left as it is.
    """
    if _PLAIN.fullmatch(text):
        return text
    raw = text.encode("utf-8", "surrogateescape")
    out = bytearray()
    at = 0
    while at < len(raw):
        byte = raw[at]
        if byte != 0x25:
            out += bytes([byte]) if byte in _LITERAL else b"%%%02X" % byte
            at += 1
        elif match := _ESCAPE.match(raw, at):
            value = int(match[1], 16)
            out += bytes([value]) if decode and value in _UNRESERVED else b"%%%02X" % value
            at += 3
        else:
            out += b"%25"
            at += 1
    return out.decode("ascii")


def _keeps(name: str, query: Sequence[str] | None) -> bool:
    return not _TRACKING.fullmatch(name) if query is None else name in query


def _first_slash(text: str) -> tuple[str, str, str | None]:
    match = re.fullmatch(r"([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?", text, re.DOTALL)
    assert match is not None
    return match[1], match[2], match[3]


def _authority(text: str, scheme: str) -> str:
    text = text.rpartition("@")[2]
    host, colon, port = text.rpartition(":")
    if not colon or (port and not (port.isascii() and port.isdigit())):
        host, port = text, ""
    if "%" in host:
        raw = host.encode()
        if re.search(rb"%(?![0-9A-Fa-f]{2})", raw):
            raise ValueError(f"broken escape in host {host!r}")
        host = _ESCAPE.sub(lambda m: bytes([int(m[1], 16)]), raw).decode("utf-8")
    host = host.lower().rstrip(".")
    if not host.startswith("[") and re.search(r"[\x00-\x20:/?#@\\<>\x7f]", host):
        raise ValueError(f"no host: {host!r}")
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    port = port.lstrip("0")
    if len(port) > 5 or int(port or 0) > _MAX_PORT:
        raise ValueError(f"no port: {port[:20]}")
    return host if not port or _DEFAULT_PORTS.get(scheme) == port else f"{host}:{port}"


def _path(text: str, rooted: bool) -> str:
    text = recode(text)
    if not rooted:
        return text or "/"
    text = re.sub(r"/{2,}", "/", text)
    out: list[str] = []
    segments = text.split("/")[1:]
    for i, segment in enumerate(segments):
        last = i == len(segments) - 1
        if segment == "..":
            del out[-1:]
        if segment not in (".", ".."):
            out.append(segment)
        elif last:
            out.append("")
    return "/" + "/".join(out)


def _query(text: str | None) -> str:
    if not text:
        return ""
    parts = []
    for part in recode(text, decode=False).split("&"):
        name, equals, value = part.partition("=")
        if name:
            parts.append(f"{name}={value}" if equals and value else name)
    parts.sort(key=lambda part: part.partition("=")[0])
    return "?" + "&".join(parts) if parts else ""
