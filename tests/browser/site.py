"""A press site whose headline tries to be a part of our page."""

from __future__ import annotations

from tests.e2e.mini_site import Site

MARKUP = "<img src=x onerror='window.taken = 1'><b>Đất đai</b> ở xã Trà Leng"


class PressSite(Site):
    """One article with markup in its headline, and one page that acts as another origin."""

    def __init__(self) -> None:
        super().__init__(number=7, articles=1)

    def title(self, index: int) -> str:
        """The headline as a page writes it: the browser of a reader shows the tags as text."""
        return MARKUP.replace("<", "&lt;").replace(">", "&gt;")

    def answer(self, path: str) -> tuple[str, bytes]:
        """Besides the news, an empty page at `/other`."""
        if path == "/other":
            return "text/html", b"<!doctype html><title>other</title>"
        return super().answer(path)
