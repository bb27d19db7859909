"""Comparisons with the past: earlier runs in short, and the changes of a baseline's cells."""

from __future__ import annotations

import math

from qaml.outcome.record import Interval, Number, Record, Series
from qaml.vocab import CellStatus, ProfileName, Verdict


class Past(Record):
    """An earlier run, in short."""

    created: str
    """Time of the run, ISO 8601, UTC."""
    profile: ProfileName
    commit: str | None = None
    cells: dict[str, Series]
    """Cells: ``suite/model/attack@budget metric`` → value, low, high."""
    metrics: dict[str, str]
    """Metrics: name of the cell → metric."""
    verdicts: dict[str, Verdict]
    """Verdicts: ``suite::id`` → verdict."""


class CellChange(Record):
    """The change of one cell of a baseline."""

    cell: str
    """Name of the cell: ``suite/model/attack@budget`` or ``suite/model/clean``."""
    status: CellStatus
    before: Number | None
    """Accuracy in the baseline; null for a new cell."""
    after: Number | None
    """Accuracy now; null for one that no claim measures any more."""
    drop: Interval | None = None
    """Accuracy before − accuracy after, where it could be tested."""
    tolerance: Number = 0.0
    """A drop that does not count."""
    detectable: Number | None = None
    """The smallest drop that would have been noticed with a chance of 95 %."""
    why: str = ""
    """Obstacle to a judgement, or the way in which it was confirmed."""
    file: str = ""
    """Spec of the first claim that measures the cell, relative to where the run was started."""
    line: int = 0
    """Line of that claim in the spec."""


class Regression(Record):
    """A run against a baseline."""

    created: str = ""
    """Time of the baseline, ISO 8601, UTC."""
    commit: str | None = None
    level: Number = math.nan
    """Chance of any false alarm among all cells."""
    changes: tuple[CellChange, ...] = ()
    """Changes of the cells, the worst first."""
    failure: str = ""
    """Reason why nothing could be judged; empty otherwise."""

    @property
    def is_worse(self) -> bool:
        """Whether any cell is worse, or may be, because nothing could be judged."""
        return bool(self.failure) or any(change.status == "worse" for change in self.changes)
