"""The configuration of an RBM classifier."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, SerializeAsAny

from qaml.errors import PartError
from qaml.models.base import History, Hooks, ModelPart, Training
from qaml.registry import ModelName
from qaml.samplers.base import MOST_UNITS, SamplerPart
from qaml.samplers.gibbs.part import PersistentContrastiveDivergence
from qaml.types import Bounds, InputInfo, Module, Split


class RBM(ModelPart):
    """A restricted Boltzmann machine over pixels and a one-hot label; the label of smallest free energy wins.

    Kehoe et al. 2021 (arXiv 2012.11619), eqs. 2–8 and 10; the defaults are theirs (section 4.3). Grey values enter the
    positive phase unchanged, as the means of their units.
    """

    kind: Literal["rbm"] = "rbm"
    hidden: int = Field(40, ge=1, le=100_000)
    """Number of hidden units."""
    negative_phase: SerializeAsAny[SamplerPart] = PersistentContrastiveDivergence()
    """Sampler that estimates the model average in the gradient."""
    init_scale: float = Field(0.01, ge=0)
    """Standard deviation of the initial weights; biases start at zero."""
    start_from: ModelName | None = None
    """Model of the same kind from which training continues, seed by seed (Kehoe et al. 2021, section 4.3)."""
    training: Training = Training(optimiser="adam", lr=1e-2, epochs=100, batch=10)
    """Settings of the training."""

    default_seeds: ClassVar[int] = 5

    @property
    def predecessor(self) -> str | None:
        """The model that ``start_from`` names."""
        return self.start_from

    def check(self, info: InputInfo) -> None:
        """Refuse inputs that are no probabilities, machines that the sampler cannot sample, and a schedule.

        Raises:
            PartError: the bounds are not [0, 1], the machine does not fit, or its learning rate has a schedule.
        """
        if self.training.schedule != "constant":
            raise PartError(
                f"model 'rbm' is trained at a constant learning rate, got the schedule {self.training.schedule!r}",
                "leave out 'training.schedule'",
            )
        if info.bounds != Bounds(0.0, 1.0):
            raise PartError(
                f"model 'rbm' expects inputs in [0, 1], got {info.bounds.in_words()}",
                "leave out the transform that rescales the inputs",
            )
        self.negative_phase.check(info.n_features + info.n_classes, self.hidden)

    def to_embed(self, info: InputInfo) -> Mapping[str, Any] | None:
        """The machine, where its sampler is an annealer."""
        layout, n_visible = self.negative_phase.layout, info.n_features + info.n_classes
        return None if layout is None else {"layout": layout, "n_visible": n_visible, "n_hidden": self.hidden}

    def embedded(self, chains: Path) -> RBM:
        """The same machine with this file as its sampler's embedding."""
        return self.model_copy(update={"negative_phase": self.negative_phase.embedded(chains)})

    def is_inspected(self, info: InputInfo) -> bool:
        """Whether samples are inspected: of annealed, of continued, and of machines that can be enumerated."""
        is_small = info.n_features + info.n_classes + self.hidden <= MOST_UNITS
        return is_small or self.start_from is not None or self.negative_phase.is_inspected

    def build(self, info: InputInfo, seed: int) -> Module:
        """The untrained classifier; forward maps (batch, *info.shape) to −F for each label, (batch, n_classes)."""
        from qaml.models.rbm.network import build

        return build(self, info, seed)

    def fit(self, module: Module, data: Split, info: InputInfo, hooks: Hooks, seed: int) -> History:
        """Maximise the likelihood of pixels and labels, in place; curves ``reconstruction_error`` and ``accuracy``."""
        from qaml.models.rbm.training import fit

        return fit(self, module, data, info, hooks, seed)
