"""The common base of models trained by gradient descent on cross-entropy."""

from __future__ import annotations

from abc import ABC
from contextlib import AbstractContextManager, nullcontext

from qaml.errors import PartError
from qaml.models.base import History, Hooks, ModelPart
from qaml.types import InputInfo, Module, Split


class NetworkPart(ModelPart, ABC):
    """A model whose ``fit`` is the shared loop of ``qaml.models.training``; a part adds ``kind`` and ``network``."""

    def check(self, info: InputInfo) -> None:
        """Refuse inputs without channels, height and width, where the network needs them."""
        if self.needs_images and not info.is_image:
            raise PartError(
                f"model {self.kind!r} expects images of shape (channels, height, width), "
                f"got inputs of shape {info.shape}",
                "use 'linear', 'quadratic' or 'fnn' on plain features",
            )

    def network(self, info: InputInfo) -> Module:
        """The untrained network, its weights from torch's generator; for parts that do not override ``build``."""
        raise NotImplementedError

    def build(self, info: InputInfo, seed: int) -> Module:
        """The untrained network, its weights from the seed."""
        from qaml.models.seeding import seeded

        self.check(info)
        with seeded(seed):
            return self.network(info)

    def check_data(self, module: Module, data: Split) -> None:
        """Refuse training data for which the network has no logits.

        Raises:
            DataError: the data has such examples.
        """

    def around_training(self, module: Module) -> AbstractContextManager[None]:  # noqa: ARG002
        """A context in which the network is trained, and attacked by defences in training."""
        return nullcontext()

    def fit(self, module: Module, data: Split, info: InputInfo, hooks: Hooks, seed: int) -> History:  # noqa: ARG002
        """Train with cross-entropy on the logits, curves ``loss`` and ``accuracy``; not where weights are brought.

        Raises:
            DataError: the network has no logits for some of the data.
        """
        from qaml.models.training import fit_classifier

        if self.is_trained:
            module.eval()
            return {}
        self.check_data(module, data)
        with self.around_training(module):
            return fit_classifier(module, self.training, data, hooks, seed)
