"""The dashboards of the product, one module each."""

from __future__ import annotations

from services.kibana.boards.alerts import ALERTS
from services.kibana.boards.land import LAND
from services.kibana.boards.overview import OVERVIEW
from services.kibana.boards.places import PLACES
from services.kibana.boards.sentiment import SENTIMENT
from services.kibana.boards.sources import SOURCES

DASHBOARDS = (OVERVIEW, SENTIMENT, PLACES, SOURCES, ALERTS, LAND)
"""All of them, in the order in which people meet them."""
