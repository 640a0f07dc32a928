"""What a process is made of: the servicers of its role, and the handlers of the events that it works for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc.aio

from crawlers import catalogue
from services.access.servicer import AccessServicer
from services.adapters.embedded.files import Files
from services.area.servicer import AreaServicer
from services.core.clock import Clock
from services.core.config import Settings
from services.core.names import EDITIONS, area_name, source_name
from services.core.observation import Observations
from services.core.ports import Classifier
from services.core.worker import Handle, Together
from services.land.import_servicer import ImportServicer
from services.land.servicer import LandServicer
from services.maintenance.servicer import MaintenanceServicer, Program
from services.media.alert_servicer import AlertServicer
from services.media.alerting import Alerter, Notifier
from services.media.analyze import Analyzer
from services.media.evidence import EvidenceStore
from services.media.servicer import MediaServicer
from services.media.workers import SIDE_BY_SIDE, TOGETHER, Keeper
from services.operations.health import Watched
from services.operations.servicer import OperationsServicer
from services.roles import ALL, Role
from services.sentiment.servicer import SentimentServicer
from services.situation.servicer import SituationServicer
from services.stores import Stores, adapter, open_classifier


def watched(settings: Settings, stores: Stores, seen: Observations) -> Watched:
    """The stores as OperationsService watches them."""
    files = Files(settings.data_dir)
    places = {"bus": files.bus, "ledger": files.ledger, "index": files.index, "parcels": files.parcels}
    embedded = {name: place for name, place in places.items() if adapter(settings, name) == "embedded"}
    return Watched(stores.bus, stores.ledger, stores.index, stores.parcels, settings.data_dir, embedded, seen)


@dataclass
class Services:
    """The servicers of one process; they reach each other over the channel only.

    Attributes:
        by_name: servicer by the full name of its service.
    """

    by_name: Mapping[str, Any]

    @classmethod
    def over(
        cls,
        settings: Settings,
        stores: Stores,
        channel: grpc.aio.Channel,
        clock: Clock,
        seen: Observations,
        role: Role = ALL,
        load: Callable[[], Classifier] | None = None,
        program: Program | None = None,
    ) -> Services:
        """The servicers of a role over some stores.

        `load` gives the classifier, by itself that of the settings; `program` is what they are a part of.
        """
        part_of = program or Program()
        load = load or (lambda: open_classifier(settings))
        evidence = EvidenceStore(settings.data_dir / "evidence")
        uploads = settings.data_dir / "uploads"
        crawling = settings.crawler.enabled
        makers: Mapping[str, Callable[[], Any]] = {
            _AREA: lambda: AreaServicer(settings.watch_areas, clock, stores.ledger),
            _MEDIA: lambda: MediaServicer(stores.bus, stores.ledger, stores.index, evidence, channel, clock),
            _ALERTS: lambda: AlertServicer(stores.ledger, stores.index, channel, settings.alerts.webhook_hosts, clock),
            _SENTIMENT: lambda: SentimentServicer(load(), settings.sentiment, load),
            _LAND: lambda: LandServicer(stores.parcels, settings.land),
            _IMPORTS: lambda: ImportServicer(stores.parcels, stores.bus, uploads, settings.land, clock),
            _SITUATION: lambda: SituationServicer(channel, settings.default_watch_area, settings.situation, clock),
            _OPERATIONS: lambda: OperationsServicer(
                watched(settings, stores, seen), channel, crawling, clock, part_of.outlook
            ),
            _MAINTENANCE: lambda: MaintenanceServicer(settings, part_of, clock),
            _ACCESS: lambda: AccessServicer(stores.ledger, settings.auth, clock),
        }
        return cls({name: make() for name, make in makers.items() if name in role.names})

    @property
    def first_steps(self) -> Mapping[str, Callable[[], Awaitable[object]]]:
        """What some of them do before all else, by name."""
        return {name: self.by_name[name].start for name in (_MEDIA, _IMPORTS) if name in self.by_name}

    async def close(self) -> None:
        """Stop what works in the background."""
        for name in (_IMPORTS, _LAND, _SENTIMENT, _MAINTENANCE):
            if name in self.by_name:
                await self.by_name[name].close()


_AREA, _LAND, _IMPORTS = (
    "ngoclinh.area.v1.AreaService",
    "ngoclinh.land.v1.LandService",
    "ngoclinh.land.v1.ImportService",
)
_MEDIA, _ALERTS = "ngoclinh.media.v1.MediaService", "ngoclinh.media.v1.AlertService"
_SENTIMENT, _SITUATION = "ngoclinh.sentiment.v1.SentimentService", "ngoclinh.situation.v1.SituationService"
_MAINTENANCE = "ngoclinh.operations.v1.MaintenanceService"
_OPERATIONS, _ACCESS = "ngoclinh.operations.v1.OperationsService", "ngoclinh.access.v1.AccessService"


def handlers(
    settings: Settings,
    stores: Stores,
    services: Services,
    channel: grpc.aio.Channel,
    clock: Clock,
    role: Role = ALL,
) -> Mapping[tuple[str, str], Handle | Together]:
    """The handler of every (subject, group) that a role works for."""
    makers: Sequence[tuple[frozenset[str], Callable[[], Mapping[tuple[str, str], Handle | Together]]]] = (
        (frozenset({"ledger", "index"}), lambda: Keeper(stores.ledger, stores.index, clock).handlers),
        (frozenset({"analyze"}), lambda: Analyzer(channel, source_areas(settings), clock).handlers),
        (frozenset({"alerts"}), lambda: Alerter(stores.ledger, stores.index, channel, clock).handlers),
        (frozenset({"notify"}), lambda: Notifier(settings.alerts.webhook_hosts).handlers),
        (frozenset({"situation"}), lambda: services.by_name[_SITUATION].handlers),
    )
    wanted = {group for _, group in role.workers}
    every = {place: handle for groups, make in makers if groups & wanted for place, handle in make().items()}
    return {place: handle for place, handle in every.items() if place in role.workers}


def source_areas(settings: Settings) -> dict[str, list[str]]:
    """By the name of a source, the areas that it writes about; what people paste is about their watch areas."""
    declared = catalogue.declared(settings)
    watched = [area_name(EDITIONS[-1], code) for area in settings.watch_areas.values() for code in area.areas]
    return {source_name(spec.id): spec.areas for spec in declared} | {source_name("manual"): watched}


def at_once(settings: Settings, place: tuple[str, str]) -> int:
    """How many events of a (subject, group) are handled side by side, or together."""
    if place in TOGETHER:
        return settings.media.events_together
    return settings.media.events_at_once if place in SIDE_BY_SIDE else 1
