"""What one step is to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeVar

T = TypeVar("T")
OfModel = Literal["clean", "data", "embed", "inspect", "train"]
OfAttack = Literal["attack", "battery", "exact", "nearer", "picture", "plant", "portrait", "weaker"]
InStep = Literal["attack", "data", "embedding", "leader", "start", "surrogate", "train", "undefended"]
RoleKind = OfModel | OfAttack | InStep
"""What a judge reads of a model and of an attack on it, and what the code of other steps reads."""


class Role(NamedTuple):
    """What a parent is to the step that reads it.

    Attributes:
        kind: what is read.
        model: name of the model in the suite; empty where the step is about one model.
        attack: name of the attack in the suite; empty where no attack is meant, or where the step is about one.
        replicate: which of several of one kind: the training run, the attacked model of a joint attack, the budget.
    """

    kind: RoleKind
    model: str = ""
    attack: str = ""
    replicate: int | None = None

    def __str__(self) -> str:
        """The text for keys, manifests and people; nothing reads it back.

        Seeds depend on the texts of the parents' roles, so these stay.
        """
        return " ".join(str(each) for each in self if each not in ("", None))


def numbered(kind: RoleKind, steps: Sequence[T], model: str = "", attack: str = "") -> dict[Role, T]:
    """Several of one kind, by their roles."""
    return {Role(kind, model, attack, number): step for number, step in enumerate(steps)}
