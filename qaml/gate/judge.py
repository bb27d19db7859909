"""One call for the edges: a session's cells against a baseline file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qaml.gate.baseline import GateError, read_baseline
from qaml.gate.cells import measured_cells
from qaml.gate.fresh import Fresh, further_images, further_runs
from qaml.gate.regression import Change, compare
from qaml.judge.past import CellChange, Regression
from qaml.judge.record import Interval
from qaml.spec.load import as_typed

if TYPE_CHECKING:
    from qaml.judge.session import Session


def judged(session: Session, file: Path) -> Regression:
    """What became of every cell of the baseline and of the session's claims; vanished ones only of whole suites.

    Cells of the baseline whose suites are not in the session, and those that claims left out by selection measure, are
    not looked at.

    Raises:
        GateError: the baseline cannot be read, is of another profile, or asks for more than the data can give.
    """
    baseline, evidence = read_baseline(file)
    if baseline.profile != session.options.profile:
        raise GateError(f"{file} is of profile {baseline.profile}, the run of {session.options.profile}", "use one")
    chosen = {claim.node for claim in session.selected}
    whole = {s.name for s in session.suites if all(f"{s.name}::{c.id}" in chosen for c in s.claims)}
    now = measured_cells(session)
    kept = {name: cell for name, cell in baseline.cells.items() if name in now or name.partition("/")[0] in whole}
    fresh = Fresh(partial(further_runs, session), partial(further_images, session, n=baseline.reserve))
    changes = compare(baseline.model_copy(update={"cells": kept}), evidence, now, fresh)
    return Regression(
        created=baseline.created,
        commit=baseline.commit,
        level=baseline.level,
        changes=tuple(_recorded(change) for change in changes),
    )


def _recorded(change: Change) -> CellChange:
    drop = change.drop
    interval = drop and Interval(value=drop.value, low=drop.low, high=drop.high, method=drop.method)
    file = as_typed(Path(change.file)) if change.file else ""
    return CellChange(**{**change._asdict(), "drop": interval, "file": file})
