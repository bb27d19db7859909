"""Transfer: adversarials made on one model, tried on another."""

from __future__ import annotations

from typing import ClassVar, Literal

from qaml.attacks.elsewhere import MadeElsewhere
from qaml.registry import ModelName


class Transfer(MadeElsewhere):
    """An attack made on a surrogate and scored on the target (Papernot et al. 2016, arXiv 1605.07277).

    Cells and detectors write ``pgd@convnet`` for a transfer of ``pgd`` from ``convnet`` without an entry of its own.
    """

    kind: Literal["transfer"] = "transfer"
    surrogate: ModelName
    """The model whose gradients are used."""

    words: ClassVar[str] = "transfer"

    @property
    def makers(self) -> tuple[str, ...]:
        """The surrogate, on which adversarials are made."""
        return (self.surrogate,)
