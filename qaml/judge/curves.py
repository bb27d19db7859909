"""Curves of a claim: accuracy over epsilon for every model and attack, the worst case over attacks, and training."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from statistics import fmean

from qaml.claims.base import Cell, Term
from qaml.judge.estimator import SourceEstimator
from qaml.judge.resolve import Resolver
from qaml.judge.source import Source
from qaml.metrics.crossing import common_grid
from qaml.outcome.drawings import Curve, TrainingCurve

WORST_CASE = "worst case"
MOST_EPOCHS = 60
"""Largest number of epochs that a small figure shows."""


def epsilon_curves(cells: Sequence[Cell], resolver: Resolver, estimator: SourceEstimator) -> tuple[Curve, ...]:
    """Accuracy over epsilon of every model and attack of the claim with more than one budget.

    Each starts at ε = 0 with clean accuracy. A curve of robust accuracy follows for each model and norm: the worst case
    over the claim's attacks at the budgets that they share.
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
    model: str, attacks: tuple[str, ...], grid: tuple[float, ...], metric: str, estimator: SourceEstimator
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
    """The curves that training recorded, a line a seed; numbered curves (``beta 1``) form one, with a line a layer."""
    return tuple(curve for model in models for curve in _of_training(model, source.history(model)))


def _of_training(model: str, runs: Sequence[Mapping[str, Sequence[float]]]) -> Iterator[TrainingCurve]:
    for name, numbered in groupby(dict.fromkeys(name for run in runs for name in run), key=_without_number):
        own = list(numbered)
        has_layers = own != [name]
        if has_layers:
            layers = [[run.get(each, ()) for run in runs] for each in own]
            lines = [[fmean(map(abs, values)) for values in zip(*layer, strict=False)] for layer in layers]
        else:
            lines = [list(run.get(name, ())) for run in runs]
        longest = max(map(len, lines))
        epochs = thinned(longest)
        yield TrainingCurve(
            model=model,
            name=name,
            seeds=tuple(tuple(line[epoch - 1] for epoch in epochs if epoch <= len(line)) for line in lines),
            epochs=tuple(epochs) if len(epochs) < longest else (),
            has_layers=has_layers,
        )


def _without_number(name: str) -> str:
    return re.sub(r" \d+$", "", name)


def thinned(n_epochs: int) -> list[int]:
    """The epochs that a figure shows, counted from 1: all of them, or every k-th and the last."""
    step = -(-n_epochs // MOST_EPOCHS)
    return [*range(1, n_epochs, max(step, 1)), n_epochs] if n_epochs else []
