"""Joint: adversarials made on several models at once, for an attacker who knows that they are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from qaml.attacks.elsewhere import MadeElsewhere
from qaml.registry import ModelName
from qaml.types import Module, Tensor

Scale = Annotated[float, Field(gt=0)]


class Joint(MadeElsewhere):
    """An attack made on an ensemble (Dong et al. 2018, arXiv 1710.06081, section 3.2: fused in logits).

    Its logits are Σᵢ log softmax(scaleᵢ zᵢ), the logarithm of the product of the models' probabilities. The largest of
    them is a class that all the models find likely, so the attacker looks for one wrong answer common to all, which
    a detector of disagreement cannot see.
    """

    kind: Literal["joint"] = "joint"
    surrogates: tuple[ModelName, ...] = Field(min_length=2, max_length=100)
    """Models that are to be fooled at once."""
    scale: tuple[Scale, ...] | None = None
    """Factor on each model's logits. By default it is such that the median gap between each model's two largest
    is 8 on the images attacked: expectation values of a circuit then weigh as much as logits of a network."""

    words: ClassVar[str] = "joint attack"

    @model_validator(mode="after")
    def _check_surrogates(self) -> Joint:
        if len(set(self.surrogates)) < len(self.surrogates):
            raise ValueError("expected different surrogates, got one twice")
        if self.scale is not None and len(self.scale) != len(self.surrogates):
            raise ValueError(f"expected a scale for each of {len(self.surrogates)} surrogates, got {len(self.scale)}")
        return self

    @property
    def makers(self) -> tuple[str, ...]:
        """The surrogates, on which adversarials are made."""
        return self.surrogates

    def ensemble(self, modules: Sequence[Module], inputs: Tensor) -> Module:
        """The classifier to attack.

        Args:
            modules: the surrogates' classifiers, in order.
            inputs: (n, *shape), the clean images, on which logits are compared where no scale is given.
        """
        from qaml.attacks.joint.network import Ensemble, balanced

        return Ensemble(modules, self.scale if self.scale is not None else balanced(modules, inputs))
