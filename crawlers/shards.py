"""Several crawlers share the hosts: each host belongs to one of them, so that nobody asks it twice as often.

Sources that share a host belong together. The share of a host is a hash of its name: it needs no agreement, and adding
a source moves no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

from crawlers.canonical import site
from crawlers.catalogue import SourceSpec
from services.core.sections.work import CrawlerSettings

MOST_PASSES = 20
"""A command that was passed on this many times for each crawler belongs to nobody: chance missed its owner for e⁻²⁰."""


class Shard:
    """The part of one crawler.

    Args:
        settings: which of how many.
    """

    def __init__(self, settings: CrawlerSettings) -> None:
        self.index = settings.shard
        self.count = settings.shards

    def mine(self, sources: Iterable[SourceSpec]) -> list[SourceSpec]:
        """The sources of this crawler."""
        known = list(sources)
        return [spec for spec in known if self.has(spec.home, known)]

    def has(self, url: str, sources: Collection[SourceSpec] = ()) -> bool:
        """Does this crawler visit the host of an address?

        Args:
            url: a valid address.
            sources: all sources that are known here; those that share hosts stay together.
        """
        return self.count == 1 or _share(_together(site(url), sources), self.count) == self.index


def _together(host: str, sources: Collection[SourceSpec]) -> str:
    """The first name of all hosts that are bound to a host by sources."""
    bound, grown = {host}, True
    while grown:
        further = {name for spec in sources if spec.all_hosts & bound for name in spec.all_hosts} - bound
        grown = bool(further)
        bound |= further
    return min(bound)


def _share(host: str, count: int) -> int:
    return int.from_bytes(hashlib.blake2b(host.encode(), digest_size=8).digest()) % count
