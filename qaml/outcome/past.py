"""What came before a run: earlier runs in short, and what became of the cells of a baseline."""

from __future__ import annotations

import math

from qaml.outcome.record import Interval, Number, Record, Series
from qaml.vocab import CellStatus, ProfileName, Verdict


class Past(Record):
    """An earlier run, in short."""

    created: str
    """ISO 8601, UTC."""
    profile: ProfileName
    commit: str | None = None
    cells: dict[str, Series]
    """``suite/model/attack@budget metric`` → value, low, high."""
    metrics: dict[str, str]
    """The same → metric."""
    verdicts: dict[str, Verdict]
    """``suite::id`` → verdict."""


class CellChange(Record):
    """What became of one cell of a baseline."""

    cell: str
    """``suite/model/attack@budget`` or ``suite/model/clean``."""
    status: CellStatus
    before: Number | None
    """Accuracy in the baseline; null for a new cell."""
    after: Number | None
    """Accuracy now; null for one that no claim measures any more."""
    drop: Interval | None = None
    """Before − after, where it could be tested."""
    tolerance: Number = 0.0
    """A drop that does not count."""
    detectable: Number | None = None
    """The smallest drop that would have been noticed with a chance of 95 %."""
    why: str = ""
    """What stands in the way, or how it was confirmed."""
    file: str = ""
    """Spec of the first claim that measures the cell, relative to where the run was started."""
    line: int = 0
    """In it."""


class Regression(Record):
    """A run against a baseline."""

    created: str = ""
    """Of the baseline, ISO 8601, UTC."""
    commit: str | None = None
    level: Number = math.nan
    """Chance of any false alarm among all cells."""
    changes: tuple[CellChange, ...] = ()
    """The worst first."""
    failure: str = ""
    """Why nothing could be judged."""

    @property
    def is_worse(self) -> bool:
        """Whether any cell is, or may be, because nothing could be judged."""
        return bool(self.failure) or any(change.status == "worse" for change in self.changes)
