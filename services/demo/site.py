"""The demo's news sites on free loopback ports, and the source files that make the crawler know them."""

from __future__ import annotations

import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import get_args
from urllib.parse import urlsplit

from services.demo import pages
from services.demo.stories import SiteKey, Story, stories

ADDRESS = "127.0.0.1"
_HTML = "text/html; charset=utf-8"
_SOURCES: dict[SiteKey, str] = {
    "tin": """tier = "local"
allow = ['-\\d+\\.html$']

[[discover]]
feed = "/rss.xml"

[[discover]]
sitemap = "/robots.txt"
""",
    "cong": """tier = "office"
profile = "portal"

[[discover]]
list = "/"
""",
    "dien-dan": """tier = "social"
profile = "xenforo"

[[discover]]
list = "/"
""",
}
_SOURCES["bao"] = _SOURCES["tin"]


class DemoSite:
    """One site on a free port.

    Args:
        key: which of the four.
        told: the stories of all sites.
    """

    def __init__(self, key: SiteKey, told: list[Story]) -> None:
        self.key = key
        self._stories = sorted((story for story in told if story.site == key), key=lambda s: s.published, reverse=True)
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind, body = site.answer(self.path)
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer((ADDRESS, 0), Handler)
        self._server.daemon_threads = True
        self.base = f"http://{ADDRESS}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def host(self) -> str:
        """host:port, as the setting `crawler.allow_private_hosts` wants it."""
        return urlsplit(self.base).netloc

    def answer(self, path: str) -> tuple[str, bytes]:
        """Content type and body of a path; an empty body is no page."""
        page = next((story for story in self._stories if pages.address(story) == path), None)
        if page is not None:
            return _HTML, pages.article(self.base, page).encode()
        made = {
            "/": (_HTML, pages.index(self.key, self._stories)),
            "/robots.txt": ("text/plain; charset=utf-8", pages.robots(self.base)),
            "/rss.xml": ("application/rss+xml", pages.feed(self.base, self.key, self._stories)),
            "/sitemap.xml": ("application/xml", pages.sitemap(self.base, self._stories)),
        }.get(urlsplit(path).path)
        return (made[0], made[1].encode()) if made else ("text/plain", b"")

    def source(self) -> str:
        """The file that declares it as a source."""
        return (
            f'title = "{pages.TITLES[self.key]}"\nhome = "{self.base}/"\n'
            'licence = "A site of the demo on this machine; all of its texts are invented."\n'
            f'areas = ["areas/2025-48"]\n{_SOURCES[self.key]}'
        )

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class DemoWeb:
    """All sites of the demo; leaving the block stops them.

    Args:
        now: the moment that the stories' ages are counted from.
    """

    def __init__(self, now: datetime) -> None:
        self.stories = stories(now)
        self.sites = [DemoSite(key, self.stories) for key in get_args(SiteKey)]

    @property
    def documents(self) -> int:
        """Texts that a crawl should find: stories and replies."""
        return sum(1 + len(story.replies) for story in self.stories)

    def write_sources(self, folder: Path) -> None:
        """Write one source file a site."""
        folder.mkdir(parents=True, exist_ok=True)
        for site in self.sites:
            (folder / f"demo-{site.key}.toml").write_text(site.source(), encoding="utf-8")

    def __enter__(self) -> DemoWeb:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for site in self.sites:
            site.close()
