"""Addresses that are never visited, in every spelling, and bodies that never fill the memory."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.safety import (
    MAX_RATIO,
    BoundedBody,
    SafeResolver,
    check_url,
    endpoint,
    gunzip,
    is_public,
    literal_address,
)
from services.core.errors import FetchFailed, FetchRefused

MB = 1 << 20


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://2852039166/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://0/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://172.16.5.4/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[fe80::1]/",
        "http://[fc00::1]/",
        "http://[2002:7f00:1::]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://localhost/",
        "http://LOCALHOST:80/",
        "http://x.localhost/",
        "http://user:pass@127.0.0.1/",
        "http://%31%32%37.0.0.1/",
        "file:///etc/passwd",
        "http://vnexpress.net:99999/",
        "gopher://a.vn/",
        "ftp://a.vn/",
        "javascript:alert(1)",
        "data:text/html,x",
        "",
        "http:///x",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(FetchRefused):
        check_url(url, ())


@pytest.mark.parametrize("url", ["https://vnexpress.net/", "http://8.8.8.8/", "https://[2001:4860:4860::8888]/x"])
def test_public_addresses_are_visited(url: str) -> None:
    check_url(url, ())


def test_a_private_host_is_visited_where_the_operator_lists_it_with_its_port() -> None:
    check_url("http://127.0.0.1:8701/", ["127.0.0.1:8701"])
    check_url("http://xa.noi-bo/", ["xa.noi-bo:80"])
    for url in ("http://127.0.0.1:1/", "http://127.0.0.2:8701/", "http://127.0.0.1/"):
        with pytest.raises(FetchRefused):
            check_url(url, ["127.0.0.1:8701"])


def test_end_points() -> None:
    assert endpoint("https://a.vn/x:1/") == ("a.vn", 443)
    assert endpoint("http://a.vn:81?x=/:2") == ("a.vn", 81)
    assert endpoint("http://[2001:db8::1]:81/") == ("2001:db8::1", 81)


@given(st.ip_addresses(v=4))
def test_no_spelling_of_an_address_changes_the_judgement(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for spelling in (str(address), str(number), hex(number), f"{number >> 24}.{number & 0xFFFFFF}"):
        literal = literal_address(spelling)
        assert literal is not None
        assert is_public(literal) == is_public(address)
    assert is_public(ipaddress.IPv6Address(f"::ffff:{address}")) == is_public(address)


async def test_a_name_that_points_into_a_private_network_is_refused() -> None:
    with pytest.raises(FetchRefused):
        await SafeResolver(()).resolve("localhost", 80, socket.AF_INET)
    found = await SafeResolver(["localhost:80"]).resolve("localhost", 80, socket.AF_INET)
    assert found[0]["host"] == "127.0.0.1"


def collect(encoding: str, body: bytes, max_bytes: int = 10 * MB, piece: int = 1000) -> bytes:
    bounded = BoundedBody(encoding, max_bytes)
    for at in range(0, len(body), piece):
        bounded.add(body[at : at + piece])
    return bounded.value()


@given(st.binary(max_size=5000), st.integers(1, 700))
def test_bodies_come_back_whole(body: bytes, piece: int) -> None:
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    assert collect("", body, piece=piece) == body
    assert collect("gzip", gzip.compress(body), piece=max(piece, 2)) == body
    assert collect("deflate", zlib.compress(body), piece=piece) == body
    if body and (raw.compress(body) + raw.flush())[:1] != b"\x78":
        raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        assert collect("deflate", raw.compress(body) + raw.flush(), piece=piece) == body


def test_a_bomb_is_cut_by_size_and_by_ratio() -> None:
    bomb = gzip.compress(bytes(200 * MB))
    with pytest.raises(FetchFailed, match="larger than 10 MB"):
        collect("gzip", bomb)
    small = gzip.compress(bytes(3 * MB))
    assert len(small) * MAX_RATIO < 3 * MB
    with pytest.raises(FetchFailed):
        collect("gzip", small)


def test_a_body_that_only_pretends_to_be_gzip_is_taken_as_it_is() -> None:
    assert collect("gzip", b"<html>x</html>") == b"<html>x</html>"


def test_a_broken_or_unknown_compression_fails() -> None:
    with pytest.raises(FetchFailed):
        collect("gzip", gzip.compress(b"x" * 5000)[:20] + b"\xff" * 50)
    with pytest.raises(FetchFailed, match="br"):
        BoundedBody("br", MB)


def test_gzipped_sitemaps() -> None:
    assert gunzip(gzip.compress(b"<urlset/>"), MB) == b"<urlset/>"
    assert gunzip(b"<urlset/>", MB) == b"<urlset/>"
    with pytest.raises(FetchFailed):
        gunzip(gzip.compress(bytes(30 * MB)), MB)
