"""Transfer: adversarials made on one model, tried on another."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from qaml.attacks.base import AttackPart, AttackResult, Progress, Target
from qaml.errors import PartError
from qaml.registry import AttackName, ModelName
from qaml.vocab import Norm

if TYPE_CHECKING:
    from torch import Tensor


class Transfer(AttackPart):
    """An attack made on a surrogate and scored on the target (Papernot et al. 2016, arXiv 1605.07277).

    It computes nothing itself: the runner runs ``resolved(…)`` on the surrogate, and norm, budgets and reach are that
    attack's.
    """

    kind: Literal["transfer"] = "transfer"
    surrogate: ModelName
    """The model whose gradients are used."""
    attack: AttackName
    """The attack that runs on the surrogate; ``epsilon`` here replaces its budgets."""

    needs_gradients: ClassVar[bool] = False
    is_white_box: ClassVar[bool] = False

    def resolved(self, inner: AttackPart) -> AttackPart:
        """The attack to run on the surrogate.

        Args:
            inner: the attack that ``attack`` names.

        Raises:
            PartError: the named attack is itself a transfer.
        """
        if isinstance(inner, Transfer):
            raise PartError(
                f"expected {self.attack!r} to be an attack that computes adversarials, got another transfer",
                "name the attack behind it",
            )
        return inner if self.epsilon is None else inner.model_copy(update={"epsilon": self.epsilon})

    @property
    def threat_norm(self) -> Norm:
        """Known only by the named attack.

        Raises:
            PartError: always; ask ``resolved(…)``.
        """
        raise self._unresolved("norm and step size")

    @property
    def grid(self) -> tuple[float, ...]:
        """The budgets given here; without them, the named attack's.

        Raises:
            PartError: no budgets are given here; ask ``resolved(…)``.
        """
        if self.epsilon is None:
            raise self._unresolved("budgets")
        return self.epsilon

    def run(self, target: Target, inputs: Tensor, labels: Tensor, seed: int, progress: Progress) -> AttackResult:  # noqa: ARG002
        """Refuse: a transfer runs on a surrogate, which only the runner has.

        Raises:
            PartError: always; run ``resolved(…)`` on the surrogate.
        """
        raise self._unresolved("adversarials")

    def _unresolved(self, what: str) -> PartError:
        return PartError(
            f"the {what} of a transfer are those of its attack {self.attack!r} on {self.surrogate!r}",
            "resolve the named attack first",
        )
