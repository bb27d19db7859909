"""One call for the edges: a session's cells against a baseline file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from qaml.gate.baseline import Baseline, GateError, read_baseline
from qaml.gate.cells import measured_cells
from qaml.gate.fresh import Fresh, further_images, further_runs
from qaml.gate.regression import JudgedCell, compare
from qaml.outcome.past import CellChange, Regression
from qaml.outcome.record import Interval
from qaml.session.options import Options
from qaml.session.session import Session
from qaml.spec.load import as_typed


def judged(session: Session, file: Path) -> Regression:
    """Judge every cell of the baseline and of the session's claims; only whole suites have vanished cells.

    Cells of the baseline whose suites are not in the session, and those that claims left out by selection measure, are
    ignored.

    Raises:
        GateError: the baseline cannot be read, is of another profile, or asks for more than the data can give.
    """
    baseline, evidence = read_baseline(file)
    _check_scale(baseline, session.options, file)
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


def check_comparable(session: Callable[[], Session], file: Path) -> None:
    """Refuse a baseline with which a run could not be compared, before it runs.

    Args:
        session: returns the run's session; called only if the file is sound.
        file: path of the baseline.

    Raises:
        GateError: the baseline cannot be read, is of another profile, of training runs that cannot be compared with
            these, or of suites none of which is in the session.
    """
    baseline, _ = read_baseline(file)
    _check_scale(baseline, session().options, file)
    theirs = {name.partition("/")[0] for name in baseline.cells}
    ours = {suite.name for suite in session().suites}
    if theirs and not theirs & ours and not session().broken:
        raise GateError(
            f"{file} is of {_listed('suite', theirs)}, and the specs are of {_listed('suite', ours)}",
            "name its specs with --qaml-spec, or save a baseline of these",
        )


def _check_scale(baseline: Baseline, options: Options, file: Path) -> None:
    if baseline.profile != options.profile:
        hint = f"--qaml-profile {baseline.profile}, or a baseline of {options.profile}"
        raise GateError(f"{file} is of profile {baseline.profile}, the run of {options.profile}", hint)
    runs = sorted({cell.runs for cell in baseline.cells.values()})
    if options.seeds == 1 and runs and runs[0] > 1:
        raise GateError(
            f"{file} is of {' or '.join(map(str, runs))} training runs a model, and one run does not show how much "
            "they differ",
            f"--qaml-seeds {runs[0]}, or none",
        )


def _listed(what: str, names: Iterable[str]) -> str:
    found = sorted(names)
    return f"{what}{'s' if len(found) != 1 else ''} {', '.join(found) or '(none)'}"


def _recorded(change: JudgedCell) -> CellChange:
    drop = change.drop
    interval = drop and Interval(value=drop.value, low=drop.low, high=drop.high, method=drop.method)
    file = as_typed(Path(change.file)) if change.file else ""
    return CellChange(**{**change._asdict(), "drop": interval, "file": file})
