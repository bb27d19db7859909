"""From a session's cells to a baseline file, whole or in part."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from qaml.gate.baseline import Baseline, Evidence, GateError, Recorded, read_baseline, write_baseline
from qaml.gate.cells import GatedCell, measured_cells
from qaml.gate.fresh import further_images
from qaml.plan.canonical import canonical
from qaml.session.assembly import checkout
from qaml.session.session import Session


def save(session: Session, path: Path, **settings: Any) -> Baseline:
    """Accept everything that the session's claims measured.

    Args:
        session: the session, whose claims are selected and measured.
        path: path of the baseline.
        settings: level, sensitivity, reserve and tolerances.

    Raises:
        GateError: nothing is measured yet, or a file cannot be written.
    """
    cells = _measured(session)
    reserve = _reserve(session, cells, settings.get("reserve", 0))
    recorded: dict[str, Recorded] = {}
    evidence: dict[str, Evidence] = {}
    for number, (name, cell) in enumerate(cells.items()):
        _add(recorded, evidence, name, cell, reserve.get(name), _array(number))
    about = _about(session) | {"libraries": _libraries(cells)}
    return write_baseline(path, about | {"cells": recorded, **settings}, evidence)


def update(session: Session, path: Path, patterns: list[str]) -> Baseline:
    """Accept what was measured in the cells that fit a pattern; the other cells and the settings stay.

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
    reserve = _reserve(session, {name: now[name] for name in now.keys() & fitting}, old.reserve)
    cells: dict[str, Recorded] = {}
    evidence: dict[str, Evidence] = {}
    for number, name in enumerate(sorted({*old.cells, *now})):
        if name in fitting and name not in now:
            continue
        if name in fitting:
            _add(cells, evidence, name, now[name], reserve.get(name), _array(number))
        elif name in old.cells:
            kept = old.cells[name]
            arrays = {_array(number): kept.evidence, _spare(_array(number)): kept.reserve}
            evidence |= {array: known[before] for array, before in arrays.items() if before is not None}
            spare = kept.reserve and _spare(_array(number))
            cells[name] = kept.model_copy(update={"evidence": _array(number), "reserve": spare})
    settings = old.model_dump(include={"level", "sensitivity", "reserve", "tolerances"})
    named = old.libraries | _libraries(now)
    used = {cell.libraries for cell in cells.values()}
    about = _about(session) | {"libraries": {name: named[name] for name in sorted(used & named.keys())}}
    return write_baseline(path, about | {"cells": cells, **settings}, evidence)


def _measured(session: Session) -> dict[str, GatedCell]:
    cells = measured_cells(session)
    if not cells:
        raise GateError("nothing of these claims has been measured yet", "run them first, with the same store")
    return cells


def _libraries(cells: Mapping[str, GatedCell]) -> dict[str, dict[str, str]]:
    """The libraries that measured these cells: name → distribution → version."""
    return {_name_of(cell.versions): dict(cell.versions) for cell in cells.values()}


def _name_of(versions: Mapping[str, str]) -> str:
    return hashlib.sha256(canonical(dict(versions)).encode()).hexdigest()[:8]


def _about(session: Session) -> dict[str, Any]:
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return {"created": created, "commit": checkout(), "profile": session.options.profile}


def _array(number: int) -> str:
    return f"c{number}"


def _spare(array: str) -> str:
    return f"{array}r"


def _reserve(session: Session, cells: Mapping[str, GatedCell], n: int) -> Mapping[str, Evidence]:
    """Evidence on further images of cells with fixed weights; models that are trained again have further runs."""
    names = [name for name, cell in cells.items() if cell.is_fixed]
    found = further_images(session, names, n) if n and names else {}
    if n and cells and not found:
        what = "no cell has fixed weights" if not names else "the suites attack all test images that there are"
        hint = "a reserve is for models with weights of their own, in suites whose 'images' leaves some"
        raise GateError(f"no image can be kept in reserve: {what}", hint)
    return found


def _add(
    cells: dict[str, Recorded],
    evidence: dict[str, Evidence],
    name: str,
    cell: GatedCell,
    reserve: Evidence | None,
    array: str,
) -> None:
    cells[name], evidence[array] = _recorded(cell, array), cell.evidence
    if reserve is not None:
        cells[name] = cells[name].model_copy(update={"reserve": _spare(array), "spare": len(reserve.indices)})
        evidence[_spare(array)] = reserve


def _recorded(cell: GatedCell, array: str) -> Recorded:
    runs, images = cell.evidence.correct.shape
    accuracy = round(float(cell.evidence.correct.mean(dtype="float64")), 6)
    return Recorded(
        accuracy=accuracy,
        runs=runs,
        images=images,
        data=cell.data,
        measure=cell.measure,
        code=cell.code,
        libraries=_name_of(cell.versions),
        weights=cell.weights,
        evidence=array,
    )
