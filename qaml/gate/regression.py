"""A run compared with a baseline: which cells are worse, and for which the data cannot decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from qaml.claims.rules import holm
from qaml.gate.baseline import Baseline, Evidence, GateError, Recorded
from qaml.gate.cells import GatedCell
from qaml.gate.drop import Drop, of_fixed, of_retrained
from qaml.gate.fresh import Fresh
from qaml.types import IntArray
from qaml.vocab import CELL_STATUSES, CellStatus

_RECODED = "the code that attacks and scores has changed, too, so the attack may be what is better"


class JudgedCell(NamedTuple):
    """The judgement of one cell.

    Attributes:
        cell: its name.
        status: the judgement.
        before: accuracy in the baseline, or none.
        after: accuracy now, or none.
        drop: the drop with its interval and p-values, where it could be tested.
        tolerance: a drop that does not count.
        detectable: the smallest drop that would be noticed, or none.
        why: what prevents a judgement, or how it was confirmed.
        file: path of the spec of the first claim that measures the cell; empty for vanished cells.
        line: line of that claim in the spec.
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
    baseline: Baseline, evidence: Mapping[str, Evidence], now: Mapping[str, GatedCell], fresh: Fresh | None = None
) -> list[JudgedCell]:
    """Judge every cell of either side.

    Cells that look worse are tested again with further training runs or, where weights are fixed, on further images, if
    ``fresh`` has any, and fail only if these confirm the drop; the second test covers all the data, so no false alarm
    is added.

    Args:
        baseline: the accepted run.
        evidence: the evidence of its cells.
        now: cells of the present run.
        fresh: sources of further evidence.

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
    still = set(_rejected({**judged, **confirmed}, worse, baseline.level, "p_worse"))
    for name in worse:
        change = confirmed.get(name, judged[name])
        is_worse = name in still or name not in confirmed
        why = change.why if is_worse else f"looked worse, but {change.why} do not confirm it"
        if is_worse and baseline.cells[name].code != now[name].code:
            why = f"{why}; {_RECODED}" if why else _RECODED
        judged[name] = change._replace(status="worse" if is_worse else "unchanged", why=why)
    return sorted(judged.values(), key=lambda change: (CELL_STATUSES.index(change.status), change.cell))


def _change(
    name: str, baseline: Baseline, evidence: Mapping[str, Evidence], now: Mapping[str, GatedCell]
) -> JudgedCell:
    recorded, cell = baseline.cells.get(name), now.get(name)
    before = None if recorded is None else recorded.accuracy
    if cell is None:
        return JudgedCell(name, "vanished", before, None, why="no claim of this run measures it")
    change = JudgedCell(
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
    if libraries := _other_libraries(baseline.libraries.get(recorded.libraries, {}), cell.versions):
        return change._replace(status="not comparable", why=f"{libraries}: save the baseline anew")
    changed = [what for what in ("data", "measure") if getattr(recorded, what) != getattr(cell, what)]
    if changed:
        words = {"data": "declaration of the dataset", "measure": "settings of the attack or its scoring"}
        other = " and the ".join(words[what] for what in changed)
        return change._replace(status="not comparable", why=f"other than in the baseline: the {other}")
    return _tested(change, recorded, evidence[recorded.evidence], cell, cell.evidence)


def _other_libraries(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What differs, in words; empty where nothing does."""
    if not before:
        return "the baseline is of an earlier version of qaml"
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    return ", ".join(f"{name} {before.get(name, 'absent')} → {now.get(name, 'absent')}" for name in names)


def _tested(change: JudgedCell, recorded: Recorded, before: Evidence, cell: GatedCell, after: Evidence) -> JudgedCell:
    shared, ours, theirs = np.intersect1d(before.indices, after.indices, return_indices=True)
    if not len(shared):
        return change._replace(status="not comparable", why="no image is in both")
    sides = before.correct[:, ours], after.correct[:, theirs]
    if _are_paired(recorded, cell) and len(sides[0]) == len(sides[1]):
        return change._replace(drop=of_fixed(*sides, change.tolerance))
    if min(map(len, sides)) < 2:
        why = f"trained again, and {len(sides[0])} against {len(sides[1])} runs do not show how much runs differ"
        return change._replace(status="not testable", why=why)
    return change._replace(drop=of_retrained(*sides, change.tolerance))


def _rejected(judged: Mapping[str, JudgedCell], tested: list[str], level: float, side: str) -> list[str]:
    p_values = [getattr(judged[name].drop, side) for name in tested]
    return [name for name, adjusted in zip(tested, holm(p_values), strict=True) if adjusted <= level]


def _confirmed(
    baseline: Baseline,
    evidence: Mapping[str, Evidence],
    now: Mapping[str, GatedCell],
    worse: list[str],
    judged: Mapping[str, JudgedCell],
    fresh: Fresh | None,
) -> dict[str, JudgedCell]:
    """Cells tested with their further evidence; not significant where that alone contradicts a drop."""
    if fresh is None or not worse:
        return {}
    found: dict[str, JudgedCell | None] = {}
    are_paired = {name for name in worse if _are_paired(baseline.cells[name], now[name])}
    spare = {name: array for name in are_paired if (array := baseline.cells[name].reserve) is not None}
    for name, more in (fresh.images(sorted(spare)) if spare else {}).items():
        recorded, cell = baseline.cells[name], now[name]
        sides = (evidence[recorded.evidence], evidence[spare[name]]), (cell.evidence, more)
        found[name] = _by_images(judged[name], recorded, cell, *sides)
    trained = [name for name in worse if name not in are_paired]
    for name, more in (fresh.runs(trained) if trained else {}).items():
        recorded, cell = baseline.cells[name], now[name]
        found[name] = _by_runs(judged[name], recorded, evidence[recorded.evidence], cell, more)
    return {name: change for name, change in found.items() if change is not None}


def _are_paired(recorded: Recorded, cell: GatedCell) -> bool:
    """Whether the weights are fixed, so that a drop is judged by images."""
    return recorded.weights == cell.weights or (cell.is_fixed and recorded.runs == len(cell.evidence.correct))


def _by_images(
    change: JudgedCell,
    recorded: Recorded,
    cell: GatedCell,
    before: tuple[Evidence, Evidence],
    after: tuple[Evidence, Evidence],
) -> JudgedCell | None:
    """The change by all images of both sides; none without further images.

    The further images contradict a drop where their own 95 % interval is below half of the first drop: a few images
    that happen to be right do not, so a small reserve costs no power.
    """
    ours, theirs = _joined(*before), _joined(*after)
    shared = np.intersect1d(ours.indices, theirs.indices)
    others = np.setdiff1d(shared, np.intersect1d(before[0].indices, after[0].indices))
    if not len(others):
        return None
    alone, pooled = (_tested(change, recorded, _of(ours, kept), cell, theirs) for kept in (others, shared))
    assert change.drop is not None
    assert alone.drop is not None
    disagrees = alone.drop.high < (change.tolerance + change.drop.value) / 2
    ends = (float(_of(side, shared).correct.mean()) for side in (ours, theirs))
    return _settled(change, pooled, f"{len(others)} further images", disagrees=disagrees)._replace(
        before=next(ends), after=next(ends)
    )


def _by_runs(
    change: JudgedCell, recorded: Recorded, before: Evidence, cell: GatedCell, more: Evidence
) -> JudgedCell | None:
    """The change by all training runs; the further runs contradict a drop where they show none."""
    known = len(cell.evidence.correct)
    if len(more.correct) <= known:
        return None
    alone = _tested(change, recorded, before, cell, more._replace(correct=more.correct[known:]))
    pooled = _tested(change, recorded, before, cell, more)
    disagrees = alone.drop is not None and alone.drop.value <= change.tolerance
    settled = _settled(change, pooled, f"{len(more.correct) - known} further training runs", disagrees=disagrees)
    return settled._replace(after=float(more.correct.mean()))


def _joined(one: Evidence, other: Evidence) -> Evidence:
    """The images of both, each once."""
    is_new = ~np.isin(other.indices, one.indices)
    correct = np.concatenate((one.correct, other.correct[:, is_new]), axis=1)
    return Evidence(correct, np.concatenate((one.indices, other.indices[is_new])))


def _of(evidence: Evidence, indices: IntArray) -> Evidence:
    """The evidence on some of the images."""
    is_kept = np.isin(evidence.indices, indices)
    return Evidence(evidence.correct[:, is_kept], evidence.indices[is_kept])


def _settled(change: JudgedCell, pooled: JudgedCell, why: str, *, disagrees: bool) -> JudgedCell:
    assert pooled.drop is not None
    drop = pooled.drop._replace(p_worse=1.0) if disagrees else pooled.drop
    return pooled._replace(drop=drop, why=why, detectable=change.detectable)


def _check_sensitivity(baseline: Baseline, changes: Iterable[JudgedCell]) -> None:
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
