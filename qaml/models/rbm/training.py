"""Training an RBM by explicit positive and negative phase (Kehoe et al. 2021, eqs. 5 and 8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from qaml.errors import PartError
from qaml.models.base import Checkpoint, History, Hooks, Training
from qaml.models.rbm.kernel import adam, sgd
from qaml.models.rbm.network import RBMClassifier
from qaml.models.rbm.part import RBM
from qaml.models.rbm.update import Update, estimates
from qaml.samplers.base import BoltzmannParameters, NegativePhase
from qaml.samplers.conditional import conditional_moments
from qaml.types import AnyArray, FloatArray, InputInfo, Split

_WATCHED = 500
"""Number of training examples on which the curves are computed."""
ESTIMATES = 4
"""Number of estimates of the trained machine's negative phase, at most one a batch."""


class ArrayUpdate(Update):
    """Updates on the CPU: numpy arrays that share the module's memory, and fused kernels.

    Args:
        module: the machine, changed in place.
        training: optimiser settings; the L2 penalty acts on the weights only.
        sampler: the negative phase, on numpy arrays.
    """

    def __init__(self, module: RBMClassifier, training: Training, sampler: NegativePhase[FloatArray]) -> None:
        arrays = (getattr(module, name).detach().numpy() for name in BoltzmannParameters._fields)
        self._parameters: BoltzmannParameters[FloatArray] = BoltzmannParameters(*arrays)
        self._training = training
        super().__init__(sampler)
        # flat views: torch refuses to make them where it would have to copy
        self._flat = [getattr(module, name).detach().view(-1).numpy() for name in BoltzmannParameters._fields]
        self._first = [np.zeros_like(p) for p in self._flat]
        self._second = [np.zeros_like(p) for p in self._flat]
        self._steps = 0

    def step(self, visible: Tensor) -> None:
        """Move the parameters by ⟨·⟩data − ⟨·⟩model."""
        batch = visible.numpy()
        positive = conditional_moments(self._parameters, batch)
        negative = self.sampler.moments(self._parameters, batch)
        self._steps += 1
        settings = self._training
        for i, parameter in enumerate(self._flat):
            moments = positive[i].ravel(), negative[i].ravel()
            decay = settings.weight_decay if i == 0 else 0.0
            if settings.optimiser == "adam":
                adam(parameter, *moments, self._first[i], self._second[i], settings.lr, decay, self._steps)
            else:
                sgd(parameter, *moments, self._first[i], settings.lr, decay, settings.momentum)

    def state(self) -> Mapping[str, AnyArray]:
        """The parameters, optimiser moments, chains and counters."""
        arrays: dict[str, AnyArray] = {"steps": np.array(self._steps)}
        for i, name in enumerate(BoltzmannParameters._fields):
            arrays[name] = self._parameters[i].copy()
            arrays[f"first.{name}"], arrays[f"second.{name}"] = self._first[i].copy(), self._second[i].copy()
        return {**arrays, **{f"sampler.{k}": v for k, v in self.sampler.state().items()}}

    def estimates(self, batches: Iterable[Tensor]) -> dict[str, AnyArray]:
        """Estimate the negative phase of the unchanged machine."""
        return estimates(self.sampler, self._parameters, (batch.numpy() for batch in batches))

    def restore(self, state: Mapping[str, AnyArray]) -> None:
        """Continue from a ``state``."""
        for i, name in enumerate(BoltzmannParameters._fields):
            self._parameters[i][...] = state[name]
            self._first[i][...], self._second[i][...] = state[f"first.{name}"], state[f"second.{name}"]
        self._steps = int(state["steps"])
        self.sampler.restore(
            {key.removeprefix("sampler."): value for key, value in state.items() if key.startswith("sampler.")}
        )


def fit(part: RBM, module: nn.Module, data: Split, info: InputInfo, hooks: Hooks, seed: int) -> History:
    """Train the module in place, on its device.

    Raises:
        PartError: the module is not a float32 RBM, or the machine is too large for the sampler.
    """
    if not isinstance(module, RBMClassifier) or module.weights.dtype != torch.float32:
        raise PartError("an RBM is trained in float32, on the module that its part builds", "convert it afterwards")
    return train(part.training, module, data, info, hooks, seed, make_update(part, module, seed))


def make_update(part: RBM, module: RBMClassifier, seed: int) -> Update:
    """The update that fits the module's device."""
    device = str(module.weights.device)
    n_visible, n_hidden = module.weights.shape
    sampler = part.negative_phase.start(n_visible, n_hidden, seed, device)
    if device == "cpu":
        return ArrayUpdate(module, part.training, sampler)
    from qaml.models.rbm.device import TensorUpdate

    return TensorUpdate(module, part.training, sampler)


def train(
    training: Training, module: RBMClassifier, data: Split, info: InputInfo, hooks: Hooks, seed: int, update: Update
) -> History:
    """Run the epochs; the order of epoch e is a function of (seed, e) alone, so a resumed run repeats it.

    At the end the negative phase of the trained machine is estimated some more times and kept, to be inspected.
    """
    history: History = {"reconstruction_error": [], "accuracy": []}
    first_epoch, step = 0, 0
    if (checkpoint := hooks.restore()) is not None:
        update.restore({name: a for name, a in checkpoint.arrays.items() if name != "batches"})
        history = {name: list(curve) for name, curve in checkpoint.history.items()}
        first_epoch, step = checkpoint.epoch, int(checkpoint.arrays["batches"])
    watched_inputs = torch.from_numpy(data.inputs[:_WATCHED]).to(module.weights.device)
    watched_labels = torch.from_numpy(data.labels[:_WATCHED]).to(module.weights.device)
    for epoch in range(first_epoch, training.epochs):
        split = hooks.epoch(module, data, epoch)
        inputs, labels = torch.from_numpy(split.inputs), torch.from_numpy(split.labels)
        n_batches = -(-len(split) // training.batch)
        for number, chosen in enumerate(_batches(len(split), training.batch, seed, epoch)):
            if (calls := update.calls()) is not None:
                total = n_batches * training.epochs + min(n_batches, ESTIMATES)
                hooks.progress(epoch + number / n_batches, training.epochs, **{"annealer call": calls + 1, "of": total})
            batch = hooks.batch(module, inputs[chosen], labels[chosen], step)
            update.step(visible_units(*batch, info.n_classes).to(module.weights.device))
            step += 1
        latest = {**measure(module, watched_inputs, watched_labels), **update.curves()}
        for name, value in latest.items():
            history.setdefault(name, []).append(value)
        arrays = {**update.state(), "batches": np.array(step)}
        hooks.save(Checkpoint(epoch + 1, arrays, {name: list(curve) for name, curve in history.items()}))
        hooks.progress(epoch + 1, training.epochs, **latest)
    inputs, labels = torch.from_numpy(data.inputs), torch.from_numpy(data.labels)
    following = islice(_batches(len(data), training.batch, seed, training.epochs), ESTIMATES)
    visible = (visible_units(inputs[chosen], labels[chosen], info.n_classes) for chosen in following)
    hooks.keep("estimates", update.estimates(units.to(module.weights.device) for units in visible))
    if (recording := update.recording()) is not None:
        hooks.keep("recording", recording)
    return history


def _batches(n: int, size: int, seed: int, epoch: int) -> Iterator[Tensor]:
    """The examples of each batch of an epoch."""
    order = torch.from_numpy(np.random.default_rng((seed, epoch)).permutation(n))
    return (order[start : start + size] for start in range(0, n, size))


def visible_units(inputs: Tensor, labels: Tensor, n_classes: int) -> Tensor:
    """Pixels followed by the one-hot label, (batch, n_pixels + n_classes) float32."""
    return torch.cat([inputs.detach().flatten(1).float(), one_hot(labels, n_classes).float()], dim=1)


@torch.no_grad()
def measure(module: RBMClassifier, inputs: Tensor, labels: Tensor) -> dict[str, float]:
    """The curves' values: mean squared error of one mean-field reconstruction, and accuracy."""
    visible = visible_units(inputs, labels, module.n_classes)
    hidden = torch.sigmoid(visible @ module.weights + module.hidden_bias)
    reconstruction = torch.sigmoid(hidden @ module.weights.T + module.visible_bias)
    return {
        "reconstruction_error": float((reconstruction - visible).square().mean()),
        "accuracy": float((module(inputs).argmax(1) == labels).float().mean()),
    }
