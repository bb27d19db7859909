"""The conformance check of classifiers."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from qaml.models.base import Checkpoint, History, ModelPart
from qaml.models.capabilities import is_randomised
from qaml.models.seeding import reseed
from qaml.testing.material import (
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

SEED = 5


def check_model(part: ModelPart, info: InputInfo) -> None:
    """Check a model on inputs of this description; it is trained four times.

    Settings, building and seeds, logits and gradients, randomness as declared, training that repeats, resumes bit for
    bit and does not touch global generators, weights that survive being stored.

    Raises:
        AssertionError: a property does not hold; the message says what was expected.
    """
    check_settings(part)
    check_sources(part)
    part.check(info)
    data = blobs(info)
    _check_building(part, info)
    module = part.build(info, SEED).eval()
    _check_logits(part, module, data, info)
    missing = sorted(part.capabilities - set(dir(module)))
    assert not missing, f"{part.kind} declares {', '.join(missing)}, which its module does not have"
    if part.is_randomised:
        _check_randomness(part, module, data)
    else:
        _check_batches(module, data)
    _check_training(part, data, info)


def _check_building(part: ModelPart, info: InputInfo) -> None:
    scrambled(1)
    with global_generators_left_alone(f"{part.kind}.build"):
        one = part.build(info, 1)
    assert isinstance(one, nn.Module), f"build returned a {type(one).__name__}, expected a torch.nn.Module"
    scrambled(2)
    assert_same_arrays(weights(one), weights(part.build(info, 1)), "two modules built with one seed")
    if not part.is_trained:
        other = weights(part.build(info, 2))
        drawn = [name for name, array in weights(one).items() if not np.array_equal(array, other[name])]
        assert drawn or not list(one.parameters()), "two seeds gave the same initial weights"


def _check_logits(part: ModelPart, module: nn.Module, data: Split, info: InputInfo) -> None:
    inputs = torch.tensor(data.inputs[:5], requires_grad=part.has_gradients)
    logits = module(inputs)
    expected = (5, info.n_classes)
    assert isinstance(logits, Tensor), f"forward returned a {type(logits).__name__}, expected a tensor of logits"
    assert tuple(logits.shape) == expected, f"expected logits of shape {expected}, got {tuple(logits.shape)}"
    assert logits.dtype == torch.float32, f"expected float32 logits, got {logits.dtype}"
    assert bool(logits.isfinite().all()), "logits of inputs within bounds are not finite"
    for bound in info.bounds.closed(-2.0, 2.0):
        corner = module(torch.full((2, *info.shape), float(bound)))
        assert bool(corner.isfinite().all()), f"logits of an input that is {bound} everywhere are not finite"
    if part.has_gradients:
        (gradient,) = torch.autograd.grad(logits[:, 0].sum(), inputs)
        assert bool(gradient.isfinite().all()), "gradients of the logits in the inputs are not finite"
        assert bool(gradient.any()), "has_gradients, but the logits' gradients in the inputs are all zero"


def _check_batches(module: nn.Module, data: Split) -> None:
    inputs = torch.tensor(data.inputs)
    with torch.no_grad():
        together, alone = module(inputs)[3:4], module(inputs[3:4])
    assert torch.allclose(together, alone, rtol=1e-4, atol=1e-5), "in evaluation mode logits depend on the other inputs"
    with torch.no_grad():
        assert torch.equal(module(inputs), module(inputs)), "the module draws at inference: declare is_randomised"


def _check_randomness(part: ModelPart, module: nn.Module, data: Split) -> None:
    assert is_randomised(module), f"{part.kind} is randomised, but its module does not say so"
    inputs = torch.tensor(data.inputs)

    def sequence(seed: int) -> Tensor:
        reseed(module, seed)
        return torch.stack([module(inputs), module(inputs)])

    with torch.no_grad(), global_generators_left_alone("forward"):
        first = sequence(1)
        assert torch.equal(first, sequence(1)), "after reseed(1) the forward passes differ from those after reseed(1)"
        assert not torch.equal(first, sequence(2)), "reseed(1) and reseed(2) give the same draws"
        assert not torch.equal(first[0], first[1]), "two forward passes in a row give the same draws"


def _check_training(part: ModelPart, data: Split, info: InputInfo) -> None:
    whole = Recorder()
    scrambled(3)
    with global_generators_left_alone(f"{part.kind}.fit"):
        module, history = _fit(part, data, info, whole)
    module.eval()
    _check_history(part, history)
    scrambled(4)
    again, same = _fit(part, data, info, Recorder())
    assert_same_arrays(weights(module), weights(again), "two training runs with one seed")
    assert history == same, "two training runs with one seed have different curves"
    _check_stored(part, module, data, info)
    if part.is_trained:
        return
    assert whole.checkpoints, "fit offered no checkpoint through hooks.save: a killed run would start over"
    assert whole.reports, "fit reported no progress through hooks.progress"
    middle = whole.checkpoints[max(len(whole.checkpoints) // 2 - 1, 0)]
    for checkpoint, when in ((middle, "half-way"), (whole.checkpoints[-1], "at the end")):
        resumed, curves = _fit(part, data, info, Recorder(_stored(checkpoint)), seed=99)
        assert_same_arrays(weights(module), weights(resumed), f"a run resumed {when} and one that was not interrupted")
        assert curves == history, f"a run resumed {when} has other curves than one that was not interrupted"


def _fit(part: ModelPart, data: Split, info: InputInfo, hooks: Recorder, seed: int = SEED) -> tuple[nn.Module, History]:
    """Train a model; ``seed`` determines the initial weights only."""
    module = part.build(info, seed)
    before = data.inputs.copy()
    history = part.fit(module, data, info, hooks, SEED)
    assert np.array_equal(before, data.inputs), "fit changed its training data in place"
    return module, history


def _stored(checkpoint: Checkpoint) -> Checkpoint:
    """The model as it is read back from disk."""
    from safetensors.numpy import load, save

    arrays = {name: np.asarray(array, order="C") for name, array in checkpoint.arrays.items()}
    return Checkpoint(checkpoint.epoch, load(save(arrays)), checkpoint.history)


def _check_history(part: ModelPart, history: History) -> None:
    lengths = {name: len(values) for name, values in history.items()}
    assert len(set(lengths.values())) <= 1, f"expected training curves of one length, got {lengths}"
    assert part.is_trained or lengths, "fit returned no training curve"
    flat = [value for values in history.values() for value in values]
    assert all(isinstance(value, float) for value in flat), "expected curves of plain floats: they are written as JSON"


def _check_stored(part: ModelPart, module: nn.Module, data: Split, info: InputInfo) -> None:
    """Check that the state dictionary alone, which is all that a run stores, restores the model."""
    from safetensors.torch import load, save

    kept = save({name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()})
    restored = part.build(info, 0)
    restored.load_state_dict(load(kept))
    restored.eval()
    inputs = torch.tensor(data.inputs)
    with torch.no_grad():
        reseed(module, 0)
        reseed(restored, 0)
        assert torch.equal(module(inputs), restored(inputs)), (
            "a module rebuilt from its state dictionary gives other logits: keep what it needs in parameters or buffers"
        )
