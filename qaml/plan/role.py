"""Roles: what the artefact of one step is for another step that reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeVar

T = TypeVar("T")
OfModel = Literal["clean", "data", "embed", "inspect", "train"]
OfAttack = Literal["attack", "battery", "exact", "nearer", "picture", "plant", "portrait", "weaker"]
InStep = Literal["attack", "data", "embedding", "leader", "start", "surrogate", "train", "undefended"]
RoleKind = OfModel | OfAttack | InStep
"""Kinds of artefacts that a judge reads of a model and of an attack on it, and that the code of other steps reads."""


class Role(NamedTuple):
    """The role of a parent for the step that reads it.

    Attributes:
        kind: the kind of artefact that is read.
        model: name of the model in the suite; empty if the step is about one model.
        attack: name of the attack in the suite; empty if there is none, or the step is about one attack.
        replicate: number among several of one kind: of a training run, an attacked model of a joint attack, a budget.
    """

    kind: RoleKind
    model: str = ""
    attack: str = ""
    replicate: int | None = None

    def __str__(self) -> str:
        """The text for keys, manifests and people; it is never parsed.

        Seeds depend on the texts of the parents' roles, so these stay.
        """
        return " ".join(str(each) for each in self if each not in ("", None))


def numbered(kind: RoleKind, steps: Sequence[T], model: str = "", attack: str = "") -> dict[Role, T]:
    """Several steps of one kind, by role; ``replicate`` counts from 0."""
    return {Role(kind, model, attack, number): step for number, step in enumerate(steps)}
