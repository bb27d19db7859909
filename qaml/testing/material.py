"""Material of the checks: small inputs that are easy to learn, hooks that record, a guard of global generators."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from qaml.models.base import Checkpoint, Hooks
from qaml.registry import Part
from qaml.types import AnyArray, Bounds, InputInfo, Split

IMAGES = InputInfo((1, 8, 8), ("a", "b", "c"), Bounds(0.0, 1.0))
"""Greyscale images of three classes."""
FEATURES = InputInfo((6,), ("a", "b"), Bounds(-2.0, 2.0))
"""Vectors of two classes."""


def blobs(info: InputInfo, n: int = 49, seed: int = 0) -> Split:
    """Noisy copies of one random pattern a class: easy to learn, impossible to get right by chance."""
    rng = np.random.default_rng(seed)
    low, high = info.bounds.closed(-2.0, 2.0)
    patterns = np.random.default_rng(1).uniform(low, high, (info.n_classes, *info.shape))
    labels = rng.integers(info.n_classes, size=n)
    inputs = patterns[labels] + rng.normal(0, 0.1, (n, *info.shape)) * (high - low)
    return Split(inputs.clip(low, high).astype(np.float32), labels.astype(np.int64), np.arange(n))


class Recorder(Hooks):
    """Hooks that keep every checkpoint and every report of progress, and may start from a given checkpoint."""

    def __init__(self, start: Checkpoint | None = None) -> None:
        self.start = start
        self.checkpoints: list[Checkpoint] = []
        self.reports: list[tuple[float, float]] = []

    def restore(self) -> Checkpoint | None:
        """Return the given checkpoint."""
        return self.start

    def save(self, checkpoint: Checkpoint) -> None:
        """Keep a copy of a checkpoint."""
        self.checkpoints.append(copy.deepcopy(checkpoint))

    def progress(self, done: float, total: float, **values: float) -> None:  # noqa: ARG002
        """Keep a report of progress."""
        self.reports.append((done, total))


@contextmanager
def global_generators_left_alone(doing: str) -> Iterator[None]:
    """Fail where torch's or numpy's global generator is drawn from, or seeded, inside."""
    before = _states()
    yield
    for name, state in _states().items():
        assert state == before[name], (
            f"{doing} used {name}'s global generator: draw from a generator of your own, made from the seed"
        )


def _states() -> dict[str, bytes]:
    _, keys, position, *_ = np.random.get_state(legacy=True)  # noqa: NPY002
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": np.asarray(keys).tobytes() + int(position).to_bytes(8, "big"),
    }


def scrambled(number: int) -> None:
    """Seed the global generators anew, so that a result that depends on them changes."""
    torch.manual_seed(1000 + number)
    np.random.seed(1000 + number)  # noqa: NPY002


def weights(module: nn.Module) -> dict[str, AnyArray]:
    """Weights and buffers as arrays, copied."""
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in module.state_dict().items()}


def assert_same_arrays(ours: Mapping[str, Any], theirs: Mapping[str, Any], what: str) -> None:
    """Compare every array, bit for bit (NaN equals NaN)."""
    assert ours.keys() == theirs.keys(), f"{what}: expected {sorted(ours)}, got {sorted(theirs)}"
    for name in ours:
        one, other = np.asarray(ours[name]), np.asarray(theirs[name])
        assert one.shape == other.shape, f"{what}: {name} has shape {one.shape} and {other.shape}"
        assert one.dtype == other.dtype, f"{what}: {name} has type {one.dtype} and {other.dtype}"
        assert one.tobytes() == other.tobytes(), f"{what}: {name} differs"


def check_settings(part: Part) -> None:
    """Check that a part is plain settings: JSON preserves it, by itself and through its family's registry.

    Raises:
        AssertionError: the part read back differs.
    """
    text = part.model_dump_json(serialize_as_any=True)
    again = type(part).model_validate_json(text)
    assert again == part, f"written as JSON and read again, {part!r} became {again!r}"
    assert hash(text) == hash(again.model_dump_json(serialize_as_any=True)), f"{part.kind}: its JSON is not repeatable"
    for name, field in type(part).model_fields.items():
        assert name == "kind" or field.description, f"{part.kind}.{name} has no docstring: editors and docs show it"


def check_sources(part: Part) -> None:
    """Check that every module in ``source_modules`` exists, or changed code would use old results.

    Raises:
        AssertionError: a module cannot be found.
    """
    from importlib.util import find_spec

    for name in part.source_modules:
        try:
            found = find_spec(name)
        except ModuleNotFoundError:
            found = None
        assert found is not None, f"{part.kind}.source_modules names {name!r}, which cannot be found"
