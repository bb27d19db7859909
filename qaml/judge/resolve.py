"""Resolves a cell of a claim into the values that the estimator averages, with its budgets and aggregates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from qaml.budgets import is_within, place_on_grid
from qaml.claims.base import Cell
from qaml.errors import RunError
from qaml.judge.source import Source
from qaml.metrics.accuracy import Threat
from qaml.metrics.contributions import Contributions
from qaml.metrics.crossing import FallingShare, common_grid
from qaml.metrics.evidence import Attacked, Clean
from qaml.metrics.sampling import Inspections

Resolved = Contributions | FallingShare | tuple[float, ...]
"""Contributions of images, a crossing of a curve, or one number a seed."""


class Resolver:
    """Reads a source's evidence, each piece once.

    Args:
        source: evidence of one claim.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._clean: dict[str, Clean] = {}
        self._attacked: dict[tuple[str, str], Attacked] = {}
        self._resolved: dict[Cell, Resolved] = {}

    def clean(self, model: str) -> Clean:
        """The model's answers to clean images."""
        if model not in self._clean:
            self._clean[model] = self.source.clean(model)
        return self._clean[model]

    def attacked(self, model: str, attack: str) -> Attacked:
        """The model's answers to an attack's adversarials."""
        if (model, attack) not in self._attacked:
            self._attacked[model, attack] = self.source.attacked(model, attack)
        return self._attacked[model, attack]

    def attacks(self, cell: Cell) -> list[Attacked]:
        """The evidence of all of the cell's attacks, in order."""
        return [self.attacked(cell.model, name) for name in cell.attack]

    def grid(self, cell: Cell) -> tuple[float, ...]:
        """The budgets that all of the cell's attacks have.

        Raises:
            RunError: the attacks have no budget in common.
        """
        grid = common_grid(self.attacks(cell)) if cell.attack else ()
        if not grid:
            raise RunError(f"{cell.label}: its attacks have no budget in common")
        return grid

    def budgets(self, cell: Cell) -> tuple[float, ...]:
        """The budget of each of the cell's attacks: the one that the cell names, the largest shared, or its largest.

        Raises:
            RunError: an attack was not run at the named budget.
        """
        attacks = self.attacks(cell)
        if isinstance(cell.epsilon, float):
            for name, attacked in zip(cell.attack, attacks, strict=True):
                if place_on_grid(attacked.epsilons, cell.epsilon) is None and (
                    attacked.norms is None or not is_within(cell.epsilon, attacked.epsilons[-1])
                ):
                    grid = ", ".join(f"{e:g}" for e in attacked.epsilons)
                    raise RunError(f"{cell.label}: attack {name!r} was not run at this budget", f"its grid: {grid}")
            return (cell.epsilon,) * len(attacks)
        shared = common_grid(attacks) if attacks else ()
        return tuple(shared[-1] if shared else attacked.epsilons[-1] for attacked in attacks)

    def radius(self, cell: Cell) -> float:
        """The epsilon of a certified cell, which need not be on a grid, as exact distances hold at every epsilon.

        Raises:
            RunError: the cell names no epsilon, and its attack has no grid.
        """
        epsilon = cell.epsilon if isinstance(cell.epsilon, float) else self.budgets(cell)[0]
        if not math.isfinite(epsilon):
            raise RunError(f"{cell.label}: no radius to certify", "add an 'epsilon'")
        return epsilon

    def resolve(self, cell: Cell) -> Resolved:
        """The values of the cell's metric.

        Raises:
            RunError: the evidence lacks something that the cell needs.
        """
        if cell not in self._resolved:
            try:
                self._resolved[cell] = self._aggregate(cell) if cell.aggregate else self._measure(cell)
            except ValueError as error:
                raise RunError(f"{cell.label}: {error}") from error
        return self._resolved[cell]

    def _aggregate(self, cell: Cell) -> Resolved:
        """The values at the budget with the smallest or the largest point estimate."""
        points = []
        for epsilon in self.grid(cell):
            found = self.resolve(cell.model_copy(update={"epsilon": epsilon, "aggregate": None}))
            if not isinstance(found, Contributions):
                raise ValueError(f"{cell.metric} has no aggregate over budgets")
            points.append(found)
        choose = min if cell.aggregate == "min" else max
        return choose(points, key=lambda point: float(point.values.mean()))

    def _measure(self, cell: Cell) -> Resolved:
        if cell.epsilon == "every":
            raise ValueError("every budget is several numbers: an aggregate or one budget is needed here")
        if not cell.attack and cell.definition.attacks in ("one", "several"):
            raise ValueError(f"{cell.metric} needs an attack")
        return cell.definition.measure(CellEvidence(cell, self))


class CellEvidence:
    """Implements ``metrics.base.Evidence`` for one cell; evidence that the metric does not use is not read."""

    def __init__(self, cell: Cell, resolver: Resolver) -> None:
        self._cell = cell
        self._resolver = resolver
        self.quantile = cell.quantile
        self.level = cell.level

    @property
    def clean(self) -> Clean:
        """The model's answers to clean images."""
        return self._resolver.clean(self._cell.model)

    @property
    def attacks(self) -> list[Attacked]:
        """The model's answers under each attack."""
        return self._resolver.attacks(self._cell)

    @property
    def threats(self) -> list[Threat]:
        """Each attack with its budget."""
        budgets = self._resolver.budgets(self._cell)
        return [Threat(attacked, epsilon) for attacked, epsilon in zip(self.attacks, budgets, strict=True)]

    @property
    def attacked(self) -> Attacked:
        """The model's answers under the only attack."""
        return self.attacks[0]

    @property
    def seen(self) -> Clean | Attacked:
        """The model's answers under the only attack, or to clean images if there is none."""
        return self.attacked if self._cell.attack else self.clean

    @property
    def epsilon(self) -> float | None:
        """The first attack's budget."""
        return self._resolver.budgets(self._cell)[0] if self._cell.attack else None

    @property
    def radius(self) -> float:
        """The cell's epsilon, on a grid or not."""
        return self._resolver.radius(self._cell)

    @property
    def history(self) -> Sequence[Mapping[str, Sequence[float]]]:
        """Training curves, one mapping a seed."""
        return self._resolver.source.history(self._cell.model)

    @property
    def inspections(self) -> Inspections:
        """The results of inspecting the model's samples, one mapping a seed."""
        return self._resolver.source.inspections(self._cell.model)
