"""The built-in transforms: pure functions from a dataset to a dataset, that keep ``indices``."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from qaml.data.base import TransformPart
from qaml.errors import DataError, PartError
from qaml.types import MOST_EXAMPLES, Bounds, Data, FloatArray, InputInfo, IntArray, Split


class Downscale(TransformPart):
    """Shrink images by averaging areas: means over blocks where the ratio is whole, shares of pixels where not."""

    kind: Literal["downscale"] = "downscale"
    size: int = Field(ge=1, le=4096)
    """Height and width of the new images, in pixels."""

    def describe(self, info: InputInfo) -> InputInfo:
        """Shape (channels, size, size).

        Raises:
            PartError: inputs are not images, or smaller than ``size``.
        """
        if not info.is_image:
            raise PartError(
                f"downscale needs images, got inputs of shape {info.shape}", "leave it out for this dataset"
            )
        channels, height, width = info.shape
        if self.size > min(height, width):
            raise PartError(
                f"downscale cannot enlarge {height}×{width} images to size {self.size}",
                f"choose a size of at most {min(height, width)}",
            )
        return info._replace(shape=(channels, self.size, self.size))

    def apply(self, data: Data) -> Data:
        """Average every image; inputs stay within bounds."""
        from qaml.data.resampling import downscale

        return _map_inputs(data, self.describe(data.info), lambda inputs: downscale(inputs, self.size))


class Binarise(TransformPart):
    """Set every coordinate to the upper bound where it is above a threshold, and to the lower one elsewhere."""

    kind: Literal["binarise"] = "binarise"
    threshold: float = 0.5
    """Threshold in the dataset's units; a coordinate equal to it becomes the lower bound."""

    def describe(self, info: InputInfo) -> InputInfo:
        """The unchanged description: attacks may still move inputs anywhere between the bounds.

        Raises:
            PartError: the threshold leaves only one value, or there are no bounds to set coordinates to.
        """
        low, high = info.bounds
        within = info.bounds.in_words()
        if not info.bounds.is_finite:
            raise PartError(
                f"binarise sets coordinates to the bounds, which are {within}",
                "bound the inputs first, with 'rescale'",
            )
        if not low <= self.threshold < high:
            raise PartError(
                f"binarise at threshold {self.threshold:g} makes every input the same: bounds are {within}",
                f"choose a threshold of at least {low:g} and below {high:g}",
            )
        return info

    def apply(self, data: Data) -> Data:
        """Compare every coordinate with the threshold."""
        import numpy as np

        low, high = data.info.bounds

        def binarise(inputs: FloatArray) -> FloatArray:
            return np.where(inputs > self.threshold, np.float32(high), np.float32(low))

        return _map_inputs(data, self.describe(data.info), binarise)


class SelectClasses(TransformPart):
    """Keep the examples of some classes and relabel them 0 … k − 1 in the order given."""

    kind: Literal["select_classes"] = "select_classes"
    classes: tuple[int | str, ...] = Field(min_length=2)
    """Labels (numbers) or names of at least two classes."""

    @field_validator("classes")
    @classmethod
    def _are_distinct(cls, classes: tuple[int | str, ...]) -> tuple[int | str, ...]:
        if len(set(classes)) < len(classes):
            raise ValueError("every class can be selected only once")
        return classes

    def describe(self, info: InputInfo) -> InputInfo:
        """The names of the selected classes, in their new order.

        Raises:
            PartError: a class is not in the dataset, or is named twice.
        """
        return info._replace(classes=tuple(info.classes[label] for label in self._labels(info)))

    def apply(self, data: Data) -> Data:
        """Drop the other classes and relabel, in the original order.

        Raises:
            DataError: a split is left without examples.
        """
        import numpy as np

        labels = self._labels(data.info)
        relabel = np.full(data.info.n_classes, -1, np.int64)
        relabel[list(labels)] = np.arange(len(labels))
        return Data(
            _select(data.train, relabel, "training"), _select(data.test, relabel, "test"), self.describe(data.info)
        )

    def _labels(self, info: InputInfo) -> tuple[int, ...]:
        labels = tuple(_label(wanted, info.classes) for wanted in self.classes)
        if len(set(labels)) < len(labels):
            raise PartError(f"select_classes names a class twice: {self.classes}", "name every class once")
        return labels


class Subset(TransformPart):
    """Keep a random choice of examples with the class shares kept (each class within one of its share)."""

    kind: Literal["subset"] = "subset"
    train: int | None = Field(None, ge=1, le=MOST_EXAMPLES)
    """Number of training examples to keep (default: all)."""
    test: int | None = Field(None, ge=1, le=MOST_EXAMPLES)
    """Number of test examples to keep (default: all)."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of the random choice."""

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.train is None and self.test is None:
            raise ValueError("expected 'train', 'test' or both: how many examples to keep")
        return self

    def describe(self, info: InputInfo) -> InputInfo:
        """The unchanged description: a choice of examples alters no input."""
        return info

    def for_testing(self) -> Self | None:
        """The same transform with its choice of test examples alone, or none without such a choice."""
        return self.model_copy(update={"train": None}) if self.test is not None else None

    def apply(self, data: Data) -> Data:
        """Choose, keeping the original order.

        Raises:
            DataError: more examples are asked for than there are.
        """
        train = self._choose(data.train, self.train, "training", 0)
        return Data(train, self._choose(data.test, self.test, "test", 1), data.info)

    def _choose(self, split: Split, count: int | None, name: str, stream: int) -> Split:
        if count is None:
            return split
        if count > len(split):
            raise DataError(
                f"subset asks for {count} {name} examples, the dataset has {len(split)}",
                f"ask for at most {len(split)}",
            )
        from qaml.data.stratified import stratified_choice, take

        return take(split, stratified_choice(split.labels, count, self.seed, stream))


class Normalise(TransformPart):
    """Map every coordinate by one affine function: onto new bounds, or by a mean and a standard deviation."""

    kind: Literal["normalise"] = "normalise"
    bounds: tuple[float, float] | None = None
    """New bounds [low, high], onto which the declared ones are mapped."""
    mean: float | None = None
    """Value to subtract from every coordinate, in the dataset's units; needs ``std``."""
    std: float | None = Field(None, gt=0)
    """Value to divide every coordinate by, after the subtraction; needs ``mean``."""

    @model_validator(mode="after")
    def _is_one_map(self) -> Self:
        if (self.mean is None) != (self.std is None):
            raise ValueError("'mean' and 'std' go together")
        if (self.bounds is None) == (self.mean is None):
            raise ValueError("expected either 'bounds' or 'mean' and 'std'")
        if self.bounds is not None and self.bounds[0] >= self.bounds[1]:
            raise ValueError("expected bounds [low, high] with low < high")
        return self

    def describe(self, info: InputInfo) -> InputInfo:
        """The description with the mapped bounds, rounded to float32 as inputs are, so that these stay within them.

        Raises:
            PartError: the new bounds are equal or infinite in float32, or there are no old ones to map onto them.
        """
        if self.bounds is not None and not info.bounds.is_finite:
            raise PartError(
                f"normalise maps the declared bounds, which are {info.bounds.in_words()}, onto new ones",
                "'rescale' maps the range of the training data",
            )
        offset, scale = self._map(info.bounds)
        low, high = (_single((edge - offset) / scale) for edge in info.bounds)
        kept = all(math.isfinite(new) == math.isfinite(old) for new, old in zip((low, high), info.bounds, strict=True))
        if not (low < high and kept):
            raise PartError(
                f"normalise gives bounds that float32 cannot distinguish or hold: [{low:g}, {high:g}]",
                "choose bounds further apart, or a standard deviation of the inputs' own size",
            )
        return info._replace(bounds=Bounds(low, high))

    def apply(self, data: Data) -> Data:
        """Map every input."""
        import numpy as np

        offset, scale = self._map(data.info.bounds)

        def normalise(inputs: FloatArray) -> FloatArray:
            # float64 and rounded once: rounding is monotone, so no input passes its rounded bound
            return ((inputs.astype(np.float64) - offset) / scale).astype(np.float32)

        return _map_inputs(data, self.describe(data.info), normalise)

    def _map(self, old: Bounds) -> tuple[float, float]:
        if self.mean is not None and self.std is not None:
            return self.mean, self.std
        assert self.bounds is not None
        low, high = self.bounds
        scale = (old.high - old.low) / (high - low)
        return old.low - low * scale, scale


class Amplitudes(TransformPart):
    """Amplitude encoding as a step of its own: x/‖x‖, padded with zeros to 2**n amplitudes.

    Attacks then perturb the state instead of the pixels: their budgets are in amplitudes, of which even the largest is
    rarely near 1. A circuit encodes the perturbed vector again, so that it has norm 1 after any attack.
    """

    kind: Literal["amplitudes"] = "amplitudes"

    def describe(self, info: InputInfo) -> InputInfo:
        """States of 2**n amplitudes in [−1, 1]; images that have as many pixels stay images.

        Raises:
            PartError: inputs are states already.
        """
        if info.is_state:
            raise PartError("amplitudes: the inputs are states already", "leave it out for this dataset")
        n = 2 ** max((info.n_features - 1).bit_length(), 1)
        shape = info.shape if n == info.n_features else (n,)
        return InputInfo(shape, info.classes, Bounds(-1.0, 1.0), is_state=True)

    def apply(self, data: Data) -> Data:
        """Divide every input by its norm.

        Raises:
            DataError: an input is zero everywhere, and so no state.
        """
        import numpy as np

        info = self.describe(data.info)
        for split in (data.train, data.test):
            is_zero = ~split.inputs.reshape(len(split), -1).any(axis=1)
            if is_zero.any():
                number = int(split.indices[int(np.argmax(is_zero))])
                raise DataError(
                    f"amplitudes: {int(is_zero.sum())} inputs are zero everywhere (the first is number {number})",
                    "there is no state for them: binarise at a lower threshold, or leave them out",
                )

        def encode(inputs: FloatArray) -> FloatArray:
            rows = inputs.reshape(len(inputs), -1).astype(np.float64)
            states = np.zeros((len(rows), info.n_features), np.float32)
            states[:, : rows.shape[1]] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
            return states.reshape(len(rows), *info.shape)

        return _map_inputs(data, info, encode)


def _map_inputs(data: Data, info: InputInfo, change: Callable[[FloatArray], FloatArray]) -> Data:
    # Split counts examples, which NamedTuple's own _replace does not survive
    train, test = (Split(change(split.inputs), split.labels, split.indices) for split in (data.train, data.test))
    return Data(train, test, info)


def _select(split: Split, relabel: IntArray, name: str) -> Split:
    import numpy as np

    from qaml.data.stratified import take

    kept = take(split, np.flatnonzero(relabel[split.labels] >= 0))
    if len(kept) == 0:
        raise DataError(f"select_classes leaves no {name} examples", "select before taking a subset")
    return Split(kept.inputs, relabel[kept.labels], kept.indices)


def _label(wanted: int | str, classes: tuple[str, ...]) -> int:
    if isinstance(wanted, int) and 0 <= wanted < len(classes):
        return wanted
    if isinstance(wanted, str) and wanted in classes:
        return classes.index(wanted)
    known = ", ".join(f"{label} ({name})" for label, name in enumerate(classes))
    raise PartError(f"select_classes: no class {wanted!r}", f"classes, by label or by name: {known}")


def _single(value: float) -> float:
    """The nearest float32, as a Python number; infinite beyond its range."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)
