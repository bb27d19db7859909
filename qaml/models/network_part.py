"""The common base of models trained by gradient descent on cross-entropy."""

from __future__ import annotations

from abc import ABC

from qaml.models.base import History, Hooks, ModelPart
from qaml.types import InputInfo, Module, Split


class NetworkPart(ModelPart, ABC):
    """A model whose ``fit`` is the shared loop of ``qaml.models.training``; a network adds ``kind`` and ``build``."""

    def fit(self, module: Module, data: Split, info: InputInfo, hooks: Hooks, seed: int) -> History:  # noqa: ARG002
        """Train with cross-entropy on the logits; curves ``loss`` and ``accuracy``."""
        from qaml.models.training import fit_classifier

        return fit_classifier(module, self.training, data, hooks, seed)
