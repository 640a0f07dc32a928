"""The parts of the product that can run as processes of their own, and which services and workers each of them has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.core.ports import SUBJECTS
from services.core.sections.doors import PeersSettings

SERVICES: Mapping[str, tuple[str, ...]] = {
    "area": ("ngoclinh.area.v1.AreaService",),
    "media": ("ngoclinh.media.v1.MediaService", "ngoclinh.media.v1.AlertService"),
    "sentiment": ("ngoclinh.sentiment.v1.SentimentService",),
    "land": ("ngoclinh.land.v1.LandService",),
    "imports": ("ngoclinh.land.v1.ImportService",),
    "situation": ("ngoclinh.situation.v1.SituationService",),
    "operations": ("ngoclinh.operations.v1.OperationsService", "ngoclinh.operations.v1.MaintenanceService"),
    "access": ("ngoclinh.access.v1.AccessService",),
}
"""Full names of services by the key of `PeersSettings` that says where they run."""

_CRAWLER = ("source.command", "crawler")
_SITUATION = ("land.validated", "situation")
_EVERY = frozenset((subject, group) for subject, groups in SUBJECTS.items() for group in groups) - {_CRAWLER}


@dataclass(frozen=True)
class Role:
    """What one process does.

    Attributes:
        services: keys of `SERVICES` that it serves.
        workers: (subject, group) that it works for.
        web: it listens for browsers.
        crawl: it runs the crawler.
    """

    services: tuple[str, ...] = ()
    workers: frozenset[tuple[str, str]] = frozenset()
    web: bool = False
    crawl: bool = False

    @property
    def names(self) -> frozenset[str]:
        """Full names of its services."""
        return frozenset(name for key in self.services for name in SERVICES[key])


ALL = Role(tuple(SERVICES), _EVERY, web=True, crawl=True)
"""Everything in one process."""

ROLES: Mapping[str, Role] = {
    "gateway": Role(("area", "situation", "operations", "access"), frozenset({_SITUATION}), web=True),
    "media": Role(("media",)),
    "sentiment": Role(("sentiment",)),
    "land": Role(("land",)),
    "imports": Role(("imports",)),
    "worker": Role(workers=_EVERY - {_SITUATION}),
    "crawler": Role(crawl=True),
}
"""By the name that `ngoclinh serve` takes: together they do what `ALL` does."""

ONLY: Mapping[str, Role] = {
    "land": Role(tuple(SERVICES), _EVERY, web=True),
    "media": Role(
        tuple(key for key in SERVICES if key not in ("land", "imports")), _EVERY - {_SITUATION}, web=True, crawl=True
    ),
}
"""What a server does of `ALL`, by the name that `ngoclinh up --only` takes, for offices that keep land data off the Internet.

`media` crawls and knows no parcels. `land` never crawls; articles come to it by `ngoclinh articles import`."""


def addresses(peers: PeersSettings) -> dict[str, str]:
    """Target by the full name of every service that runs elsewhere."""
    return {name: target for key, names in SERVICES.items() if (target := getattr(peers, key)) for name in names}
