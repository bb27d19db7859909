"""The conformance check of datasets."""

from __future__ import annotations

import numpy as np

from qaml.data.base import DatasetPart, load
from qaml.errors import DataError
from qaml.testing.material import check_settings, check_sources, global_generators_left_alone, scrambled
from qaml.types import Data


def check_dataset(part: DatasetPart) -> None:
    """Check a dataset with its transforms; it is loaded twice.

    It must load what it declares (``qaml.data.contract``, as in every run), the same each time.

    Raises:
        AssertionError: a property does not hold; the message says what was expected.
    """
    check_settings(part)
    check_sources(part)
    checksums = part.checksums()
    assert checksums, "expected checksums: they are what results are kept by"
    assert all(isinstance(v, str) for v in checksums.values()), "expected checksums as texts"
    scrambled(1)
    with global_generators_left_alone(f"dataset {part.kind}"):
        data = _promised(part)
    scrambled(2)
    _check_same(data, load(part))


def _promised(part: DatasetPart) -> Data:
    try:
        return load(part)
    except DataError as error:
        raise AssertionError(str(error)) from error


def _check_same(one: Data, other: Data) -> None:
    for name in ("train", "test"):
        for array, again in zip(getattr(one, name), getattr(other, name), strict=True):
            assert np.array_equal(array, again), f"loaded twice, the {name} split differs"
