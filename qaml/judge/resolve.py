"""From a cell of a claim to what the estimator averages: evidence fetched once, budgets and aggregates chosen."""

from __future__ import annotations

import math

from qaml.claims.base import Cell
from qaml.errors import RunError
from qaml.judge.samplings import gradient_angles, inspections_of, sampling_errors
from qaml.judge.source import Source
from qaml.metrics.accuracy import (
    Threat,
    accuracy_under_attack,
    attack_success_rate,
    certified_accuracy,
    clean_accuracy,
    column,
    is_within,
    retained,
    robust_accuracy,
)
from qaml.metrics.contributions import Contributions
from qaml.metrics.crossing import FallingShare, common_grid, epsilon_at, norm_quantile, shots_quantile
from qaml.metrics.evidence import Attacked, Clean
from qaml.metrics.loss import flip_probability, training_loss
from qaml.metrics.perturbation import fidelity, low_frequency, noise_reach

Resolved = Contributions | FallingShare | tuple[float, ...]
"""Contributions, a crossing, or one number a seed."""

_OF_CURVES = {"training_loss": training_loss, "flip_probability": flip_probability}
_OF_SAMPLES = {"sampling_error": sampling_errors, "gradient_angle": gradient_angles}


class Resolver:
    """Reads a source's evidence, each piece once.

    Args:
        source: of one claim.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._clean: dict[str, Clean] = {}
        self._attacked: dict[tuple[str, str], Attacked] = {}
        self._resolved: dict[Cell, Resolved] = {}

    def clean(self, model: str) -> Clean:
        """The model on clean images."""
        if model not in self._clean:
            self._clean[model] = self.source.clean(model)
        return self._clean[model]

    def attacked(self, model: str, attack: str) -> Attacked:
        """The model on an attack's adversarials."""
        if (model, attack) not in self._attacked:
            self._attacked[model, attack] = self.source.attacked(model, attack)
        return self._attacked[model, attack]

    def attacks(self, cell: Cell) -> list[Attacked]:
        """The evidence of all of the cell's attacks, in order."""
        return [self.attacked(cell.model, name) for name in cell.attack]

    def grid(self, cell: Cell) -> tuple[float, ...]:
        """The budgets that all of the cell's attacks have.

        Raises:
            RunError: they have none in common.
        """
        grid = common_grid(self.attacks(cell)) if cell.attack else ()
        if not grid:
            raise RunError(f"{cell.label}: its attacks have no budget in common")
        return grid

    def budgets(self, cell: Cell) -> tuple[float, ...]:
        """One budget for each of the cell's attacks: the one it names, else the largest in common, else its largest.

        Raises:
            RunError: an attack was not run at the budget named.
        """
        attacks = self.attacks(cell)
        if isinstance(cell.epsilon, float):
            for name, attacked in zip(cell.attack, attacks, strict=True):
                if column(attacked.epsilons, cell.epsilon) is None and (
                    attacked.norms is None or not is_within(cell.epsilon, attacked.epsilons[-1])
                ):
                    grid = ", ".join(f"{e:g}" for e in attacked.epsilons)
                    raise RunError(f"{cell.label}: attack {name!r} was not run at this budget", f"its grid: {grid}")
            return (cell.epsilon,) * len(attacks)
        shared = common_grid(attacks) if attacks else ()
        return tuple(shared[-1] if shared else attacked.epsilons[-1] for attacked in attacks)

    def radius(self, cell: Cell) -> float:
        """The epsilon of a certified cell: exact distances are known at every one, on a grid or not.

        Raises:
            RunError: the cell names no epsilon, and its attack has no grid.
        """
        epsilon = cell.epsilon if isinstance(cell.epsilon, float) else self.budgets(cell)[0]
        if not math.isfinite(epsilon):
            raise RunError(f"{cell.label}: no radius to certify", "add an 'epsilon'")
        return epsilon

    def resolve(self, cell: Cell) -> Resolved:
        """What the cell's metric is computed from.

        Raises:
            RunError: the evidence does not hold what the cell asks for.
        """
        if cell not in self._resolved:
            try:
                self._resolved[cell] = self._aggregate(cell) if cell.aggregate else self._measure(cell)
            except ValueError as error:
                raise RunError(f"{cell.label}: {error}") from error
        return self._resolved[cell]

    def _aggregate(self, cell: Cell) -> Resolved:
        """The budget with the smallest or largest value, chosen on the point estimates."""
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
        if (of_curves := _OF_CURVES.get(cell.metric or "")) is not None:
            return of_curves(self.source.history(cell.model))
        if (of_samples := _OF_SAMPLES.get(cell.metric or "")) is not None:
            return of_samples(inspections_of(self.source, cell.model))
        clean = self.clean(cell.model)
        if cell.metric == "clean_accuracy":
            return clean_accuracy(clean)
        if not cell.attack:
            return self._unattacked(cell, clean)
        attacks = self.attacks(cell)
        if cell.metric == "norm_quantile":
            return norm_quantile(clean, attacks, cell.quantile)
        if cell.metric == "epsilon_at":
            return epsilon_at(clean, attacks, cell.level)
        if cell.metric == "certified_accuracy":
            return certified_accuracy(clean, attacks[0], self.radius(cell))
        if cell.metric == "shots_needed":
            return shots_quantile(attacks[0], cell.quantile, self.budgets(cell)[0])
        return self._share(cell, clean, attacks)

    def _unattacked(self, cell: Cell, clean: Clean) -> Resolved:
        if cell.metric == "shots_needed":
            return shots_quantile(clean, cell.quantile)
        if cell.metric == "noise_reach":
            return noise_reach(clean)
        raise ValueError(f"{cell.metric} needs an attack")

    def _share(self, cell: Cell, clean: Clean, attacks: list[Attacked]) -> Contributions:
        budgets = self.budgets(cell)
        threats = [Threat(attacked, epsilon) for attacked, epsilon in zip(attacks, budgets, strict=True)]
        if cell.metric == "robust_accuracy":
            return robust_accuracy(clean, threats)
        if cell.metric == "retained":
            return retained(clean, threats)
        if cell.metric == "accuracy_under_attack":
            return accuracy_under_attack(attacks[0], budgets[0], clean)
        if cell.metric == "attack_success_rate":
            return attack_success_rate(clean, attacks[0], budgets[0])
        if cell.metric == "low_frequency_share":
            return low_frequency(attacks[0], budgets[0])
        if cell.metric == "fidelity":
            return fidelity(attacks[0], budgets[0])
        if cell.metric == "noise_reach":
            return noise_reach(attacks[0], budgets[0])
        raise ValueError(f"metric {cell.metric!r} cannot be measured yet")
