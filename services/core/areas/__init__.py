"""Administrative units: the registers of two editions, and places in texts.

The one join between news and land. Every lookup of a code takes a day.
"""

from services.core.areas.register import Register, Unit, register

__all__ = ["Register", "Unit", "register"]
