"""What cells and verdicts were in earlier runs: a line of dots a cell, with its intervals, and a row of marks."""

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
"""Value, low, high."""


class Course(NamedTuple):
    """A cell over the runs that measured it, this one last."""

    label: str
    first: str
    before: str
    now: str
    n_runs: int
    drawing: Markup


class Courses(NamedTuple):
    """Courses of several cells, with their numbers."""

    rows: tuple[Course, ...]
    data: Data


class Earlier(NamedTuple):
    """What a report knows of earlier runs.

    Attributes:
        created: of this run.
        runs: the earlier ones, oldest first.
        trends: name of a cell → its values in them.
    """

    created: str
    runs: tuple[Past, ...]
    trends: Mapping[str, Trend]

    def verdicts(self, outcome: Outcome) -> tuple[tuple[Verdict, str], ...]:
        """A claim's verdicts with their dates, this one last; none where no earlier run has judged it."""
        past = [(run.verdicts[outcome.node], run.created) for run in self.runs if outcome.node in run.verdicts]
        dated = (*past, (outcome.verdict, self.created)) if past else ()
        return tuple((verdict, format_date(created)) for verdict, created in dated)

    def courses(
        self, name: str, suite: str, cells: Iterable[CellValue], accents: Mapping[str, Accent]
    ) -> Courses | None:
        """The courses of cells that earlier runs measured, too."""
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
    """Everything that the file of outcomes knows of earlier runs."""
    return Earlier(outcomes.created, outcomes.earlier, {trend.cell: trend for trend in trends(outcomes.earlier)})


def _course(cell: CellValue, points: Sequence[Point], dates: Sequence[str], look: str) -> Course:
    values = [format_value(value, cell.metric) for value, _, _ in points]
    says = "; ".join(f"{format_date(date)}: {value}" for date, value in zip(dates, values, strict=True))
    return Course(cell.label, values[0], values[-2], values[-1], len(points), draw(points, look, says))


def draw(points: Sequence[Point], look: str, sentence: str) -> Markup:
    """A line of dots from the oldest to this run, its intervals as a band; at least two points.

    Args:
        points: value, low and high of each run; what is not finite is left out.
        look: class of the model.
        sentence: the same in words.
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
