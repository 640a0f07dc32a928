"""A few small invented news sites on loopback ports, which count what they are asked for."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PLACES = ("xã Trà Leng", "xã Trà Vân", "xã Trà Linh", "xã Trà Tập", "xã Nam Trà My")
WORDS = tuple("đường nước trường rẫy sâm quế mưa cầu chợ bản làng điện thôn nóc suối rừng".split())  # noqa: SIM905


class Site:
    """One site: a feed and articles of different texts.

    Args:
        number: tells its texts from those of other sites.
        articles: how many it has.
        delay_s: seconds before an article is answered.
    """

    def __init__(self, number: int, articles: int, delay_s: float = 0.0) -> None:
        self.number = number
        self.articles = articles
        self.requests: Counter[str] = Counter()
        self.times: list[float] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests[self.path] += 1
                site.times.append(time.monotonic())
                kind, body = site.answer(self.path)
                if self.path.startswith("/tin"):
                    time.sleep(delay_s)
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # who asked may be dead
                    self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def home(self) -> str:
        """Address of the site."""
        return f"http://127.0.0.1:{self.port}/"

    def answer(self, path: str) -> tuple[str, bytes]:
        """Content type and body of a path; an empty body is no page."""
        if path == "/robots.txt":
            return "text/plain", b"User-agent: *\nAllow: /\n"
        if path == "/rss.xml":
            items = "".join(
                f"<item><title>{self.title(i)}</title><link>{self.home}tin-{i}.html</link></item>"
                for i in range(self.articles)
            )
            return (
                "application/rss+xml",
                f'<rss version="2.0"><channel><title>x</title>{items}</channel></rss>'.encode(),
            )
        if path.startswith("/tin-"):
            return "text/html; charset=utf-8", self.page(int(path[5:-5])).encode()
        return "text/plain", b""

    def title(self, index: int) -> str:
        """Headline of an article."""
        return f"Chuyện số {index} của trang {self.number} ở {PLACES[index % len(PLACES)]}"

    def page(self, index: int) -> str:
        """An article with a text of its own."""
        seed = self.number * 100 + index

        def sentence(number: int) -> str:
            words = " ".join(WORDS[(seed * 7 + number * 13 + step * (seed % 5 + 1)) % len(WORDS)] for step in range(12))
            return f"Ngày thứ {seed + number}, {PLACES[index % len(PLACES)]}: {words} {seed}-{number}."

        paragraphs = "".join(f"<p>{sentence(number)} {sentence(number + 50)}</p>" for number in range(8))
        return (
            f'<html lang="vi"><head><title>{self.title(index)}</title></head><body><article><h1>{self.title(index)}</h1>'
            f'<time datetime="2026-11-2{index % 5}T08:00:00+07:00"></time>{paragraphs}</article></body></html>'
        )

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


def settings_for(sites: list[Site], folder: Path) -> Path:
    """A settings file that crawls these sites and takes free ports."""
    sources = folder / "sources"
    sources.mkdir()
    for site in sites:
        (sources / f"mini{site.number}.toml").write_text(
            f'id = "mini{site.number}"\ntitle = "Mini {site.number}"\nhome = "{site.home}"\ntier = "local"\n'
            'licence = "Invented for tests; robots.txt allows everything."\n[[discover]]\nfeed = "/rss.xml"\n'
        )
    hosts = ", ".join(f'"127.0.0.1:{site.port}"' for site in sites)
    file = folder / "ngoclinh.toml"
    file.write_text(
        f'data_dir = "{folder / "data"}"\nlog_level = "info"\n[gateway]\nport = 0\n[grpc]\nport = 0\n[crawler]\nbundled_sources = false\n'
        f'sources_dir = "{sources}"\ndelay_s = 2\nallow_private_hosts = [{hosts}]\nenabled = {str(bool(sites)).lower()}\n'
    )
    return file
