"""Simulations that ``make campaign`` draws whole; every other run draws a fixed sample of them, the same each time."""

from __future__ import annotations

import os

WHOLE = bool(os.environ.get("QAML_WHOLE"))
"""Whether simulations are drawn whole."""


def drawn(fixed: int, whole: int) -> int:
    """A number for a fixed sample, or the one for the whole."""
    return whole if WHOLE else fixed
