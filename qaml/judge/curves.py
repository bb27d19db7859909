"""Curves of a claim: accuracy over epsilon for every model and attack, the worst case, and training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from qaml.claims.base import Cell, MetricName, Term
from qaml.judge.estimator import SourceEstimator
from qaml.judge.outcome import Curve, TrainingCurve
from qaml.judge.resolve import Resolver
from qaml.judge.source import Source
from qaml.metrics.crossing import common_grid

WORST_CASE = "worst case"


def epsilon_curves(cells: Sequence[Cell], resolver: Resolver, estimator: SourceEstimator) -> tuple[Curve, ...]:
    """Accuracy over epsilon of every model and attack of the claim with more than one budget.

    Each starts at ε = 0 with clean accuracy. Below them, for each model and norm, robust accuracy: the worst case over
    the claim's attacks on the budgets that they have in common.
    """
    pairs = dict.fromkeys((cell.model, name) for cell in cells for name in cell.attack)
    return tuple(curve for curve in _curves(list(pairs), resolver, estimator) if len(curve.epsilons) > 1)


def _curves(pairs: list[tuple[str, str]], resolver: Resolver, estimator: SourceEstimator) -> Iterator[Curve]:
    for model, attack in pairs:
        grid = _finite(resolver.attacked(model, attack).epsilons)
        if len(grid) > 1:
            yield _curve(model, (attack,), grid, "accuracy_under_attack", estimator)

    def threat(pair: tuple[str, str]) -> tuple[str, str]:
        return pair[0], resolver.source.traits(pair[1]).norm

    for (model, norm), group in groupby(sorted(pairs, key=threat), key=threat):
        attacks = tuple(attack for _, attack in group)
        grid = _finite(common_grid([resolver.attacked(model, attack) for attack in attacks]))
        if len(grid) > 1:
            several = sum(threat(pair)[1] != norm for pair in pairs if pair[0] == model)
            name = f"{WORST_CASE} ({norm})" if several else WORST_CASE
            curve = _curve(model, attacks, grid, "robust_accuracy", estimator)
            yield curve.model_copy(update={"attack": name, "is_worst_case": True})


def _finite(grid: Sequence[float]) -> tuple[float, ...]:
    return tuple(epsilon for epsilon in grid if epsilon != float("inf"))


def _curve(
    model: str, attacks: tuple[str, ...], grid: tuple[float, ...], metric: MetricName, estimator: SourceEstimator
) -> Curve:
    cells = [Cell(model=model, attack=attacks, metric=metric, epsilon=epsilon) for epsilon in grid]
    if grid[0] > 0:
        grid = (0.0, *grid)
        cells.insert(0, Cell(model=model, metric="clean_accuracy"))
    points = [estimator.contrast((Term(cell, 1.0),)) for cell in cells]
    return Curve(
        model=model,
        attack=attacks[0],
        metric=metric,
        epsilons=grid,
        values=tuple(point.value for point in points),
        lows=tuple(point.low for point in points),
        highs=tuple(point.high for point in points),
    )


def training_curves(models: Sequence[str], source: Source) -> tuple[TrainingCurve, ...]:
    """Every curve that a model's training kept, a line a seed."""
    found = []
    for model in models:
        runs = source.history(model)
        names = dict.fromkeys(name for run in runs for name in run)
        found += [
            TrainingCurve(model=model, name=name, seeds=tuple(tuple(run.get(name, ())) for run in runs))
            for name in names
        ]
    return tuple(found)
