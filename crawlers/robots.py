"""robots.txt: parser and matcher of RFC 9309, over bytes as the site sends them.

Of the habits of one search engine that the standard does not name, a product token up to the first space is accepted
(`User-agent: Foo Bar` means `Foo`); a missing colon and `index.html` as another word for `/` are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from crawlers.canonical import recode

MAX_BYTES = 512_000
"""Bytes of a robots.txt that are read; RFC 9309 asks for 500 KiB at least."""

_TOKEN = re.compile(r"[A-Za-z_-]+")


@dataclass(frozen=True)
class Verdict:
    """Whether a URL may be fetched, and the rule that decided, as it is kept with every article.

    `whole_host` is true where nothing of the host may be fetched.
    """

    allowed: bool
    rule: str
    whole_host: bool = False


@dataclass(frozen=True)
class Rule:
    """One allow or disallow line, its pattern percent-encoded."""

    allow: bool
    pattern: str

    def matches(self, path: str) -> bool:
        """Whether the rule speaks of a path; needless escapes (``%62`` for ``b``) hide nothing from a disallow line."""
        return _match(self.pattern, recode(path, decode=False)) or (
            not self.allow and _match(recode(self.pattern), recode(path))
        )

    def __str__(self) -> str:
        return f"{'allow' if self.allow else 'disallow'}: {self.pattern}"


@dataclass
class Group:
    """The rules for some product tokens, which are kept in lower case."""

    tokens: set[str] = field(default_factory=set)
    rules: list[Rule] = field(default_factory=list)
    crawl_delay_s: float | None = None


@dataclass(frozen=True)
class Robots:
    """A parsed robots.txt.

    Args:
        groups: groups in the order of the file.
        sitemaps: addresses of its Sitemap lines.
    """

    groups: Sequence[Group] = ()
    sitemaps: Sequence[str] = ()

    @classmethod
    def parse(cls, body: bytes) -> Robots:
        """Read a robots.txt; lines that are none are skipped, so nothing is ever raised."""
        groups: list[Group] = []
        sitemaps: list[str] = []
        naming = False
        for key, value in _lines(body[:MAX_BYTES]):
            if key == "user-agent":
                if not naming:
                    groups.append(Group())
                naming = True
                groups[-1].tokens.add(_token(value))
                continue
            if key == "sitemap":
                sitemaps.append(value)
                continue
            if not groups or key not in ("allow", "disallow", "crawl-delay"):
                continue
            naming = False
            if key == "crawl-delay":
                groups[-1].crawl_delay_s = _seconds(value)
            elif value:
                groups[-1].rules.append(Rule(key == "allow", recode(value, decode=False)))
        return cls(groups, sitemaps)

    def verdict(self, agent: str, url: str) -> Verdict:
        """Whether `agent` may fetch `url`: the longest pattern wins, allow wins between equal ones.

        Args:
            agent: product token of the crawler.
            url: absolute URL.
        """
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if path == "/robots.txt":
            return Verdict(True, "allow: /robots.txt is always allowed")
        matching = (rule for group in self._groups(agent) for rule in group.rules if rule.matches(path))
        best = max(matching, key=lambda rule: (len(rule.pattern), rule.allow), default=None)
        return Verdict(True, "allow: no rule matches") if best is None else Verdict(best.allow, str(best))

    def crawl_delay_s(self, agent: str) -> float | None:
        """The longest Crawl-delay that is asked of `agent`, in seconds."""
        delays = [group.crawl_delay_s for group in self._groups(agent) if group.crawl_delay_s is not None]
        return max(delays, default=None)

    def _groups(self, agent: str) -> list[Group]:
        """All groups that name the agent, else all that name everybody."""
        return [g for g in self.groups if agent.lower() in g.tokens] or [g for g in self.groups if "*" in g.tokens]


def _lines(body: bytes) -> Iterator[tuple[str, str]]:
    """Key in lower case and value of every line that has a colon; comments are cut off."""
    text = re.sub(rb"^\xef?\xbb?\xbf?", b"", body).decode("utf-8", "surrogateescape")
    for line in re.split(r"[\r\n]+", text):
        key, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield key.strip().lower(), value.strip()


def _token(value: str) -> str:
    """The product token of a User-agent line, in lower case; ``*`` stands for everybody."""
    if value.startswith("*"):
        return "*"
    match = _TOKEN.match(value)
    return match[0].lower() if match else ""


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _match(pattern: str, path: str) -> bool:
    """Whether a pattern with ``*`` (anything) and a final ``$`` (end) matches the start of a path; linear in both."""
    anchored = pattern.endswith("$")
    first, *middle = (pattern[:-1] if anchored else pattern).split("*")
    if not path.startswith(first):
        return False
    if not middle:
        return not anchored or len(path) == len(first)
    at = len(first)
    for part in middle[:-1]:
        found = path.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    last = middle[-1]
    return path.endswith(last) and len(path) - len(last) >= at if anchored else path.find(last, at) >= 0
