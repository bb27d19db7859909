"""Attacks that are made on other models than the one they are scored on, and how specs name them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from qaml.attacks.base import AttackPart, AttackResult, Progress, Target
from qaml.errors import PartError
from qaml.registry import AttackName
from qaml.types import Tensor
from qaml.vocab import Norm

SEPARATOR = "@"
"""Separator in names such as ``pgd@convnet``: the attack ``pgd`` made on the model ``convnet``."""


def made_on(attack: str, model: str) -> str:
    """The name of an attack made on this model, as specs write it."""
    return f"{attack}{SEPARATOR}{model}"


def as_seen_by(name: str, model: str) -> str:
    """The attack's name for this model: made on the model itself, ``pgd@convnet`` is plain ``pgd`` (white-box)."""
    attack, separator, maker = name.rpartition(SEPARATOR)
    return attack if separator and maker == model else name


class MadeElsewhere(AttackPart, ABC):
    """An attack that computes nothing itself: the runner runs ``resolved(…)`` on the models that it names.

    Norm, budgets and reach are the named attack's.
    """

    attack: AttackName
    """The attack that runs; ``epsilon`` here replaces its budgets, ``box`` its box."""

    needs_gradients: ClassVar[bool] = False
    is_white_box: ClassVar[bool] = False
    words: ClassVar[str]
    """The name of this kind of attack for readers."""

    @property
    @abstractmethod
    def makers(self) -> tuple[str, ...]:
        """The models that adversarials are made on."""

    def resolved(self, inner: AttackPart) -> AttackPart:
        """The attack to run.

        Args:
            inner: the attack that ``attack`` names.

        Raises:
            PartError: the named attack is itself made elsewhere.
        """
        if isinstance(inner, MadeElsewhere):
            article = "another" if inner.kind == self.kind else "a"
            raise PartError(
                f"expected {self.attack!r} to be an attack that computes adversarials, got {article} {inner.words}",
                "name the attack behind it",
            )
        own = {"epsilon": self.epsilon, "box": self.box}
        replaced = {name: value for name, value in own.items() if value is not None}
        return inner.model_copy(update=replaced) if replaced else inner

    @property
    def threat_norm(self) -> Norm:
        """Unknown here: the norm is the named attack's.

        Raises:
            PartError: always; use ``resolved(…)``.
        """
        raise self._unresolved("norm and step size")

    @property
    def grid(self) -> tuple[float, ...]:
        """The budgets given here; without them, the named attack's.

        Raises:
            PartError: no budgets are given here; use ``resolved(…)``.
        """
        if self.epsilon is None:
            raise self._unresolved("budgets")
        return self.epsilon

    def run(self, target: Target, inputs: Tensor, labels: Tensor, seed: int, progress: Progress) -> AttackResult:  # noqa: ARG002
        """Refuse: only the runner has the models that adversarials are made on.

        Raises:
            PartError: always; run ``resolved(…)`` on those models.
        """
        raise self._unresolved("adversarials")

    def _unresolved(self, what: str) -> PartError:
        models = " and ".join(repr(name) for name in self.makers)
        return PartError(
            f"the {what} of a {self.words} are those of its attack {self.attack!r} on {models}",
            "resolve the named attack first",
        )


def computing(attacks: Mapping[str, AttackPart], name: str) -> AttackPart:
    """The attack that computes adversarials: the named one, or the one that it names.

    Raises:
        PartError: the attack that it names is itself made elsewhere.
    """
    part = attacks[name]
    return part.resolved(attacks[part.attack]) if isinstance(part, MadeElsewhere) else part


def makers(attacks: Mapping[str, AttackPart], name: str) -> tuple[str, ...]:
    """The other models that an attack's adversarials are made on; empty if they are made on the target itself."""
    part = attacks[name]
    return part.makers if isinstance(part, MadeElsewhere) else ()
