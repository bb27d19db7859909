"""The Square attack: its fields."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from qaml.attacks.asking import Asking
from qaml.attacks.base import AttackResult, EpsilonGrid, Progress, Target
from qaml.types import Tensor
from qaml.vocab import Answers


class Square(Asking):
    """Square: random search by scores, one square of the image at a time (Andriushchenko et al. 2020).

    arXiv 1912.00049, algorithms 1 to 3, on the margin max_{j≠y} z_j − z_y. It needs no gradients: models without any
    are attacked, too. Of inputs that are no images a random set of as many features takes the square's place.
    """

    kind: Literal["square"] = "square"
    epsilon: EpsilonGrid
    """Budgets in ``norm`` and the dataset's units, increasing."""
    queries: int = Field(5000, ge=1, le=10_000_000)
    """Number of times that the model may be asked about each image at each budget."""
    share: float = Field(0.8, gt=0, le=1)
    """Share p of the features that a square changes at first; it shrinks while the queries are used (section 3)."""
    eot: int = Field(1, ge=1, le=10_000)
    """Number of forward passes over which scores are averaged, for randomised models (Athalye et al. 2018)."""

    needs_gradients: ClassVar[bool] = False
    is_white_box: ClassVar[bool] = False
    is_iterative: ClassVar[bool] = True

    @property
    def asks(self) -> Answers:
        """The scores."""
        return "scores"

    @property
    def most_asked(self) -> int:
        """Every query at every budget, and once more to count successes."""
        return len(self.grid) * (self.queries + 1) * self.eot

    def run(self, target: Target, inputs: Tensor, labels: Tensor, seed: int, progress: Progress) -> AttackResult:
        """Attack every input at every budget of the grid."""
        from qaml.attacks.square.search import attack

        return attack(self, target, inputs, labels, seed, progress)
