"""Budgets against the box that inputs lie in: one that spans it replaces an image entirely, and tests nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from qaml.attacks.base import AttackPart
from qaml.attacks.elsewhere import SEPARATOR, MadeElsewhere
from qaml.budgets import is_under, is_within
from qaml.claims.base import ReportedTable
from qaml.errors import PartError
from qaml.registry import references
from qaml.spec.cells import placed_cells
from qaml.spec.claims import BuiltClaim
from qaml.spec.nodes import Located, Path
from qaml.spec.problems import Problems
from qaml.spec.suite import Suite
from qaml.types import InputInfo
from qaml.vocab import Norm


class Box(NamedTuple):
    """The largest sensible budget: the width of the bounds in L∞, their diagonal in L2; none where a side is open."""

    dataset: str
    info: InputInfo

    def reach(self, norm: Norm) -> float:
        """The largest perturbation that the bounds allow."""
        width = self.info.bounds.width
        return width if norm == "linf" else width * math.sqrt(self.info.n_features)


def check_budgets(
    suite: Suite,
    document: Located,
    attacks: Mapping[str, AttackPart],
    infos: Mapping[str, InputInfo],
    claims: Sequence[BuiltClaim],
    problems: Problems,
) -> None:
    """Note budgets and steps that reach every input.

    The whole box itself is allowed where it ends a grid of smaller budgets, as a check that an attack reaches it.

    Args:
        suite: the suite, with its parts.
        document: the document as it is written.
        attacks: name → the attack that is computed.
        infos: dataset → the description of its inputs.
        claims: claims of the suite.
        problems: collects the mistakes.
    """
    used = _used_on(suite, claims)
    for name, attack in attacks.items():
        named = suite.attacks[name]
        if SEPARATOR in name or attack.ignores_bounds or (isinstance(named, MadeElsewhere) and named.epsilon is None):
            continue
        boxes = [Box(dataset, infos[dataset]) for dataset in sorted(used.get(name, ())) if dataset in infos]
        if not boxes:  # no claim uses it yet, so its inputs are unknown
            every = [Box(dataset, info) for dataset, info in infos.items()]
            boxes = sorted(every, key=lambda box: box.reach(attack.threat_norm))[-1:]
        for field, message, hint in _complaints(attack, boxes):
            path: Path = ("attacks", name, field)
            problems.value(document.at(path), path, message, hint)
    for title, table in suite.reported.items():
        path = ("reported", title, "epsilon")
        for message, hint in _of_table(table, suite, attacks, infos):
            problems.value(document.at(path), path, message, hint)
            break


def _used_on(suite: Suite, claims: Sequence[BuiltClaim]) -> dict[str, set[str]]:
    """Attack → the datasets that it perturbs, by the name under which its budget is written."""
    used: dict[str, set[str]] = {}
    for model, attack in _pairs(suite, claims):
        entry, part = suite.models.get(model), suite.attacks.get(attack)
        if entry is None or part is None:
            continue
        written = part.attack if isinstance(part, MadeElsewhere) and part.epsilon is None else attack
        used.setdefault(written, set()).add(entry.dataset)
    return used


def _pairs(suite: Suite, claims: Sequence[BuiltClaim]) -> Iterator[tuple[str, str]]:
    for claim in claims:
        try:
            cells = placed_cells(claim.entry.part, suite.reported)
        except PartError:  # noted where cells are checked
            continue
        yield from ((placed.cell.model, name) for placed in cells for name in placed.cell.attack)
    for model in suite.models.values():
        yield from ((model.name, name) for _, table, name in references(model.defences) if table == "attacks")
    for detector in suite.detectors.values():
        yield from ((model, name) for model in detector.models for name in detector.attacks)
    for table in suite.reported.values():
        yield from ((column, row) for column in table.columns for row in table.rows)


def _complaints(attack: AttackPart, boxes: Sequence[Box]) -> Iterator[tuple[str, str, str]]:
    """(field, message, hint), the first of each field."""
    for box in boxes:
        reach = box.reach(attack.threat_norm)
        for budget in attack.epsilon or ():
            is_alone = len(attack.epsilon or ()) == 1
            if not is_within(budget, reach) or (is_alone and not is_under(budget, reach)):
                yield "epsilon", *_spans("epsilon", budget, attack.threat_norm, box)
                break
        step = getattr(attack, "step", None)
        if step is not None and not is_within(step, reach):
            yield "step", *_spans("a step of", step, attack.threat_norm, box)


def _of_table(
    table: ReportedTable, suite: Suite, attacks: Mapping[str, AttackPart], infos: Mapping[str, InputInfo]
) -> Iterator[tuple[str, str]]:
    budget = table.epsilon
    columns = [suite.models[name].dataset for name in table.columns if name in suite.models]
    for row in table.rows:
        if budget is None or row not in attacks or attacks[row].ignores_bounds:
            continue
        norm = attacks[row].threat_norm
        for dataset in columns:
            if dataset in infos and not is_within(budget, (box := Box(dataset, infos[dataset])).reach(norm)):
                yield _spans("epsilon", budget, norm, box)


def _spans(what: str, value: float, norm: Norm, box: Box) -> tuple[str, str]:
    low, high = box.info.bounds
    diagonal = f", {box.reach('l2'):g} from corner to corner" if norm == "l2" else ""
    message = f"{what} {value:g} in {norm} reaches any input from any other: {box.dataset!r} lies in "
    message += f"{box.info.bounds.in_words()}{diagonal}"
    if not (value.is_integer() and 1 <= value < 255):
        return message, "budgets are in the dataset's units; smaller ones leave something of the input"
    if high - low == 1:
        return message, f"did you mean {value:g}/255?"
    return message, f"did you mean {value:g}/255 of its width, {value * (high - low) / 255:.4g}?"
