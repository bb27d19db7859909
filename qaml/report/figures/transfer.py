"""Transfer matrices of a suite: the accuracy of each model on the adversarials that were made on each model."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from qaml.outcome.outcome import Outcome
from qaml.outcome.record import Interval
from qaml.report.figures.accents import Accent
from qaml.report.figures.data import Data, data
from qaml.report.figures.svg import drawing, short, tag
from qaml.report.text.numbers import MISSING, Style, format_epsilon, format_number, show_estimate
from qaml.report.text.origin import origin
from qaml.report.text.width import shorten

METRIC = "accuracy_under_attack"
MOST_PANELS = 4
_STYLE = Style("points", False)
_CELL = 40.0
_LETTER = 6.6
_LONGEST = 18
_HOT = 0.28
"""Accuracy below which a cell's background is so dark that its number has another colour."""


class Entry(NamedTuple):
    """One measured accuracy: adversarials made on ``source``, scored on ``target``."""

    attack: str
    epsilon: float
    source: str
    target: str
    estimate: Interval


class Panel(NamedTuple):
    """The matrix of one budget."""

    epsilon: float
    cells: dict[tuple[str, str], Interval]
    """(source, target) → accuracy; pairs that were not measured are absent."""


class Matrix(NamedTuple):
    """The transfer of one attack among models on the same images, with a panel for each budget, smallest first."""

    attack: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    panels: tuple[Panel, ...]


class Line(NamedTuple):
    """A row of the table of a matrix."""

    epsilon: str
    source: str
    values: tuple[str, ...]


class TransferView(NamedTuple):
    """A matrix as shown: drawings, a sentence, and a table of all numbers for readers who do not see them."""

    attack: str
    targets: tuple[str, ...]
    drawings: tuple[Markup, ...]
    lines: tuple[Line, ...]
    sentence: str
    data: Data


def transfer_views(outcomes: Sequence[Outcome], accents: Mapping[str, Accent]) -> tuple[TransferView, ...]:
    """The drawn matrices of one suite's outcomes."""
    return tuple(
        TransferView(
            matrix.attack,
            matrix.targets,
            tuple(draw(matrix, panel, accents) for panel in matrix.panels),
            tuple(_lines(matrix)),
            sentence(matrix),
            _data(matrix),
        )
        for matrix in matrices(outcomes, tuple(accents))
    )


def matrices(outcomes: Iterable[Outcome], order: Sequence[str]) -> tuple[Matrix, ...]:
    """One matrix for each attack and group of models that transfers connect, with models in the given order.

    A budget has a panel if adversarials for it were made on at least two models, at least two models were scored, and
    four cells are known. Of more than four budgets those with most cells are shown, spread over the grid. Models that
    no transfer connects, such as models of different data, are in different matrices.
    """
    found = []
    for attack, entries in _by_attack(_entries(outcomes)).items():
        for group in _connected(entries):
            members = [entry for entry in entries if entry.target in group and entry.source in group]
            panels = _chosen(_panels(members))
            if panels:
                pairs = [pair for panel in panels for pair in panel.cells]
                sources = sorted({source for source, _ in pairs}, key=order.index)
                targets = sorted({target for _, target in pairs}, key=order.index)
                found.append(Matrix(attack, tuple(sources), tuple(targets), panels))
    return tuple(found)


def _entries(outcomes: Iterable[Outcome]) -> Iterator[Entry]:
    """All accuracies under one attack at a finite budget, from cells and from curves."""
    for outcome in outcomes:
        surrogates: dict[str, str | None] = {}
        for cell in outcome.cells:
            if len(cell.attack) != 1 or cell.metric != METRIC:
                continue
            surrogates[cell.attack[0]] = cell.surrogate
            made = origin(cell.model, cell.attack[0], cell.surrogate or cell.model)
            if cell.epsilon is not None and math.isfinite(cell.epsilon):
                yield Entry(made.attack, cell.epsilon, made.model, cell.model, cell.estimate)
        for curve in outcome.curves:
            if curve.metric != METRIC or curve.is_worst_case:
                continue
            made = origin(curve.model, curve.attack, surrogates.get(curve.attack))
            for epsilon, *numbers in zip(curve.epsilons, curve.values, curve.lows, curve.highs, strict=False):
                if 0 < epsilon < math.inf:
                    value, low, high = numbers
                    estimate = Interval(value=value, low=low, high=high)
                    yield Entry(made.attack, epsilon, made.model, curve.model, estimate)


def _by_attack(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Entries by attack; of entries for the same cell the first is kept."""
    known: dict[tuple[str, float, str, str], Entry] = {}
    for entry in entries:
        if not math.isnan(entry.estimate.value):
            known.setdefault(entry[:4], entry)
    groups: dict[str, list[Entry]] = {}
    for entry in known.values():
        groups.setdefault(entry.attack, []).append(entry)
    return groups


def _connected(entries: Iterable[Entry]) -> list[set[str]]:
    """Groups of models that transferred adversarials connect."""
    groups: list[set[str]] = []
    for entry in entries:
        if entry.source != entry.target:
            ends = {entry.source, entry.target}
            touched = [group for group in groups if group & ends]
            groups = [group for group in groups if not group & ends] + [ends.union(*touched)]
    return groups


def _panels(entries: Iterable[Entry]) -> list[Panel]:
    budgets: dict[float, dict[tuple[str, str], Interval]] = {}
    for entry in entries:
        budgets.setdefault(entry.epsilon, {})[entry.source, entry.target] = entry.estimate
    return [Panel(epsilon, cells) for epsilon, cells in sorted(budgets.items()) if _is_square(cells)]


def _is_square(cells: Iterable[tuple[str, str]]) -> bool:
    pairs = set(cells)
    is_moved = any(source != target for source, target in pairs)
    return is_moved and len(pairs) >= 4 and all(len({pair[side] for pair in pairs}) >= 2 for side in (0, 1))


def _chosen(panels: Sequence[Panel]) -> tuple[Panel, ...]:
    if len(panels) <= MOST_PANELS:
        return tuple(panels)
    counts = Counter(len(panel.cells) for panel in panels)
    least = next(n for n in sorted(counts, reverse=True) if sum(c for k, c in counts.items() if k >= n) >= MOST_PANELS)
    full = [panel for panel in panels if len(panel.cells) >= least]
    return tuple(full[round(i * (len(full) - 1) / (MOST_PANELS - 1))] for i in range(MOST_PANELS))


def sentence(matrix: Matrix) -> str:
    """A sentence that compares white-box with transferred accuracies, at the budget where the latter differ most."""
    panel = max(matrix.panels, key=_spread)
    white = [estimate.value for (source, target), estimate in panel.cells.items() if source == target]
    moved = sorted((e.value, *pair) for pair, e in panel.cells.items() if pair[0] != pair[1])
    said = f"At ε = {format_epsilon(panel.epsilon)} "
    if white:
        low, high = (format_number(100 * value, 1) for value in (min(white), max(white)))
        said += f"white-box {matrix.attack} leaves {low if low == high else f'{low} to {high}'} %, "
    said += "and " if white else ""
    named = [
        f"{format_number(100 * value, 1)} % (made on {source}, tried on {target})" for value, source, target in moved
    ]
    return f"{said}transferred it leaves from {named[0]} to {named[-1]}."


def _spread(panel: Panel) -> float:
    moved = [estimate.value for (source, target), estimate in panel.cells.items() if source != target]
    return max(moved) - min(moved) if moved else -1.0


def _lines(matrix: Matrix) -> Iterator[Line]:
    for panel in matrix.panels:
        for source in matrix.sources:
            values = tuple(_text(panel.cells.get((source, target))) for target in matrix.targets)
            yield Line(format_epsilon(panel.epsilon), source, values)


def _data(matrix: Matrix) -> Data:
    rows = [
        (matrix.attack, panel.epsilon, source, target, estimate.value, estimate.low, estimate.high)
        for panel in matrix.panels
        for (source, target), estimate in panel.cells.items()
    ]
    header = ("attack", "epsilon", "made_on", "scored", "value", "low", "high")
    return data(f"transfer-{matrix.attack}", header, rows)


def _text(estimate: Interval | None) -> str:
    if estimate is None:
        return MISSING
    shown = show_estimate(estimate, _STYLE)
    return f"{shown.value} {shown.interval}".rstrip()


def draw(matrix: Matrix, panel: Panel, accents: Mapping[str, Accent]) -> Markup:
    """The heat map of one budget: dark for low accuracy, the number in every cell, a frame around white-box cells."""
    left = 14 + _LETTER * min(max(len(name) for name in matrix.sources), _LONGEST)
    slope = 0.77 * _LETTER * min(max(len(name) for name in matrix.targets), _LONGEST)
    top = 34 + slope
    width = left + _CELL * len(matrix.targets) + max(slope - _CELL / 2, 0) + 6
    height = top + 30 * len(matrix.sources) + 4
    parts = [tag("text", f"ε = {format_epsilon(panel.epsilon)}", x=2.0, y=12.0, class_="bold")]
    for column, target in enumerate(matrix.targets):
        x = left + _CELL * (column + 0.5)
        place = f"translate({short(x)} {short(top - 6)}) rotate(-40)"
        parts.append(_name(target, accents, "nm", transform=place))
    for row, source in enumerate(matrix.sources):
        y = top + 30 * row
        parts.append(_name(source, accents, "nm e", x=left - 7, y=y + 19))
        for column, target in enumerate(matrix.targets):
            estimate = panel.cells.get((source, target))
            parts.append(_cell(estimate, left + _CELL * column, y, is_white_box=source == target))
    return drawing(
        "tm",
        f"0 0 {short(width)} {short(height)}",
        f"{matrix.attack} at ε = {format_epsilon(panel.epsilon)}: accuracy in %",
        "rows: the model that adversarials were made on; columns: the model scored; numbers below",
        *parts,
        width=width,
        height=height,
    )


def _name(name: str, accents: Mapping[str, Accent], look: str, **place: str | float) -> Markup:
    text = tag("tspan", shorten(name, _LONGEST))
    return tag("text", text, tag("title", name), class_=f"{look} {accents[name].look}", **place)


def _cell(estimate: Interval | None, x: float, y: float, *, is_white_box: bool) -> Markup:
    box: dict[str, str | float] = {"x": x + 1.5, "y": y + 1.5, "width": _CELL - 3, "height": 27.0}
    middle: dict[str, str | float] = {"x": x + _CELL / 2, "y": y + 19}
    if estimate is None:
        return tag("g", tag("rect", class_="na", **box), tag("text", MISSING, class_="m soft", **middle))
    share = min(max(estimate.value, 0.0), 1.0)
    number = format_number(100 * estimate.value, 0 if estimate.value >= 0.995 else 1)
    return tag(
        "g",
        tag("rect", fill_opacity=f"{1 - share:.2f}", class_="heat wb" if is_white_box else "heat bx", **box),
        tag("text", number, class_="m hot" if share < _HOT else "m cool", **middle),
    )
