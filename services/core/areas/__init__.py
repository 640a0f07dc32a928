"""Administrative units: the registers of two editions, and places in texts.

The one join between news and land. Every lookup of a code takes a day.
"""

from services.core.areas.finder import Match, search
from services.core.areas.mentions import Mention, mentions
from services.core.areas.register import Register, Unit, register
from services.core.areas.resolve import Candidate, resolve

__all__ = ["Candidate", "Match", "Mention", "Register", "Unit", "mentions", "register", "resolve", "search"]
