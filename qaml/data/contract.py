"""What every loaded dataset holds, checked once after reading, for the ``load`` step and for ``qaml.testing``.

Whole numbers of another width and inputs of another precision are converted; everything else that differs from the
declaration is refused, with what was found and what was expected.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qaml.errors import DataError
from qaml.types import AnyArray, Data, FloatArray, InputInfo, IntArray, Split

SHOWN = 5


def checked(kind: str, data: Data, info: InputInfo) -> Data:
    """The dataset with float32 inputs and int64 labels and indices.

    Args:
        kind: the dataset's kind, for messages.
        data: the dataset as it was read.
        info: what was declared before anything was read.

    Raises:
        DataError: it is something else than declared.
    """
    if not isinstance(data, Data):
        raise DataError(f"dataset {kind!r}: read() gave a {type(data).__name__}, expected qaml.types.Data")
    if data.info != info:
        raise DataError(
            f"dataset {kind!r}: declared {info}, loaded {data.info}", "describe() must declare what read() returns"
        )
    train, test = (
        _Door(kind, name, info).split(split) for name, split in (("training", data.train), ("test", data.test))
    )
    return Data(train, test, info)


def repeated(data: Data) -> int:
    """How many test examples are among the training examples, every coordinate the same."""
    seen = {hash(row.tobytes()) for row in data.train.inputs}
    return sum(hash(row.tobytes()) in seen for row in data.test.inputs)


class _Door:
    """Checks one split."""

    def __init__(self, kind: str, name: str, info: InputInfo) -> None:
        self.name = name
        self.info = info
        self._where = f"dataset {kind!r}: {name}"

    def split(self, split: Split) -> Split:
        inputs, labels, indices = (self._array(name, getattr(split, name, None)) for name in Split._fields)
        if inputs.ndim and not len(inputs):
            raise self._error("split is empty")
        inputs = self._inputs(inputs)
        return Split(inputs, self._labels(labels, len(inputs)), self._indices(indices, len(inputs)))

    def _error(self, message: str, hint: str = "") -> DataError:
        return DataError(f"{self._where} {message}", hint)

    def _array(self, name: str, value: Any) -> AnyArray:
        if not isinstance(value, np.ndarray):
            raise self._error(f"{name} are a {type(value).__name__}, not a numpy array", "convert them in read()")
        return value

    # --- inputs

    def _inputs(self, inputs: AnyArray) -> FloatArray:
        expected = (len(inputs) if inputs.ndim else 0, *self.info.shape)
        if inputs.shape != expected:
            raise self._error(
                f"inputs have shape {inputs.shape}, expected {expected}", self._shape_hint(inputs.shape[1:])
            )
        if inputs.dtype.kind not in "fiub":
            raise self._error(f"inputs are {inputs.dtype}, expected float32", "convert them in read()")
        with np.errstate(over="ignore"):
            single: FloatArray = inputs.astype(np.float32, copy=False)
        low, high = single.min(), single.max()  # of a NaN both are NaN
        if not np.isfinite(low) or not np.isfinite(high):
            wrong = ~np.isfinite(single.reshape(len(single), -1)).all(axis=1)
            raise self._error(
                f"inputs hold NaN or infinities in {int(wrong.sum())} examples, the first at position {_first(wrong)}",
                "leave these examples out, or say what a missing value is",
            )
        bounds = np.float32(self.info.bounds.low), np.float32(self.info.bounds.high)
        if low < bounds[0] or high > bounds[1]:
            outside = ((single < bounds[0]) | (single > bounds[1])).reshape(len(single), -1).any(axis=1)
            raise self._error(
                f"inputs lie in [{low:g}, {high:g}], declared bounds are [{bounds[0]:g}, {bounds[1]:g}]: "
                f"{int(outside.sum())} of {len(single)} examples are outside, the first at position {_first(outside)}",
                "divide by 255?"
                if high > 1 and high <= 255 and self.info.bounds == (0, 1)
                else "scale them, or declare",
            )
        return np.ascontiguousarray(single)

    def _shape_hint(self, found: tuple[int, ...]) -> str:
        shape = self.info.shape
        if len(shape) == 3 and found == (*shape[1:], shape[0]):
            return "channels last? expected channels first: np.moveaxis(inputs, -1, 1)"
        if len(shape) == 3 and shape[0] == 1 and found == shape[1:]:
            return "no channel? inputs[:, None] adds one"
        if int(np.prod(found)) == self.info.n_features:
            return f"the same number of coordinates: inputs.reshape(-1, {', '.join(map(str, shape))})?"
        return "describe() must declare what read() returns"

    # --- labels

    def _labels(self, labels: AnyArray, n: int) -> IntArray:
        k = self.info.n_classes
        expected = f"expected {n} whole numbers from 0 to {k - 1}"
        if labels.shape != (n,):
            one_hot = labels.ndim == 2 and labels.shape == (n, k)
            hint = "one-hot? labels.argmax(1)" if one_hot else "labels.ravel()?" if labels.size == n else ""
            raise self._error(f"labels have shape {labels.shape}, {expected}", hint)
        if labels.dtype.kind not in "iub":
            raise self._error(f"labels are {labels.dtype}, {expected}", "labels.astype(np.int64), if they are whole")
        smallest, largest = int(labels.min()), int(labels.max())
        if smallest < 0 or largest >= k:
            hint = "" if smallest != 1 or largest != k else "they count from 1? subtract 1"
            hint = "two classes as -1 and 1? (labels + 1) // 2" if (smallest, largest, k) == (-1, 1, 2) else hint
            wrong = labels[(labels < 0) | (labels >= k)]
            shown = ", ".join(str(each) for each in np.unique(wrong)[:SHOWN])
            raise self._error(f"labels lie in {smallest} … {largest}, {expected}; {len(wrong)} are {shown}", hint)
        whole: IntArray = labels.astype(np.int64)
        missing = np.flatnonzero(np.bincount(whole, minlength=k) == 0)
        if len(missing) and (n >= k or self.name == "training"):  # fewer test examples cannot hold every class
            names = ", ".join(repr(self.info.classes[label]) for label in missing[:SHOWN])
            raise self._error(
                f"split has no example of {names}" + (f" and {len(missing) - SHOWN} more" * (len(missing) > SHOWN)),
                "leave the class out ('select_classes', or of what is declared), or take more examples",
            )
        return whole

    # --- indices

    def _indices(self, indices: AnyArray, n: int) -> IntArray:
        if indices.shape != (n,):
            raise self._error(f"indices have shape {indices.shape}, expected ({n},)", "one for each example")
        if indices.dtype.kind not in "iu":
            raise self._error(f"indices are {indices.dtype}, expected int64", "positions in the published split")
        repeats = n - len(np.unique(indices))
        if repeats:
            hint = "images are paired across models by them: np.arange(n), before anything is left out"
            raise self._error(f"indices repeat, {repeats} of {n} occurred before", hint)
        if int(indices.min()) < 0 or int(indices.max()) > np.iinfo(np.int64).max:
            raise self._error("indices are negative or too large", "positions in the published split")
        return indices.astype(np.int64)


def _first(flags: object) -> int:
    return int(np.argmax(np.asarray(flags)))
