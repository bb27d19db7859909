"""A run against a baseline: which cells are worse, and which cannot be told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from qaml.gate.baseline import Baseline, Evidence, GateError, Recorded
from qaml.gate.cells import Cell
from qaml.gate.drop import Drop, holm, of_fixed, of_retrained
from qaml.gate.fresh import Fresh
from qaml.vocab import CELL_STATUSES, CellStatus


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

    Cells that look worse are tested again with further training runs or, where weights are fixed, on further images, if
    ``fresh`` has any, and fail only if these say so, too; what is tested then is all that was seen, so no false alarm
    is added.

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
    still = set(_rejected({**judged, **confirmed}, tested, baseline.level, "p_worse"))
    for name in worse:
        change = confirmed.get(name, judged[name])
        is_worse = name in still or name not in confirmed
        why = change.why if is_worse else f"looked worse, but {change.why} do not confirm it"
        judged[name] = change._replace(status="worse" if is_worse else "unchanged", why=why)
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
    if _are_paired(recorded, cell) and len(sides[0]) == len(sides[1]):
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
    """Cells with further evidence behind them; where that alone shows no drop, one that is not significant."""
    if fresh is None or not worse:
        return {}
    found = {}
    are_paired = {name for name in worse if _are_paired(baseline.cells[name], now[name])}
    spare = {name: array for name in are_paired if (array := baseline.cells[name].reserve) is not None}
    for name, more in (fresh.images(sorted(spare)) if spare else {}).items():
        recorded, cell = baseline.cells[name], now[name]
        before = evidence[spare[name]]
        alone = _tested(judged[name], recorded, before, cell, more)
        pooled = _tested(
            judged[name], recorded, _joined(evidence[recorded.evidence], before), cell, _joined(cell.evidence, more)
        )
        n = len(np.intersect1d(before.indices, more.indices))
        found[name] = _settled(judged[name], alone, pooled, f"{n} further images")
    trained = [name for name in worse if name not in are_paired]
    for name, more in (fresh.runs(trained) if trained else {}).items():
        recorded, cell = baseline.cells[name], now[name]
        known = len(cell.evidence.correct)
        if len(more.correct) > known:
            before = evidence[recorded.evidence]
            alone = _tested(judged[name], recorded, before, cell, more._replace(correct=more.correct[known:]))
            pooled = _tested(judged[name], recorded, before, cell, more)
            settled = _settled(judged[name], alone, pooled, f"{len(more.correct) - known} further training runs")
            found[name] = settled._replace(after=float(more.correct.mean()))
    return found


def _are_paired(recorded: Recorded, cell: Cell) -> bool:
    """Whether weights stay what they are, so that images are what a drop is judged by."""
    return recorded.weights == cell.weights or (cell.is_fixed and recorded.runs == len(cell.evidence.correct))


def _joined(one: Evidence, other: Evidence) -> Evidence:
    return Evidence(np.concatenate((one.correct, other.correct), axis=1), np.concatenate((one.indices, other.indices)))


def _settled(change: Change, alone: Change, pooled: Change, why: str) -> Change:
    """The change by all evidence; without significance where the further evidence by itself shows no drop."""
    if pooled.drop is None:
        return change
    agrees = alone.drop is None or alone.drop.value > change.tolerance
    drop = pooled.drop if agrees else pooled.drop._replace(p_worse=1.0)
    return pooled._replace(drop=drop, why=why, detectable=change.detectable)


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
