"""An estimator whose cells a test sets by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from scipy import stats

from qaml.claims.base import CLAIMS, Cell, ClaimPart, Estimate, ReportedTable, Term


class Known(NamedTuple):
    """A model's true value, and the standard error of measuring it."""

    value: float
    error: float = 0.01
    may_be_lower: bool = False
    is_void: bool = False


@dataclass
class KnownEstimator:
    """Normal intervals around values set by model, or by (model, epsilon)."""

    values: dict[str | tuple[str, float], Known]
    grid: tuple[float, ...] = ()
    parameters: tuple[tuple[float, ...], ...] = ()
    rates: tuple[Known, Known] = (Known(0.0), Known(0.0))
    tables: dict[str, ReportedTable] = field(default_factory=dict)
    judges_tables: bool = True
    n_seeds: int = 3
    open_settings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    enough: int | None = None
    n_differing: int | None = None

    def contrast(self, terms: Sequence[Term], *, against: Sequence[float] = (0.0,), level: float = 0.95) -> Estimate:
        known = [(self._known(cell), weight) for cell, weight in terms]
        value = sum(k.value * w for k, w in known)
        error = math.hypot(*(k.error * w for k, w in known))
        half = error * float(stats.norm.ppf((1 + level) / 2))
        return Estimate(
            value,
            value - half,
            value + half,
            n_seeds=self.n_seeds,
            n_images=1000,
            p_value=2 * float(stats.norm.sf(min(abs(value - limit) for limit in against) / error)),
            may_be_lower=any(k.may_be_lower and w > 0 for k, w in known),
            may_be_higher=any(k.may_be_lower and w < 0 for k, w in known),
            is_void=any(k.is_void for k, _ in known),
            level=level,
            n_differing=self.n_differing,
        )

    def _known(self, cell: Cell) -> Known:
        if isinstance(cell.epsilon, float) and (cell.model, cell.epsilon) in self.values:
            return self.values[cell.model, cell.epsilon]
        return self.values[cell.model]

    def epsilons(self, cell: Cell) -> tuple[float, ...]:
        assert cell.epsilon == "every"
        return self.grid

    def parameter(self, model: str, name: str) -> tuple[tuple[float, ...], ...]:
        assert (model, name) == ("rbm", "bias")
        return self.parameters

    def over_seeds(self, values: Sequence[float], *, against: Sequence[float] = (0.0,)) -> Estimate:  # noqa: ARG002
        mean = sum(values) / len(values)
        if len(values) < 2:
            return Estimate(mean, -math.inf, math.inf)
        low, high = stats.t.interval(0.95, len(values) - 1, mean, stats.sem(values) or 1e-12)
        return Estimate(mean, float(low), float(high), tuple(values), len(values))

    def predict(self, cell: Cell, table: ReportedTable, level: float = 0.95) -> Estimate:
        assert cell.model in table.columns
        return self.contrast((Term(cell, 1.0),), level=level)

    def runs_needed(self, cell: Cell, table: ReportedTable, half_width: float) -> int | None:  # noqa: ARG002
        return self.enough

    def left_open(self, attack: str) -> tuple[str, ...]:
        return self.open_settings.get(attack, ())

    def detection(self, detector: str) -> tuple[Estimate, Estimate]:
        assert detector == "disagreement"
        known = KnownEstimator({"tpr": self.rates[0], "fpr": self.rates[1]})
        tpr, fpr = (known.contrast((Term(Cell(model=name), 1.0),)) for name in ("tpr", "fpr"))
        return tpr, fpr

    def reported(self, table: str) -> ReportedTable:
        return self.tables[table]


def make(kind: str, /, **fields: object) -> ClaimPart:
    """A claim part as a spec would make it."""
    return CLAIMS.base_class.model_validate({"kind": kind, **fields})
