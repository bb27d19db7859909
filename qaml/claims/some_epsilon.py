"""Is there one budget at which a whole row of a paper's table comes out? A test, inverted over the budget.

At every budget that was measured, each column has a prediction interval at Bonferroni's level. Between two of them
accuracy lies between what it is at both, because it falls with the budget: its interval there is the hull of the two.
Below the smallest budget the upper neighbour is clean accuracy; beyond the largest nothing is known but that it is no
higher. The budgets at which every column's interval holds the paper's value are a 95 % confidence set.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

from qaml.claims.base import Decision, Estimate, Measured
from qaml.claims.rules import known_range, of_all
from qaml.claims.wording import number, scale, threshold, weakness
from qaml.vocab import Verdict

MOST_COLUMNS = 7
"""Largest number of columns of which all orders are tried: 5,040."""


class Column(NamedTuple):
    """One model of a row.

    Attributes:
        model: name of the model.
        paper: the paper's value.
        clean: prediction of its clean accuracy.
        at: prediction of its accuracy at each budget of the grid.
    """

    model: str
    paper: float
    clean: Estimate
    at: tuple[Estimate, ...]


class Row(NamedTuple):
    """The judgement of one row."""

    verdict: Verdict
    reason: str
    measured: tuple[Measured, ...]


class Range(NamedTuple):
    """A budget of the grid, or what lies between two (or before the first, or after the last).

    Attributes:
        first: where it starts; equal to ``last`` for a point.
        last: where it ends; infinite beyond the grid.
        intervals: interval of each column.
        reach: distance that the widest of them reaches from its middle value.
    """

    first: float
    last: float
    intervals: tuple[tuple[float, float], ...]
    reach: float

    def fits(self, values: Sequence[float]) -> bool:
        """Whether every column's interval holds its value."""
        return all(low <= value <= high for (low, high), value in zip(self.intervals, values, strict=True))


def some_epsilon(
    row: str, budgets: tuple[float, ...], columns: Sequence[Column], widest: float, left_open: tuple[str, ...] = ()
) -> Row:
    """Judge whether some budget gives all columns of a row at once.

    Args:
        row: the attack's name.
        budgets: the budgets, increasing.
        columns: the columns of the models.
        widest: largest distance that an interval may reach from its value and still support.
        left_open: settings of the attack, besides its budget, that the paper does not state.
    """
    ranges = _ranges(budgets, columns)
    papers = [column.paper for column in columns]
    fitting = [one for one in ranges if one.fits(papers)]
    measured = _measured(row, budgets, columns, fitting)
    shown = f"{row}: " + ", ".join(f"{column.model} {number(column.paper, 'percent')}" for column in columns)
    verdict, why = _verdict(fitting, columns, widest, left_open)
    orders = _other_orders(ranges, papers)
    remark = next((text for column in columns for one in column.at if (text := weakness(one, "percent"))), "")
    parts = [f"{shown} % at once: {why}", orders, remark, scale(columns[0].clean)]
    return Row(verdict, "; ".join(part for part in parts if part), measured)


def of_rows(rows: Sequence[Row]) -> Decision:
    """Every row by itself; the severest decides."""
    verdict = of_all([row.verdict for row in rows])
    ordered = sorted(rows, key=lambda row: row.verdict != verdict)
    reason = "; ".join(row.reason for row in ordered)
    return Decision(verdict, reason, tuple(one for row in ordered for one in row.measured))


def _verdict(
    fitting: Sequence[Range], columns: Sequence[Column], widest: float, left_open: Sequence[str]
) -> tuple[Verdict, str]:
    estimates = [one for column in columns for one in (column.clean, *column.at)]
    if any(one.is_void or math.isnan(one.value) for one in estimates):
        return "invalid", "the measurement is void"
    if not fitting:
        if min(one.n_seeds for one in estimates) < 2:
            return "inconclusive", "no epsilon gives them, but one training run of ours might be another"
        if left_open:
            open_ones = " and ".join(left_open)
            return "invalid", f"no epsilon gives them, but the paper leaves {open_ones} open, too: not comparable"
        return "refuted", "no epsilon gives them"
    found = f"fits {_in_words(fitting)}"
    if any(one.may_be_lower or one.may_be_higher for one in estimates):
        return "invalid", found
    if all(math.isinf(one.last) for one in fitting):
        return "inconclusive", f"{found}, where nothing was measured"
    if min(one.reach for one in fitting) > widest:
        return "inconclusive", f"{found}, but intervals reach more than {threshold(widest, 'percent')} points"
    return "supported", found


def _ranges(budgets: Sequence[float], columns: Sequence[Column]) -> list[Range]:
    """Points of the grid and the gaps between them, in order."""
    places = [0.0, *budgets]
    estimates = [[column.clean, *column.at] for column in columns]
    ranges = []
    for i, place in enumerate(places):
        if i > 0:
            ranges.append(_range(place, place, [(one[i], one[i]) for one in estimates]))
        last = places[i + 1] if i + 1 < len(places) else math.inf
        nothing = Estimate(0.0, 0.0, 0.0)
        ranges.append(_range(place, last, [(one[i], one[i + 1] if i + 1 < len(one) else nothing) for one in estimates]))
    return ranges


def _range(first: float, last: float, ends: Sequence[tuple[Estimate, Estimate]]) -> Range:
    intervals, reach = [], 0.0
    for before, after in ends:
        known = known_range(before), known_range(after)
        low, high = min(known[0][0], known[1][0]), max(known[0][1], known[1][1])
        middle = (before.value + after.value) / 2
        reach = max(reach, middle - low, high - middle)
        intervals.append((low, high))
    return Range(first, last, tuple(intervals), reach)


def _in_words(fitting: Sequence[Range]) -> str:
    """The fitting ranges, those that touch as one."""
    spans: list[tuple[float, float]] = []
    for one in fitting:
        if spans and one.first <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(one.last, spans[-1][1])
        else:
            spans.append((one.first, one.last))
    words = []
    for first, last in spans:
        if first == last:
            words.append(f"ε = {first:g}")
        else:
            words.append(f"ε above {first:g}" if math.isinf(last) else f"ε from {first:g} to {last:g}")
    return " and ".join(words)


def _other_orders(ranges: Sequence[Range], papers: Sequence[float]) -> str:
    """The number of other orders of the same values that would fit at some budget: the test's power to distinguish."""
    if not 1 < len(papers) <= MOST_COLUMNS:
        return ""
    others = set(permutations(papers)) - {tuple(papers)}
    fitting = sum(any(one.fits(order) for one in ranges) for order in others)
    return f"{fitting} of {len(others)} other orders of these values would fit some epsilon, too" if others else ""


def _measured(
    row: str, budgets: Sequence[float], columns: Sequence[Column], fitting: Sequence[Range]
) -> tuple[Measured, ...]:
    """Every column at the budget that fits, else at the one that is nearest to the paper's values."""
    if not budgets:
        return tuple(Measured(column.model, column.clean, paper=column.paper) for column in columns)
    points = [budgets.index(one.first) for one in fitting if one.first == one.last and one.first in budgets]
    places = points or range(len(budgets))
    best = min(places, key=lambda i: sum((column.at[i].value - column.paper) ** 2 for column in columns))
    return tuple(
        Measured(f"{column.model} under {row} at ε = {budgets[best]:g}", column.at[best], paper=column.paper)
        for column in columns
    )
