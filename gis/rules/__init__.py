"""The catalogue of rules: importing this package declares all of them."""

from gis.rules import admin, area, attribute, coverage, crs, polygon, reading, ring
from gis.rules.registry import DETAIL_KEYS, RULES, Rule, message

__all__ = [
    "DETAIL_KEYS",
    "RULES",
    "Rule",
    "admin",
    "area",
    "attribute",
    "coverage",
    "crs",
    "message",
    "polygon",
    "reading",
    "ring",
]
