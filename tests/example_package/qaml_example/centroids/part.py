"""Configuration of the nearest-centroid classifier: light, so that specs validate without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from qaml.models.base import Checkpoint, History, Hooks, ModelPart
from qaml.types import InputInfo, Split

if TYPE_CHECKING:
    from torch import nn


class Centroids(ModelPart):
    """The class whose mean is nearest; its logits are minus the squared distances."""

    kind: Literal["example/centroids"] = "example/centroids"
    sharpness: float = Field(1.0, gt=0)
    """What the squared distances are multiplied by."""

    default_seeds: ClassVar[int] = 2

    @property
    def source_modules(self) -> tuple[str, ...]:
        """Whose changes make trained results stale, beside this module."""
        return ("qaml_example.centroids.network",)

    def build(self, info: InputInfo, seed: int) -> nn.Module:
        """The untrained classifier, its means drawn at random."""
        from qaml_example.centroids.network import NearestCentroid

        return NearestCentroid(info.n_features, info.n_classes, self.sharpness, seed)

    def fit(self, module: nn.Module, data: Split, info: InputInfo, hooks: Hooks, seed: int) -> History:  # noqa: ARG002
        """Average each class, once: the number of epochs makes no difference."""
        from qaml_example.centroids.network import NearestCentroid, averages

        assert isinstance(module, NearestCentroid)
        checkpoint = hooks.restore()
        if checkpoint is None:
            loss = averages(module, hooks.epoch(module, data, 0), info.n_classes)
            arrays = {"centroids": module.centroids.detach().cpu().numpy().copy()}
            checkpoint = Checkpoint(1, arrays, {"loss": [loss]})
            hooks.save(checkpoint)
            hooks.progress(1, 1, loss=loss)
        module.restore(checkpoint.arrays["centroids"])
        module.eval()
        return checkpoint.history
