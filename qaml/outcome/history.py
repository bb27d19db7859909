"""Earlier runs, kept small beside the artefact store: the value of each cell and claim, run by run."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from qaml.files.checksum import seal
from qaml.files.regular import read_regular
from qaml.files.write import write
from qaml.outcome.outcome import CellValue, Outcomes
from qaml.outcome.past import Past
from qaml.outcome.record import Interval, Record, parse_record
from qaml.outcome.upgrade import Format, VersionError, current

FOLDER = "history"
"""Name of the folder of earlier runs in the artefact store."""
MOST = 20
"""Number of earlier runs that a report includes."""
_MOST_BYTES = 64 << 20


FORMAT = Format(upgrades=(lambda fields: {"run": fields},))
"""Version 2 has a checksum and names its version."""


class _Kept(Record):
    """The file of an earlier run."""

    schema_version: int = FORMAT.version
    run: Past


class Trend(NamedTuple):
    """One cell over the runs that measured it.

    Attributes:
        cell: name of the cell.
        metric: metric of its values.
        runs: runs that measured it, oldest first.
        values: (value, low, high) of each run.
    """

    cell: str
    metric: str
    runs: tuple[Past, ...]
    values: tuple[tuple[float, float, float], ...]


def remember(outcomes: Outcomes, store: Path) -> Path:
    """Keep the numbers of a run.

    Raises:
        StoreError: the file cannot be written.
    """
    past = _past(outcomes)
    stamp = "".join(character if character.isalnum() else "-" for character in outcomes.created)
    target = store / FOLDER / f"{stamp}-{uuid.uuid4().hex[:8]}.json"  # of its own: several runs may end at once
    write(target, seal(_Kept(run=past).model_dump_json() + "\n"))
    return target


def is_repeated(outcomes: Outcomes, runs: Sequence[Past]) -> bool:
    """Whether the last of these runs has measured and judged the same at the same commit, and perhaps more."""
    if not runs:
        return False
    own, last = (past.model_dump(mode="json") for past in (_past(outcomes), runs[-1]))  # numbers as they are kept
    is_same = all(own[name].items() <= last[name].items() for name in ("cells", "metrics", "verdicts"))
    return is_same and own["commit"] == last["commit"]


def _past(outcomes: Outcomes) -> Past:
    """A run in short."""
    cells = {cell_name(o.suite, c): c for o in outcomes.outcomes for c in o.cells}
    commits = sorted({o.provenance.commit for o in outcomes.outcomes if o.provenance.commit})
    return Past(
        created=outcomes.created,
        profile=outcomes.profile,
        commit=commits[-1] if commits else None,
        cells={name: (c.estimate.value, c.estimate.low, c.estimate.high) for name, c in sorted(cells.items())},
        metrics={name: c.metric for name, c in sorted(cells.items())},
        verdicts={o.node: o.verdict for o in outcomes.outcomes},
    )


def cell_name(suite: str, cell: CellValue) -> str:
    """``suite/model/attack@budget metric``; several attacks are joined by ``+``."""
    attack = "+".join(cell.attack) or "clean"
    epsilon = cell.epsilon
    budget = "" if epsilon is None or math.isnan(epsilon) or not cell.attack else f"@{epsilon:g}"
    return f"{suite}/{cell.model}/{attack}{budget} {cell.metric}"


class History(NamedTuple):
    """The earlier runs that could be read.

    Attributes:
        runs: earlier runs, oldest first.
        notes: messages about files that could not be read.
    """

    runs: list[Past]
    notes: list[str]


def recall(store: Path, profile: str = "") -> History:
    """Every run that was kept; damaged files are left out and named. Nothing is written."""
    return _history(store, lambda past: profile in ("", past.profile))


def recall_for(outcomes: Outcomes, store: Path) -> History:
    """The last runs that a report of these outcomes includes, and one more, since the last may be the same as this one.

    Older ones are not even read.
    """
    cells = {cell_name(o.suite, cell) for o in outcomes.outcomes for cell in o.cells}
    nodes = {o.node for o in outcomes.outcomes}

    def is_known(past: Past) -> bool:
        shares = not cells.isdisjoint(past.cells) or not nodes.isdisjoint(past.verdicts)
        return past.profile == outcomes.profile and shares

    return _history(store, is_known, MOST + 1)


def _history(store: Path, is_wanted: Callable[[Past], bool], most: int | None = None) -> History:
    runs: list[Past] = []
    notes = []
    try:
        names = sorted((path for path in (store / FOLDER).iterdir() if path.suffix == ".json"), reverse=True)
    except FileNotFoundError:
        names = []
    except OSError as error:
        return History([], [f"{store / FOLDER} cannot be read: {error.strerror}"])
    for path in names:  # their names begin with the time
        try:
            past = _read(path)
        except OSError as error:
            notes.append(f"{path} cannot be read: {error.strerror}; it is left out")
        except VersionError as error:
            notes.append(f"{path} {error}; it is left out")
        except ValueError:
            notes.append(f"{path} is damaged and left out: delete it")
        else:
            runs += [past] if is_wanted(past) else []
            if len(runs) == most:
                break
    return History(sorted(runs, key=lambda past: past.created), notes)


def _read(path: Path) -> Past:
    return parse_record(_Kept, current(read_regular(path, _MOST_BYTES), FORMAT)).run


def with_earlier(outcomes: Outcomes, runs: Sequence[Past]) -> Outcomes:
    """The outcomes with the last runs of their profile, as far as these measured cells or judged claims of theirs.

    Args:
        outcomes: outcomes of this run.
        runs: runs that were kept before, oldest first.
    """
    cells = {cell_name(o.suite, cell) for o in outcomes.outcomes for cell in o.cells}
    nodes = {o.node for o in outcomes.outcomes}
    kept = []
    for past in (past for past in runs if past.profile == outcomes.profile):
        own = {name: numbers for name, numbers in past.cells.items() if name in cells}
        verdicts = {node: verdict for node, verdict in past.verdicts.items() if node in nodes}
        metrics = {name: past.metrics.get(name, "") for name in own}
        if own or verdicts:
            kept.append(past.model_copy(update={"cells": own, "metrics": metrics, "verdicts": verdicts}))
    return outcomes.model_copy(update={"earlier": tuple(kept[-MOST:])})


def trends(runs: Sequence[Past], patterns: Iterable[str] = ("*",)) -> list[Trend]:
    """Every cell that fits a pattern, over the runs that measured it."""
    wanted = tuple(patterns)
    names = sorted({name for past in runs for name in past.cells})
    found = []
    for name in (name for name in names if any(fnmatchcase(name, pattern) for pattern in wanted)):
        own = tuple(past for past in runs if name in past.cells)
        found.append(Trend(name, own[-1].metrics.get(name, ""), own, tuple(_point(past.cells[name]) for past in own)))
    return found


def interval_of(numbers: Sequence[float]) -> Interval:
    """A kept cell as an interval."""
    value, low, high = _point(numbers)
    return Interval(value=value, low=low, high=high)


def are_apart(one: Interval, other: Interval) -> bool:
    """Whether neither interval holds the other's value; a number is apart from a missing one.

    Kept numbers have five digits: what agrees to four is the same.
    """
    is_same = math.isclose(one.value, other.value, rel_tol=1e-4)
    if is_same or (math.isnan(one.value) and math.isnan(other.value)):
        return False
    return not (one.low <= other.value <= one.high or other.low <= one.value <= other.high)


def _point(numbers: Sequence[float]) -> tuple[float, float, float]:
    value, low, high = (*numbers, math.nan, math.nan, math.nan)[:3]
    return value, low, high
