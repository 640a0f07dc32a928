"""Buses on the NATS server of the tests, each with a prefix of its own."""

from __future__ import annotations

import itertools
import os

from services.adapters.cluster.bus_nats import NatsBus
from services.core.sections.stores import NatsSettings
from tests.engines import Nats

_NUMBERS = itertools.count()


def new_place(server: Nats) -> str:
    """ "address prefix" of an empty bus."""
    return f"{server.url} t{os.getpid()}-{next(_NUMBERS)}"


def settings_of(place: str) -> NatsSettings:
    """The settings of a bus."""
    url, _, prefix = place.partition(" ")
    return NatsSettings(urls=[url], prefix=prefix)


def open_bus(place: str, lease_s: float = 60) -> NatsBus:
    """The bus at a place."""
    return NatsBus(settings_of(place), lease_s)
