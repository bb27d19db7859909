"""Checks of a claim's cells: the metric, the attack and the epsilon must fit one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from qaml.attacks.base import AttackPart
from qaml.budgets import place_on_grid
from qaml.claims.base import Cell, ClaimPart, ReportedTable
from qaml.errors import PartError
from qaml.spec.claims import BuiltClaim
from qaml.spec.nodes import Path
from qaml.spec.pairs import Pairs
from qaml.spec.problems import Problems


class PlacedCell(NamedTuple):
    """A cell of a claim, with its path below the claim."""

    cell: Cell
    path: Path


def check_cells(
    claims: Sequence[BuiltClaim], tables: Mapping[str, ReportedTable], pairs: Pairs, problems: Problems
) -> None:
    """Note every cell that cannot be measured as it is written."""
    for claim in claims:
        try:
            placed = placed_cells(claim.entry.part, tables)
        except PartError as error:
            problems.value(claim.node, claim.path, error.message, error.hint)
            continue
        for cell, path in placed:
            for where, message, hint in _complaints(cell, pairs):
                full = (*path, *where)
                problems.value(claim.node.at(full), (*claim.path, *full), message, hint)


def placed_cells(part: ClaimPart, tables: Mapping[str, ReportedTable]) -> list[PlacedCell]:
    """The cells that a claim measures, with the place each is written at (the claim itself where there is none).

    Raises:
        PartError: the claim names what its table does not have.
    """
    written: dict[str, Path] = {}
    for cell, path in _written(part, ()):
        written.setdefault(_identity(cell), path)
    cells = part.cells(tables)
    unnamed = [cell.model_copy(update={"metric": None}) for cell in cells]
    return [
        PlacedCell(cell, written.get(_identity(cell), written.get(_identity(bare), ())))
        for cell, bare in zip(cells, unnamed, strict=True)
    ]


def _identity(cell: Cell) -> str:
    """A cell's fields, less those that a kind adds (such as a weight)."""
    return repr([getattr(cell, name) for name in Cell.model_fields])


def _written(value: Any, path: Path) -> Iterator[PlacedCell]:
    if isinstance(value, Cell):
        yield PlacedCell(value, path)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _written(getattr(value, name), (*path, name))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _written(item, (*path, name))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, item in enumerate(value):
            yield from _written(item, (*path, index))


class _Complaint(NamedTuple):
    where: Path
    message: str
    hint: str = ""


def _complaints(cell: Cell, pairs: Pairs) -> Iterator[_Complaint]:
    yield from _metric_and_attack(cell)
    for obstacle in pairs.unmeasurable(cell.model, cell.definition):
        yield _Complaint(("model",), obstacle.message, obstacle.hint)
    if cell.aggregate is not None and cell.epsilon != "every":
        yield _Complaint(("aggregate",), f"'{cell.aggregate}' needs several epsilons", "add 'epsilon: every'")
    known = {name: pairs.attacks[name] for name in cell.attack if name in pairs.attacks}
    for name, attack in known.items():
        yield from _distances(cell, name, attack, pairs.is_made_elsewhere(name))
        yield from _budget(cell, name, attack)
        for obstacle in pairs.obstacles(cell.model, name):
            yield _Complaint(("attack",), obstacle.message, obstacle.hint)
    norms = {name: attack.threat_norm for name, attack in known.items()}
    if isinstance(cell.epsilon, float) and len(set(norms.values())) > 1:
        listed = ", ".join(f"{name} in {norm}" for name, norm in norms.items())
        yield _Complaint(("epsilon",), f"one epsilon for attacks in several norms: {listed}", "leave 'epsilon' out")


def _metric_and_attack(cell: Cell) -> Iterator[_Complaint]:
    takes = cell.definition.attacks
    if takes != "none":
        if not cell.attack and takes != "optional":
            yield _Complaint((), f"metric {cell.metric!r} needs an attack", "add 'attack: name'")
        elif not cell.attack and cell.epsilon is not None:
            yield _Complaint(("epsilon",), f"metric {cell.metric!r} takes no epsilon without an attack", "remove it")
        return
    if cell.attack:
        yield _Complaint(("attack",), f"metric {cell.metric!r} takes no attack", "remove 'attack'")
    if cell.epsilon is not None:
        yield _Complaint(("epsilon",), f"metric {cell.metric!r} takes no epsilon", "remove 'epsilon'")


def _distances(cell: Cell, name: str, attack: AttackPart, is_made_elsewhere: bool) -> Iterator[_Complaint]:
    """Whether metrics of distances have some, and others have adversarials."""
    basis = cell.definition.basis
    if basis == "norms" and not attack.minimises:
        message = f"metric {cell.metric!r} needs an attack that minimises, {name!r} ({attack.kind}) does not"
        yield _Complaint(
            ("attack",), message, "use deepfool or carlini_wagner, or hop_skip_jump where there are no gradients"
        )
    elif basis == "distances" and not attack.needs_exact:
        message = f"metric {cell.metric!r} needs exact distances, {name!r} ({attack.kind}) finds adversarials only"
        yield _Complaint(("attack",), message, "use an attack of kind 'exact_l2'")
    elif basis in ("norms", "distances") and is_made_elsewhere:
        message = f"metric {cell.metric!r} needs distances of the model itself, {name!r} is made on another one"
        yield _Complaint(("attack",), message, "attack the model itself")
    elif basis not in ("norms", "distances") and attack.is_bound:
        message = f"attack {name!r} is a bound without adversarials, and metric {cell.metric!r} needs some"
        yield _Complaint(("attack",), message, "use 'certified_accuracy' or 'norm_quantile', or 'norm: l2'")


def _budget(cell: Cell, name: str, attack: AttackPart) -> Iterator[_Complaint]:
    budget = cell.definition.budget
    if budget == "found" or _is_at_any_radius(cell, attack):
        return
    if attack.epsilon is None:
        if budget == "radius" and cell.epsilon is None:
            message = f"metric {cell.metric!r} needs an epsilon: the radius to certify"
            yield _Complaint((), message, "add 'epsilon: 0.5'")
        elif cell.epsilon is not None:
            message = f"attack {name!r} has no epsilon"
            yield _Complaint(("epsilon",), message, f"give attacks.{name} an 'epsilon'")
        elif cell.protocol == "budgeted" and budget not in ("none", "optional"):
            message = f"attack {name!r} has no epsilon, and without a budget about nothing is left of any model"
            yield _Complaint(("attack",), message, f"give attacks.{name} an 'epsilon', or 'protocol: as_published'")
    elif isinstance(cell.epsilon, float) and place_on_grid(attack.grid, cell.epsilon) is None:
        grid = ", ".join(f"{epsilon:g}" for epsilon in attack.grid)
        message = f"epsilon {cell.epsilon:g} is not on the grid of attack {name!r}"
        yield _Complaint(("epsilon",), message, f"grid of {name}: {grid}")


def _is_at_any_radius(cell: Cell, attack: AttackPart) -> bool:
    """Whether exact distances give the value at the cell's epsilon, on a grid or not."""
    if not attack.needs_exact or not isinstance(cell.epsilon, float):
        return False
    definition = cell.definition
    return definition.budget == "radius" or (attack.epsilon is None and definition.basis == "answers")
