"""No request leaves for an address that is not public: checked by URL, and again on the address that is connected to.

Private, loopback, link-local, multicast and reserved addresses are refused in every spelling (`2852039166`,
`0x7f.1`, `::ffff:127.0.0.1`), unless the operator lists `host:port`. Bodies are bounded after decompression.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import zlib
from collections.abc import Collection
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from crawlers.canonical import is_web, normalize
from services.core.errors import FetchFailed, FetchRefused

MAX_RATIO = 100
"""Bytes that one compressed byte may become, beyond the first megabyte."""
_FREE_BYTES = 1 << 20
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_url(url: str, allowed_private: Collection[str]) -> None:
    """Refuse an address before anything is asked of its name.

    Args:
        url: absolute URL.
        allowed_private: ``host:port`` pairs that may be visited although they are not public.

    Raises:
        FetchRefused: no http or https URL, or a host that is written as an address which is not public.
    """
    if not is_web(url):
        raise _refused(
            url, "chỉ nhận địa chỉ http và https hợp lệ", "only http and https addresses that are valid are visited"
        )
    host, port = endpoint(url)
    literal = literal_address(host)
    if f"{host}:{port}" in allowed_private:
        return
    if (literal is not None and not is_public(literal)) or host == "localhost" or host.endswith(".localhost"):
        raise _refused(url, "máy chủ nằm trong mạng nội bộ", "the host lies in a private network")


def endpoint(url: str) -> tuple[str, int]:
    """Host (without brackets) and port that a request for `url` goes to."""
    scheme, _, rest = normalize(url).partition("://")
    authority = rest.partition("/")[0].partition("?")[0]
    host, colon, port = authority.rpartition(":")
    if not colon or not port.isdigit():
        host, port = authority, ""
    return host.strip("[]"), int(port) if port else _DEFAULT_PORTS[scheme]


def literal_address(host: str) -> Address | None:
    """The address that a host spells, as the C library would read it; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.ip_address(socket.inet_aton(host))
    except OSError:
        return None


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public Internet; addresses of IPv4 inside IPv6 are unpacked."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


class SafeResolver(AbstractResolver):
    """Resolves names to public addresses only; the connection is then made to exactly these addresses.

    Args:
        allowed_private: ``host:port`` pairs that may be visited although they are not public.
    """

    def __init__(self, allowed_private: Collection[str]) -> None:
        self._allowed = frozenset(allowed_private)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host.

        Raises:
            FetchRefused: one of them is not public, as a name that is rebound to a private address would have it.
            OSError: the name has no address.
        """
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, family=family, flags=socket.AI_ADDRCONFIG
        )
        results: list[ResolveResult] = []
        for kind, _, protocol, _, target in found:
            ip = str(target[0])
            if f"{host}:{port}" not in self._allowed and not is_public(ipaddress.ip_address(ip.partition("%")[0])):
                raise _refused(host, "tên miền trỏ vào mạng nội bộ", "the name points into a private network")
            results.append(
                ResolveResult(
                    hostname=host, host=ip, port=port, family=kind, proto=protocol, flags=socket.AI_NUMERICHOST
                )
            )
        return results

    async def close(self) -> None:
        """Nothing is held."""


class BoundedBody:
    """Collects a body piece by piece, decompresses it, and gives up at the limit.

    Args:
        encoding: Content-Encoding header. A body that only pretends to be gzip is taken as it is.
        max_bytes: most bytes after decompression.
    """

    def __init__(self, encoding: str, max_bytes: int) -> None:
        self._encoding = encoding.strip().lower()
        self._max = max_bytes
        self._inflater: Any = None
        self._received = 0
        self._parts: list[bytes] = []
        self._size = 0
        if self._encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise FetchFailed(
                f"Máy chủ dùng cách nén không hỗ trợ: {self._encoding}.",
                f"The server uses an unsupported compression: {self._encoding}.",
            )

    def add(self, piece: bytes) -> None:
        """Take the next piece as received.

        Raises:
            FetchFailed: more than the limit, more than 100 times what was received, or a broken compression.
        """
        if not self._received:
            self._inflater = self._start(piece)
        self._received += len(piece)
        if self._inflater is None:
            self._keep(piece)
            return
        try:
            rest = piece
            while rest:
                self._keep(self._inflater.decompress(rest, 1 << 16))
                rest = self._inflater.unconsumed_tail
                if self._inflater.eof:
                    break
        except zlib.error as error:
            raise FetchFailed("Dữ liệu nén bị hỏng.", "The compressed body is broken.") from error

    def value(self) -> bytes:
        """The whole body."""
        return b"".join(self._parts)

    def _start(self, piece: bytes) -> Any:
        if self._encoding in ("gzip", "x-gzip") and piece[:2] == b"\x1f\x8b":
            return zlib.decompressobj(zlib.MAX_WBITS | 16)
        if self._encoding == "deflate":
            return zlib.decompressobj(zlib.MAX_WBITS if piece[:1] == b"\x78" else -zlib.MAX_WBITS)
        return None

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._max or (self._size > _FREE_BYTES and self._size > MAX_RATIO * self._received):
            raise too_large(self._max)
        self._parts.append(data)


def gunzip(body: bytes, max_bytes: int) -> bytes:
    """A body that is a gzip file, such as a sitemap, decompressed within the limit; any other body as it is.

    Raises:
        FetchFailed: too large or broken.
    """
    if body[:2] != b"\x1f\x8b":
        return body
    bounded = BoundedBody("gzip", max_bytes)
    bounded.add(body)
    return bounded.value()


def too_large(max_bytes: int) -> FetchFailed:
    """The error for a page beyond the limit."""
    megabytes = max_bytes >> 20
    return FetchFailed(f"Trang lớn hơn {megabytes} MB.", f"The page is larger than {megabytes} MB.")


def _refused(what: str, vi: str, en: str) -> FetchRefused:
    return FetchRefused(f"Không truy cập {what[:200]}: {vi}.", f"{what[:200]} is not visited: {en}.", {"why": "unsafe"})
