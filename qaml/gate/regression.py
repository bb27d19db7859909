"""A run against a baseline: which cells are worse, and which cannot be told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np

from qaml.gate.baseline import Baseline, Evidence, GateError, Recorded
from qaml.gate.cells import Cell
from qaml.gate.drop import Drop, holm, of_fixed, of_retrained
from qaml.vocab import CELL_STATUSES, CellStatus

Fresh = Callable[[list[str]], Mapping[str, Evidence]]
"""Cells that look worse → their evidence with further training runs; cells without any are left out."""


class Change(NamedTuple):
    """What became of one cell.

    Attributes:
        cell: its name.
        status: the judgement.
        before: accuracy in the baseline, or none.
        after: accuracy now, or none.
        drop: with its interval and p-values, where it could be tested.
        tolerance: a drop that does not count.
        detectable: the smallest drop that would be noticed, or none.
        why: what stands in the way, or how it was confirmed.
        file: spec of the first claim that measures the cell; empty for vanished ones.
        line: in it.
    """

    cell: str
    status: CellStatus
    before: float | None
    after: float | None
    drop: Drop | None = None
    tolerance: float = 0.0
    detectable: float | None = None
    why: str = ""
    file: str = ""
    line: int = 0


def compare(
    baseline: Baseline, evidence: Mapping[str, Evidence], now: Mapping[str, Cell], fresh: Fresh | None = None
) -> list[Change]:
    """Judge every cell of either side.

    Cells that look worse are tested again with further training runs, where ``fresh`` has any, and fail only if these
    say so, too; what is tested then is all that was seen, so no false alarm is added.

    Args:
        baseline: the accepted run.
        evidence: of its cells.
        now: cells of the present run.
        fresh: where further evidence comes from.

    Raises:
        GateError: the baseline asks for a sensitivity that its data cannot give.
    """
    judged = {name: _change(name, baseline, evidence, now) for name in sorted({*baseline.cells, *now})}
    tested = [name for name, change in judged.items() if change.drop is not None]
    first = baseline.level / max(len(tested), 1)
    for name in tested:
        change = judged[name]
        assert change.drop is not None
        judged[name] = change._replace(detectable=change.drop.detectable(first))
    _check_sensitivity(baseline, judged.values())
    for name in _rejected(judged, tested, baseline.level, "p_better"):
        judged[name] = judged[name]._replace(status="better")
    worse = _rejected(judged, tested, baseline.level, "p_worse")
    confirmed = _confirmed(baseline, evidence, now, worse, judged, fresh)
    for name in _rejected({**judged, **confirmed}, tested, baseline.level, "p_worse"):
        if name in worse:
            judged[name] = confirmed.get(name, judged[name])._replace(status="worse")
    for name in worse:
        if judged[name].status != "worse":
            judged[name] = confirmed[name]._replace(why=f"looked worse, but {confirmed[name].why} do not confirm it")
    return sorted(judged.values(), key=lambda change: (CELL_STATUSES.index(change.status), change.cell))


def _change(name: str, baseline: Baseline, evidence: Mapping[str, Evidence], now: Mapping[str, Cell]) -> Change:
    recorded, cell = baseline.cells.get(name), now.get(name)
    before = None if recorded is None else recorded.accuracy
    if cell is None:
        return Change(name, "vanished", before, None, why="no claim of this run measures it")
    change = Change(
        name,
        "unchanged",
        before,
        float(cell.evidence.correct.mean()),
        tolerance=baseline.tolerance(name),
        file=cell.file,
        line=cell.line,
    )
    if recorded is None:
        return change._replace(status="new")
    changed = [what for what in ("data", "measure") if getattr(recorded, what) != getattr(cell, what)]
    if changed:
        words = {"data": "dataset", "measure": "attack or the code that scores it"}
        other = " and the ".join(words[what] for what in changed)
        return change._replace(status="not comparable", why=f"the {other} is another one than in the baseline")
    return _tested(change, recorded, evidence[recorded.evidence], cell, cell.evidence)


def _tested(change: Change, recorded: Recorded, before: Evidence, cell: Cell, after: Evidence) -> Change:
    shared, ours, theirs = np.intersect1d(before.indices, after.indices, return_indices=True)
    if not len(shared):
        return change._replace(status="not comparable", why="no image is in both")
    sides = before.correct[:, ours], after.correct[:, theirs]
    are_same = recorded.weights == cell.weights or (cell.is_fixed and len(sides[0]) == len(sides[1]))
    if are_same and len(sides[0]) == len(sides[1]):
        return change._replace(drop=of_fixed(*sides, change.tolerance))
    if min(map(len, sides)) < 2:
        why = f"trained again, and {len(sides[0])} against {len(sides[1])} runs do not tell how much runs differ"
        return change._replace(status="not testable", why=why)
    return change._replace(drop=of_retrained(*sides, change.tolerance))


def _rejected(judged: Mapping[str, Change], tested: list[str], level: float, side: str) -> list[str]:
    p_values = [getattr(judged[name].drop, side) for name in tested]
    return [name for name, is_rejected in zip(tested, holm(p_values, level), strict=True) if is_rejected]


def _confirmed(
    baseline: Baseline,
    evidence: Mapping[str, Evidence],
    now: Mapping[str, Cell],
    worse: list[str],
    judged: Mapping[str, Change],
    fresh: Fresh | None,
) -> dict[str, Change]:
    """Cells with further training runs behind them; where those alone show no drop, one that is not significant."""
    found = {}
    for name, more in (fresh(worse) if fresh is not None and worse else {}).items():
        recorded, cell, change = baseline.cells[name], now[name], judged[name]
        known = len(cell.evidence.correct)
        if len(more.correct) <= known or change.drop is None or recorded.weights == cell.weights:
            continue
        alone = _tested(
            change, recorded, evidence[recorded.evidence], cell, more._replace(correct=more.correct[known:])
        )
        pooled = _tested(change, recorded, evidence[recorded.evidence], cell, more)
        assert pooled.drop is not None
        agrees = alone.drop is None or alone.drop.value > change.tolerance
        drop = pooled.drop if agrees else pooled.drop._replace(p_worse=1.0)
        found[name] = pooled._replace(
            drop=drop,
            after=float(more.correct.mean()),
            why=f"{len(more.correct) - known} further training runs",
            detectable=change.detectable,
        )
    return found


def _check_sensitivity(baseline: Baseline, changes: Iterable[Change]) -> None:
    wanted = baseline.sensitivity
    detectable = {c.cell: c.detectable for c in changes if c.detectable is not None}
    coarse = [cell for cell, smallest in detectable.items() if wanted is not None and smallest > wanted]
    if wanted is not None and coarse:
        worst = max(coarse, key=lambda cell: detectable[cell])
        raise GateError(
            f"the baseline asks for drops of {100 * wanted:g} points to be noticed, and {len(coarse)} cells cannot: "
            f"{worst} notices {100 * detectable[worst]:.1f} points",
            "more images or training runs, fewer cells, a smaller tolerance, or a larger 'sensitivity'",
        )
