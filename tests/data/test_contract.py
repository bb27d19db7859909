"""Datasets that are not as promised are refused at the door, each with what is wrong; sound ones are converted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

from qaml.data.base import DatasetPart, load
from qaml.data.contract import repeated
from qaml.data.transforms.subset import Subset
from qaml.errors import DataError
from qaml.testing.datasets import check_dataset
from qaml.types import Bounds, Data, InputInfo, Split

INFO = InputInfo((1, 3, 4), ("a", "b", "c"), Bounds(0.0, 1.0))
N = 30


def sound(info: InputInfo = INFO) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    return {
        "inputs": generator.uniform(info.bounds.low, info.bounds.high, (N, *info.shape)).astype(np.float32),
        "labels": np.arange(N) % info.n_classes,
        "indices": np.arange(N) + 100,
    }


class Given(DatasetPart):
    """A dataset whose splits are whatever a test says."""

    kind: Literal["tests/given"] = "tests/given"
    splits: ClassVar[Any]
    info_given: ClassVar[InputInfo] = INFO

    def describe(self) -> InputInfo:
        return self.info_given

    def checksums(self) -> Mapping[str, str]:
        return {"given": "whatever it is"}

    def read(self) -> Data:
        train, test = (Split(**fields) for fields in self.splits)
        return Data(train, test, self.info_given)


def changed(field: str, change: Callable[[Any], Any], split: str = "test") -> type[Given]:
    """A dataset with one field of one split changed."""
    fields = {"train": sound(), "test": sound()}
    fields[split][field] = change(fields[split][field])

    class Changed(Given):
        splits = (fields["train"], fields["test"])

    return Changed


def with_value(value: float) -> Callable[[Any], Any]:
    def change(inputs: Any) -> Any:
        inputs[7, 0, 1, 2] = value
        return inputs

    return change


LABELS = "expected 30 whole numbers from 0 to 2"
REFUSED: list[tuple[str, Callable[[Any], Any], str]] = [
    ("labels", lambda y: y + 1, f"labels lie in 1 … 3, {LABELS}; 10 are 3\n  hint: they count from 1? subtract 1"),
    ("labels", lambda y: y - 1, f"labels lie in -1 … 1, {LABELS}; 10 are -1"),
    ("labels", lambda y: y.astype(np.float32), f"labels are float32, {LABELS}"),
    ("labels", lambda y: np.eye(3)[y], f"labels have shape (30, 3), {LABELS}\n  hint: one-hot? labels.argmax(1)"),
    ("labels", lambda y: y[:, None], f"labels have shape (30, 1), {LABELS}\n  hint: labels.ravel()?"),
    ("labels", lambda y: y[:-1], f"labels have shape (29,), {LABELS}"),
    ("labels", lambda y: y.astype(str), f"labels are <U21, {LABELS}"),
    ("labels", lambda y: list(y), "labels are a list, not a numpy array"),
    ("labels", lambda y: np.where(y == 1, 0, y), "split has no example of 'b'"),
    ("labels", lambda y: np.full_like(y, 2**40), f"labels lie in 1099511627776 … 1099511627776, {LABELS}"),
    ("inputs", with_value(np.nan), "inputs hold NaN or infinities in 1 examples, the first at position 7"),
    ("inputs", with_value(-np.inf), "inputs hold NaN or infinities in 1 examples, the first at position 7"),
    ("inputs", with_value(1.5), "declared bounds are [0, 1]: 1 of 30 examples are outside, the first at position 7"),
    (
        "inputs",
        lambda x: (x * 255).astype(np.uint8),
        "examples are outside, the first at position 0\n  hint: divide by 255?",
    ),
    (
        "inputs",
        lambda x: np.moveaxis(x, 1, -1),
        "inputs have shape (30, 3, 4, 1), expected (30, 1, 3, 4)\n  hint: channels last?",
    ),
    (
        "inputs",
        lambda x: x[:, 0],
        "inputs have shape (30, 3, 4), expected (30, 1, 3, 4)\n  hint: no channel? inputs[:, None]",
    ),
    ("inputs", lambda x: x.reshape(N, -1), "expected (30, 1, 3, 4)\n  hint: the same number of coordinates"),
    ("inputs", lambda x: x[:, :, :2], "inputs have shape (30, 1, 2, 4), expected (30, 1, 3, 4)"),
    ("inputs", lambda x: x[:20], "labels have shape (30,), expected 20 whole numbers from 0 to 2"),
    ("inputs", lambda x: x[:0], "split is empty"),
    ("inputs", lambda x: x.astype(np.complex64), "inputs are complex64, expected float32"),
    ("inputs", lambda x: x.astype(np.float64) * 1e300, "inputs hold NaN or infinities"),
    ("indices", lambda i: np.zeros_like(i), "indices repeat, 29 of 30 occurred before"),
    ("indices", lambda i: np.where(i == 101, 100, i), "indices repeat, 1 of 30 occurred before"),
    ("indices", lambda i: i[:-1], "indices have shape (29,), expected (30,)"),
    ("indices", lambda i: i.astype(np.float64), "indices are float64, expected int64"),
    ("indices", lambda i: i - 200, "indices are negative or too large"),
]


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize(("field", "change", "message"), REFUSED)
def test_what_is_not_as_promised(split: str, field: str, change: Callable[[Any], Any], message: str) -> None:
    part = changed(field, change, split)()
    with pytest.raises(DataError) as caught:
        load(part)
    name = {"train": "training", "test": "test"}[split]
    assert f"dataset 'tests/given': {name} " in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.uint8, np.uint64])
def test_whole_labels_of_any_width_are_converted(dtype: Any) -> None:
    data = load(changed("labels", lambda y: y.astype(dtype), "test")())
    assert data.test.labels.dtype == np.int64
    assert data.test.labels.tolist() == sound()["labels"].tolist()


def test_inputs_of_any_precision_are_converted() -> None:
    for change in (np.float64, np.float16):
        data = load(changed("inputs", change)())
        assert data.test.inputs.dtype == np.float32
        np.testing.assert_allclose(data.test.inputs, sound()["inputs"], atol=1e-3)


def test_labels_of_two_classes_as_signs() -> None:
    class Signs(Given):
        info_given = INFO._replace(classes=("a", "b"))
        splits = tuple(sound() | {"labels": np.arange(N) % 2 * 2 - 1} for _ in range(2))

    with pytest.raises(DataError, match=r"two classes as -1 and 1\? \(labels \+ 1\) // 2"):
        load(Signs())


def test_what_read_returns_and_declares() -> None:
    class Nothing(Given):
        def read(self) -> Any:
            return None

    class Other(changed("inputs", lambda x: x)):  # type: ignore[misc]
        def describe(self) -> InputInfo:
            return INFO._replace(bounds=Bounds(0.0, 2.0))

    with pytest.raises(DataError, match="read\\(\\) gave a NoneType"):
        load(Nothing())
    with pytest.raises(DataError, match="declared InputInfo"):
        load(Other())


def test_transforms_keep_the_promise_too() -> None:
    few = Subset(train=2)
    with pytest.raises(DataError, match="training split has no example of 'c'"):
        load(changed("inputs", lambda x: x)(transforms=(few,)))


def test_authors_are_told_the_same() -> None:
    with pytest.raises(AssertionError, match="labels lie in 1 … 3"):
        check_dataset(changed("labels", lambda y: y + 1)())


def test_test_examples_among_the_training_examples_are_counted() -> None:
    data = load(changed("inputs", lambda x: np.where(np.arange(N)[:, None, None, None] < 4, x, 1 - x))())
    assert repeated(data) == 4
