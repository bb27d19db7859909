"""From a session's cells to a baseline file, whole or in part."""

from __future__ import annotations

from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qaml.gate.baseline import Baseline, Evidence, GateError, Recorded, read_baseline, write_baseline
from qaml.gate.cells import Cell, measured_cells
from qaml.judge.assemble import checkout

if TYPE_CHECKING:
    from qaml.judge.session import Session


def save(session: Session, path: Path, **settings: Any) -> Baseline:
    """Accept everything that the session's claims measured.

    Args:
        session: whose claims are selected and measured.
        path: of the baseline.
        settings: level, sensitivity and tolerances.

    Raises:
        GateError: nothing is measured yet, or a file cannot be written.
    """
    cells = _measured(session)
    evidence = {_array(number): cell.evidence for number, cell in enumerate(cells.values())}
    recorded = {name: _recorded(cell, _array(number)) for number, (name, cell) in enumerate(cells.items())}
    return write_baseline(path, _about(session) | {"cells": recorded, **settings}, evidence)


def update(session: Session, path: Path, patterns: list[str]) -> Baseline:
    """Accept what was measured in the cells that fit a pattern; the others and the settings stay.

    Cells that no claim measures any more go if they fit.

    Raises:
        GateError: the baseline cannot be read, is of another profile, or no cell fits.
    """
    old, known = read_baseline(path)
    if old.profile != session.options.profile:
        hint = f"give --profile {old.profile}"
        raise GateError(f"{path} is of profile {old.profile}, not {session.options.profile}", hint)
    now = _measured(session)
    fitting = {name for name in {*old.cells, *now} if any(fnmatchcase(name, pattern) for pattern in patterns)}
    if not fitting:
        raise GateError(f"no cell fits {' or '.join(patterns)}", f"cells are named such as {next(iter(now))}")
    cells: dict[str, Recorded] = {}
    evidence: dict[str, Evidence] = {}
    for number, name in enumerate(sorted({*old.cells, *now})):
        if name in fitting and name not in now:
            continue
        if name in fitting:
            cells[name], evidence[_array(number)] = _recorded(now[name], _array(number)), now[name].evidence
        elif name in old.cells:
            cells[name] = old.cells[name].model_copy(update={"evidence": _array(number)})
            evidence[_array(number)] = known[old.cells[name].evidence]
    settings = old.model_dump(include={"level", "sensitivity", "tolerances"})
    return write_baseline(path, _about(session) | {"cells": cells, **settings}, evidence)


def _measured(session: Session) -> dict[str, Cell]:
    cells = measured_cells(session)
    if not cells:
        raise GateError("nothing of these claims has been measured yet", "run them first, with the same store")
    return cells


def _about(session: Session) -> dict[str, Any]:
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return {"created": created, "commit": checkout(), "profile": session.options.profile}


def _array(number: int) -> str:
    return f"c{number}"


def _recorded(cell: Cell, array: str) -> Recorded:
    runs, images = cell.evidence.correct.shape
    accuracy = round(float(cell.evidence.correct.mean(dtype="float64")), 6)
    return Recorded(
        accuracy=accuracy,
        runs=runs,
        images=images,
        data=cell.data,
        measure=cell.measure,
        weights=cell.weights,
        evidence=array,
    )
