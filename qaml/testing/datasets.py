"""What every dataset promises."""

from __future__ import annotations

import numpy as np

from qaml.data.base import DatasetPart, load
from qaml.testing.material import check_settings, check_sources, global_generators_left_alone, scrambled
from qaml.types import Data, InputInfo, Split


def check_dataset(part: DatasetPart) -> None:
    """Check a dataset with its transforms; it is loaded twice.

    What it declares before loading is what it loads, the same each time, within bounds, with every class in training.

    Raises:
        AssertionError: with what was expected.
    """
    check_settings(part)
    check_sources(part)
    checksums = part.checksums()
    assert checksums, "expected checksums: they are what results are kept by"
    assert all(isinstance(v, str) for v in checksums.values()), "expected checksums as texts"
    scrambled(1)
    with global_generators_left_alone(f"dataset {part.kind}"):
        data = load(part)
    info = part.info
    assert data.info == info, f"declared {info}, loaded {data.info}"
    for name in ("train", "test"):
        _check_split(getattr(data, name), name, info)
    missing = set(range(info.n_classes)) - set(np.unique(data.train.labels).tolist())
    assert not missing, f"no training example of classes {sorted(info.classes[k] for k in missing)}"
    scrambled(2)
    _check_same(data, load(part))


def _check_split(split: Split, name: str, info: InputInfo) -> None:
    n = len(split)
    assert n > 0, f"the {name} split is empty"
    expected = (n, *info.shape)
    assert split.inputs.shape == expected, f"expected {name} inputs of shape {expected}, got {split.inputs.shape}"
    assert split.inputs.dtype == np.float32, f"expected float32 {name} inputs, got {split.inputs.dtype}"
    for words, array in (("labels", split.labels), ("indices", split.indices)):
        assert array.shape == (n,), f"expected {n} {name} {words}, got shape {array.shape}"
        assert array.dtype == np.int64, f"expected int64 {name} {words}, got {array.dtype}"
    low, high = (np.float32(bound) for bound in info.bounds)
    seen = split.inputs.min(), split.inputs.max()
    assert low <= seen[0] <= seen[1] <= high, f"{name} inputs lie in {seen}, declared bounds are [{low}, {high}]"
    labels = split.labels.min(), split.labels.max()
    assert 0 <= labels[0] <= labels[1] < info.n_classes, f"{name} labels lie in {labels}, {info.n_classes} are declared"
    assert len(np.unique(split.indices)) == n, f"{name} indices repeat: images are paired across models by them"


def _check_same(one: Data, other: Data) -> None:
    for name in ("train", "test"):
        for array, again in zip(getattr(one, name), getattr(other, name), strict=True):
            assert np.array_equal(array, again), f"loaded twice, the {name} split differs"
