"""One update in torch: positive phase, negative phase and optimiser on the module's device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qaml.models.base import Training
from qaml.models.rbm.network import RBMClassifier
from qaml.models.rbm.update import Update, estimates
from qaml.samplers.base import BoltzmannParameters, NegativePhase
from qaml.samplers.gibbs.device import tensor_moments
from qaml.types import AnyArray


class TensorUpdate(Update):
    """Updates of a module on any device.

    Args:
        module: the machine, changed in place.
        training: optimiser settings; the L2 penalty acts on the weights only.
        sampler: the negative phase, on the module's device.
    """

    def __init__(self, module: RBMClassifier, training: Training, sampler: NegativePhase[Tensor]) -> None:
        self._parameters = {name: getattr(module, name) for name in BoltzmannParameters._fields}
        self._values = BoltzmannParameters(*(p.detach() for p in self._parameters.values()))
        super().__init__(sampler)
        groups: list[dict[str, Any]] = [
            {"params": [self._parameters["weights"]], "weight_decay": training.weight_decay},
            {"params": [self._parameters["visible_bias"], self._parameters["hidden_bias"]]},
        ]
        self._optimiser: torch.optim.Optimizer
        if training.optimiser == "adam":
            self._optimiser = torch.optim.Adam(groups, training.lr)
        else:
            self._optimiser = torch.optim.SGD(groups, training.lr, training.momentum)

    def step(self, visible: Tensor) -> None:
        """Move the parameters by ⟨·⟩data − ⟨·⟩model."""
        positive = tensor_moments(self._values, visible)
        negative = self.sampler.moments(self._values, visible)
        for parameter, data, model in zip(self._parameters.values(), positive, negative, strict=True):
            parameter.grad = model - data
        self._optimiser.step()
        self._optimiser.zero_grad()

    def estimates(self, batches: Iterable[Tensor]) -> dict[str, AnyArray]:
        """Estimate the negative phase of the unchanged machine."""
        return estimates(self.sampler, self._values, batches)

    def state(self) -> Mapping[str, AnyArray]:
        """The parameters, optimiser moments and chains."""
        arrays = {name: p.detach().cpu().numpy().copy() for name, p in self._parameters.items()}
        for name, parameter in self._parameters.items():
            for key, value in self._optimiser.state[parameter].items():
                if value is not None:
                    arrays[f"optimiser.{name}.{key}"] = value.cpu().numpy().copy()
        return {**arrays, **{f"sampler.{k}": v for k, v in self.sampler.state().items()}}

    def restore(self, state: Mapping[str, AnyArray]) -> None:
        """Continue from a ``state``."""
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(torch.from_numpy(np.asarray(state[name])))
        for name, parameter in self._parameters.items():
            prefix = f"optimiser.{name}."
            for key, value in state.items():
                if key.startswith(prefix):
                    field = key.removeprefix(prefix)
                    # torch keeps Adam's step count on the host
                    place = "cpu" if field == "step" else parameter.device
                    self._optimiser.state[parameter][field] = torch.from_numpy(np.array(value)).to(place)
        self.sampler.restore(
            {key.removeprefix("sampler."): value for key, value in state.items() if key.startswith("sampler.")}
        )
