"""What was declared about a user's arrays, held against what their files hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from qaml.data.arrays.formats import Role, Values, Wanted, as_values, read, read_array, read_positions
from qaml.data.division import HeldOut, divide_at
from qaml.data.paste import listed
from qaml.errors import DataError
from qaml.files.npz import NUMBERS
from qaml.types import AnyArray, Bounds, FloatArray, IntArray, Split

if TYPE_CHECKING:
    from qaml.data.arrays.part import Arrays, ExampleFile

_MOST = 2**53
"""The largest label: up to it whole numbers and floating-point numbers are the same."""


def splits(part: Arrays) -> tuple[Split, Split]:
    """The training and the test examples of a dataset.

    Raises:
        DataError: a file cannot be read, is another one than declared, or holds something else.
    """
    if part.test_file is not None:
        return _split(part, part.file, "train"), _split(part, part.test_file, "apart")
    if part.split is None:
        return _split(part, part.file, "train"), _split(part, part.file, "test")
    whole, marks = _examples(part, part.file, "all")
    if len(whole) < 2:
        raise DataError(f"{part.file.path}: one example cannot be divided")
    if part.split.test_share is not None:
        return HeldOut(test_share=part.split.test_share, seed=part.split.seed).divide(whole)
    if (file := part.split.indices) is not None:
        return divide_at(whole, file.read(lambda content: read_positions(file.path, content, len(whole))))
    return divide_at(whole, _marked(part, part.split.test, marks if marks is not None else []))


def _split(part: Arrays, file: ExampleFile, role: Role) -> Split:
    return _examples(part, file, role)[0]


def _examples(part: Arrays, file: ExampleFile, role: Role) -> tuple[Split, Values | None]:
    """The examples of a file as declared, and what its column says about each."""
    from qaml.data.arrays.part import ArrayFile

    outside = file.labels if isinstance(file.labels, ArrayFile) else None
    column = part.split.column if part.split is not None else None
    labels = None if isinstance(file.labels, ArrayFile) else file.labels
    wanted = Wanted(file.inputs, labels, column, role, has_labels=outside is None)

    def parse(content: bytes) -> tuple[FloatArray, IntArray | None, Values | None]:
        found = read(file.path, content, wanted)
        inputs = as_declared(file.path, found.inputs, part)
        numbers = None if outside is not None else _labels(part, file.path, found.labels, len(inputs))
        return inputs, numbers, found.marks

    inputs, numbers, marks = file.read(parse)
    if outside is not None:
        path = outside.path
        numbers = outside.read(
            lambda content: _labels(part, path, as_values(path, "labels", read_array(path, content)), len(inputs))
        )
    assert numbers is not None
    return Split(inputs, numbers, np.arange(len(inputs), dtype=np.int64)), marks


# --- inputs


def as_declared(path: str, found: AnyArray, part: Arrays) -> FloatArray:
    """Inputs in the declared shape, within the declared bounds.

    An axis of one channel may lack, and an input may be one row of numbers.

    Raises:
        DataError: the file holds inputs of another shape, or outside of the bounds.
    """
    if found.ndim == 0 or found.dtype.kind not in NUMBERS:
        raise DataError(f"{path}: inputs are {found.dtype} of shape {list(found.shape)}, expected rows of numbers")
    shape, inside = part.shape, found.shape[1:]
    channels, *rest = shape
    stored = (*rest, channels) if part.layout == "hwc" else shape
    without_ones = [tuple(n for n in each if n != 1) for each in (inside, stored)]
    is_row = len(inside) == 1 or len(shape) == 1
    if not (
        inside == stored or without_ones[0] == without_ones[1] or (is_row and math.prod(inside) == math.prod(shape))
    ):
        raise DataError(
            f"{path}: inputs have shape {list(inside)}, declared 'shape: {list(shape)}'", _shape_hint(inside, part)
        )
    inputs = found.reshape(len(found), *stored)
    if part.layout == "hwc":
        inputs = np.moveaxis(inputs, -1, 1)
    with np.errstate(over="ignore"):
        single: FloatArray = np.ascontiguousarray(inputs, np.float32)
    _check_bounds(path, single, part.describe().bounds)
    return single


def _shape_hint(inside: tuple[int, ...], part: Arrays) -> str:
    if part.layout == "chw" and len(part.shape) == 3 and inside == (*part.shape[1:], part.shape[0]):
        return "channels last? write 'layout: hwc'"
    words = shape_words(inside)
    return f"write '{words}'" if words else "expected one row of numbers, or one image, for each example"


def shape_words(inside: tuple[int, ...]) -> str:
    """The declaration of inputs of this shape, such as ``shape: [1, 8, 8]``; empty where there is none."""
    if len(inside) == 3 and inside[2] in (1, 3) and inside[0] not in (1, 3):
        return f"shape: [{inside[2]}, {inside[0]}, {inside[1]}], layout: hwc"
    shape = (1, *inside) if len(inside) == 2 else inside
    return f"shape: {list(map(int, shape))}" if len(shape) in (1, 3) else ""


def _check_bounds(path: str, inputs: FloatArray, bounds: Bounds) -> None:
    if not len(inputs):
        return  # the contract of all datasets says so
    low, high = inputs.min(), inputs.max()
    if (low >= np.float32(bounds.low) and high <= np.float32(bounds.high)) or not np.isfinite((low, high)).all():
        return  # and of missing numbers
    hint = f"write '{bounds_words(low, high)}', or what these numbers can be at most"
    if bounds == (0, 1) and low >= 0 and 16 < high <= 255 and bool((inputs == np.rint(inputs)).all()):
        hint = "write 'bounds: [0, 255]', and 'transforms: [{kind: normalise, bounds: [0, 1]}]' for [0, 1]"
    words = ", ".join("null" if edge is None else f"{edge:g}" for edge in bounds.limits)
    raise DataError(f"{path}: inputs lie in [{_digits(low)}, {_digits(high)}], declared 'bounds: [{words}]'", hint)


def bounds_words(low: np.float32, high: np.float32) -> str:
    """The declaration of the smallest bounds, in digits that name these numbers exactly."""
    return f"bounds: [{_digits(low)}, {_digits(high)}]"


def _digits(value: np.float32) -> str:
    return str(value).removesuffix(".0")


# --- labels


def _outside(part: Arrays, path: str, content: bytes, n: int) -> IntArray:
    return _labels(part, path, as_values(path, "labels", read_array(path, content)), n)


def _labels(part: Arrays, path: str, values: Values, n: int) -> IntArray:
    if len(values) != n:
        raise DataError(f"{path}: {len(values)} labels, expected {n}: one for each input")
    whole = whole_numbers(values)
    names = part.describe().classes
    try:
        numeric = [int(name) for name in names]
    except ValueError:
        numeric = list(range(len(names)))  # labels are positions among names such as 'cat'
    if whole is not None:
        distinct, inverse = np.unique(whole, return_inverse=True)
        known = {number: label for label, number in enumerate(numeric)}
        if all(int(number) in known for number in distinct):
            return np.array([known[int(number)] for number in distinct], np.int64)[inverse].reshape(-1)
    elif isinstance(values, list) and set(values) <= set(names):
        place = {name: label for label, name in enumerate(names)}
        return np.array([place[value] for value in values], np.int64)
    elif not isinstance(values, list):
        raise DataError(f"{path}: labels are {values.dtype}, expected whole numbers or names of classes")
    declared = f"'{_declared(part)}'"
    raise DataError(
        f"{path}: labels are {listed(distinct_values(values))}, declared {declared}", f"write '{class_words(values)}'"
    )


def whole_numbers(values: Values) -> IntArray | None:
    """The values as whole numbers, ``None`` where one of them is none."""
    if isinstance(values, list):
        try:
            numbers = {text: float(text) for text in set(values)}
        except ValueError:
            return None
        values = np.array([numbers[text] for text in values])
    if (
        values.dtype.kind not in NUMBERS
        or not bool(np.isfinite(values).all())
        or bool((values != np.rint(values)).any())
    ):
        return None
    if values.size and not -(2.0**53) <= float(values.min()) <= float(values.max()) <= 2.0**53:
        return None
    whole: IntArray = values.astype(np.int64)
    return whole


def distinct_values(values: Values) -> list[str]:
    """The different values, as texts: numbers in their order, names in theirs."""
    whole = whole_numbers(values)
    if whole is not None:
        return [str(number) for number in np.unique(whole)]
    return sorted(set(values)) if isinstance(values, list) else [str(number) for number in np.unique(values)]


def class_words(values: Values) -> str:
    """The declaration of the classes of these labels."""
    distinct = distinct_values(values)
    if distinct == [str(number) for number in range(len(distinct))]:
        return f"classes: {len(distinct)}"
    return f"classes: [{listed(distinct)}]"


def _declared(part: Arrays) -> str:
    return f"classes: {part.classes if isinstance(part.classes, int) else f'[{listed(part.describe().classes)}]'}"


# --- what each example is for


def _marked(part: Arrays, wanted: Sequence[str | int], marks: Values) -> IntArray:
    """The positions of the examples whose mark is one of those wanted."""
    whole = whole_numbers(marks)
    texts = [str(number) for number in whole] if whole is not None else [str(mark) for mark in marks]
    chosen = {str(each) for each in wanted}
    found = np.flatnonzero(np.array([text in chosen for text in texts]))
    if len(found) in (0, len(texts)):
        column = part.split.column if part.split is not None else ""
        raise DataError(
            f"{part.file.path}: {'every' if len(found) else 'no'} example is for testing: "
            f"{column!r} holds {listed(sorted(set(texts)))}",
            "write 'test:' and the values of test examples beside 'column'",
        )
    return found
