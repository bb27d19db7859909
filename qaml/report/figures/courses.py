"""Values of cells and verdicts in earlier runs: a line of dots a cell, with its intervals, and a row of marks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from qaml.outcome.history import Trend, cell_name, trends
from qaml.outcome.outcome import CellValue, Outcome, Outcomes
from qaml.outcome.past import Past
from qaml.report.figures.accents import Accent
from qaml.report.figures.data import Data, Value, data
from qaml.report.figures.svg import Axis, padded, path, tag
from qaml.report.text.numbers import format_date, format_value
from qaml.vocab import Verdict

_WIDTH, _HEIGHT = 168.0, 26.0
_MARGIN = 5.0

Point = tuple[float, float, float]
"""Value, and low and high end of its interval."""


class Course(NamedTuple):
    """The values of a cell in the runs that measured it, with this run last."""

    label: str
    first: str
    before: str
    now: str
    n_runs: int
    drawing: Markup


class Courses(NamedTuple):
    """The courses of several cells, with their numbers to save."""

    rows: tuple[Course, ...]
    data: Data


class Earlier(NamedTuple):
    """The earlier runs in a report.

    Attributes:
        created: time at which this run was made.
        runs: the earlier runs, oldest first.
        trends: name of a cell → its values in the earlier runs.
    """

    created: str
    runs: tuple[Past, ...]
    trends: Mapping[str, Trend]

    def verdicts(self, outcome: Outcome) -> tuple[tuple[Verdict, str], ...]:
        """The verdicts of a claim with their dates, this run's last; empty if no earlier run has judged it."""
        past = [(run.verdicts[outcome.node], run.created) for run in self.runs if outcome.node in run.verdicts]
        dated = (*past, (outcome.verdict, self.created)) if past else ()
        return tuple((verdict, format_date(created)) for verdict, created in dated)

    def courses(
        self, name: str, suite: str, cells: Iterable[CellValue], accents: Mapping[str, Accent]
    ) -> Courses | None:
        """The courses of those cells that earlier runs measured, too; ``None`` if there are none."""
        rows: list[Course] = []
        numbers: list[tuple[Value, ...]] = []
        for cell in cells:
            trend = self.trends.get(cell_name(suite, cell))
            if trend is None:
                continue
            now = (cell.estimate.value, cell.estimate.low, cell.estimate.high)
            points = [*trend.values, now]
            dates = [*(run.created for run in trend.runs), self.created]
            commits = [*(run.commit or "" for run in trend.runs), "this run"]
            rows.append(_course(cell, points, dates, accents[cell.model].look))
            numbers += [(trend.cell, *run, *point) for *run, point in zip(dates, commits, points, strict=True)]
        header = ("cell", "created", "commit", "value", "low", "high")
        return Courses(tuple(rows), data(f"{name}-runs", header, numbers)) if rows else None


def earlier(outcomes: Outcomes) -> Earlier:
    """The earlier runs that the file of outcomes holds."""
    return Earlier(outcomes.created, outcomes.earlier, {trend.cell: trend for trend in trends(outcomes.earlier)})


def _course(cell: CellValue, points: Sequence[Point], dates: Sequence[str], look: str) -> Course:
    values = [format_value(value, cell.metric) for value, _, _ in points]
    says = "; ".join(f"{format_date(date)}: {value}" for date, value in zip(dates, values, strict=True))
    return Course(cell.label, values[0], values[-2], values[-1], len(points), draw(points, look, says))


def draw(points: Sequence[Point], look: str, sentence: str) -> Markup:
    """A line of at least two dots from the oldest run to this one, with the intervals as a band.

    Args:
        points: value, low and high of each run; numbers that are not finite are left out.
        look: class of the model's colour.
        sentence: a description of the drawing in words.
    """
    x_axis = Axis(0, len(points) - 1, _MARGIN, _WIDTH - _MARGIN)
    y_axis = padded((number for point in points for number in point), _HEIGHT - _MARGIN, _MARGIN)
    places = [x_axis.place(i) for i in range(len(points))]
    band = [(x, y_axis.place(low), y_axis.place(high)) for x, (_, low, high) in zip(places, points, strict=True)]
    whole = [each for each in band if all(map(math.isfinite, each))]
    outline = [(x, high) for x, _, high in whole] + [(x, low) for x, low, _ in reversed(whole)]
    line = [(x, y_axis.place(v)) for x, (v, _, _) in zip(places, points, strict=True) if math.isfinite(v)]
    return tag(
        "svg",
        tag("title", sentence),
        tag("path", d=path(outline, is_closed=True), class_="bd") if len(whole) > 1 else Markup(""),
        tag("path", d=path(line), class_="ln"),
        *(tag("circle", cx=x, cy=y, r=1.6, class_="pt") for x, y in line if x < places[-1]),
        *(tag("circle", cx=x, cy=y, r=3.2, class_="o") for x, y in line if x == places[-1]),
        class_=f"co {look}",
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        role="img",
    )
