"""The conformance check of defences."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from qaml.defences.base import Craft, DefencePart, ForTraining
from qaml.models.base import Hooks, Training
from qaml.models.capabilities import is_randomised
from qaml.models.seeding import reseed, seeded
from qaml.models.training import fit_classifier
from qaml.testing.material import (
    IMAGES,
    Recorder,
    assert_same_arrays,
    blobs,
    check_settings,
    check_sources,
    global_generators_left_alone,
    scrambled,
    weights,
)
from qaml.types import InputInfo, Split

TRAINING = Training(epochs=4, batch=16)


def check_defence(part: DefencePart, info: InputInfo = IMAGES) -> None:
    """Check a defence around a small network; it is trained three times.

    Defended inputs of the same shape within bounds, a wrapper that returns logits and gradients and is random exactly
    where declared, training that resumes bit for bit, global generators that are not touched.

    Raises:
        AssertionError: a property does not hold; the message says what was expected.
    """
    check_settings(part)
    check_sources(part)
    part.check(info)
    data = blobs(info)
    _check_inputs(part, data, info)
    _check_wrapper(part, data, info)
    _check_training(part, data, info)


def network(info: InputInfo, seed: int = 0) -> nn.Module:
    """A small network with batch normalisation and dropout."""
    with seeded(seed):
        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(info.n_features, 16),
            nn.BatchNorm1d(16),
            nn.Dropout(0.3),
            nn.ReLU(),
            nn.Linear(16, info.n_classes),
        )


def _check_inputs(part: DefencePart, data: Split, info: InputInfo) -> None:
    before = data.inputs.copy()
    scrambled(1)
    with global_generators_left_alone(f"{part.kind}.defend_inputs"):
        defended = part.defend_inputs(data.inputs, info)
    assert np.array_equal(before, data.inputs), "defend_inputs changed its inputs in place"
    assert defended.shape == before.shape, f"expected defended inputs of shape {before.shape}, got {defended.shape}"
    assert defended.dtype == np.float32, f"expected float32 defended inputs, got {defended.dtype}"
    low, high = (np.float32(bound) for bound in info.bounds)
    assert low <= defended.min(), f"defended inputs go down to {defended.min()}, bounds are [{low}, {high}]"
    assert defended.max() <= high, f"defended inputs go up to {defended.max()}, bounds are [{low}, {high}]"
    assert np.array_equal(defended, part.defend_inputs(data.inputs, info)), "inputs defended twice differ"


def _check_wrapper(part: DefencePart, data: Split, info: InputInfo) -> None:
    wrapped = part.wrap(network(info).eval(), info)
    inputs = torch.tensor(data.inputs, requires_grad=True)
    logits = wrapped(inputs)
    expected = (len(data), info.n_classes)
    assert tuple(logits.shape) == expected, f"expected logits of shape {expected}, got {tuple(logits.shape)}"
    (gradient,) = torch.autograd.grad(logits.sum(), inputs, allow_unused=True)
    assert gradient is not None, "no gradient reaches the inputs through the defence: pass it straight through (BPDA)"
    says = is_randomised(wrapped)
    assert says == part.randomises, f"randomises is {part.randomises}, but the wrapped module's is_randomised is {says}"
    with torch.no_grad(), global_generators_left_alone(f"{part.kind}'s wrapper"):
        differs = not torch.equal(wrapped(inputs), wrapped(inputs))
        assert differs == part.randomises, f"randomises is {part.randomises}, two forward passes say {differs}"
        if part.randomises:
            draws = []
            for seed in (1, 1, 2):
                reseed(wrapped, seed)
                draws.append(wrapped(inputs))
            assert torch.equal(draws[0], draws[1]), "after reseed(1) and reseed(1) the draws differ"
            assert not torch.equal(draws[0], draws[2]), "reseed(1) and reseed(2) give the same draws"


def _check_training(part: DefencePart, data: Split, info: InputInfo) -> None:
    whole = Recorder()
    scrambled(2)
    with global_generators_left_alone(f"{part.kind}'s training hooks"):
        module, history = _train(part, data, info, whole, 0)
    scrambled(3)
    again, _ = _train(part, data, info, Recorder(), 0)
    assert_same_arrays(weights(module), weights(again), "two defended training runs with one seed")
    resumed, curves = _train(part, data, info, Recorder(whole.checkpoints[1]), 1)
    assert_same_arrays(weights(module), weights(resumed), "a resumed defended run and one that was not interrupted")
    assert curves == history, "a resumed defended run has other curves than one that was not interrupted"
    plain = network(info)
    fit_classifier(plain, TRAINING, data, Recorder(), 0)
    differs = any(not np.array_equal(a, weights(plain)[name]) for name, a in weights(module).items())
    assert not part.changes_training or differs, "changes_training, but a defended run equals an undefended one"


class _Both(Recorder):
    """Hooks that record, and let the defence change the training batches."""

    def __init__(self, inner: Hooks, recorder: Recorder) -> None:
        super().__init__(recorder.start)
        self.checkpoints = recorder.checkpoints
        self.inner = inner

    def epoch(self, module: nn.Module, data: Split, epoch: int) -> Split:
        return self.inner.epoch(module, data, epoch)

    def batch(self, module: nn.Module, inputs: Tensor, labels: Tensor, step: int) -> tuple[Tensor, Tensor]:
        return self.inner.batch(module, inputs, labels, step)


def _train(
    part: DefencePart, data: Split, info: InputInfo, recorder: Recorder, weights_seed: int
) -> tuple[nn.Module, dict[str, list[float]]]:
    hooks = part.training_hooks(ForTraining(3, _craft(info), network(info, 9).eval(), info))
    module = network(info, weights_seed)
    return module, fit_classifier(module, TRAINING, data, _Both(hooks, recorder), 0)


def _craft(info: InputInfo) -> Craft:
    epsilon = 0.2 * info.bounds.closed(-2.0, 2.0).width

    def craft(module: nn.Module, inputs: Tensor, labels: Tensor, seed: int) -> Tensor:
        """One signed gradient step and a little noise, so that the seed shows in the result."""
        moving = inputs.clone().requires_grad_()
        with torch.enable_grad():
            loss = nn.functional.cross_entropy(module(moving), labels)
        (gradient,) = torch.autograd.grad(loss, moving)
        noise = 0.01 * torch.rand(inputs.shape, generator=torch.Generator().manual_seed(seed))
        return (inputs + epsilon * (gradient.sign() + noise)).clamp(*info.bounds)

    return craft
