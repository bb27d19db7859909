"""The real MNIST and Fashion-MNIST, where the machine has them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import platformdirs
import pytest

from qaml.data import DatasetPart, load
from qaml.data.idx import FashionMnist, IdxDataset, Mnist
from qaml.errors import DataError
from qaml.types import Bounds, InputInfo

# with QAML_REQUIRE_DATA=1 they do not skip: a missing folder fails them
needs_data = pytest.mark.skipif(
    "QAML_DATA" not in os.environ and os.environ.get("QAML_REQUIRE_DATA") != "1",
    reason="QAML_DATA is not set: no folder with mnist/ and fashion-mnist/",
)
UNREACHABLE = "http://127.0.0.1:9"
"""The tests must not download anything."""


@needs_data
@pytest.mark.parametrize(
    ("part", "train_counts", "mean", "deviation"),
    [
        (Mnist(), [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949], 0.1307, 0.3081),
        (FashionMnist(), [6000] * 10, 0.2860, 0.3530),
    ],
    ids=["mnist", "fashion_mnist"],
)
def test_the_published_sets(
    monkeypatch: pytest.MonkeyPatch, part: IdxDataset, train_counts: list[int], mean: float, deviation: float
) -> None:
    monkeypatch.setenv("QAML_MIRROR", UNREACHABLE)
    data = load(part)
    assert data.info == part.info == InputInfo((1, 28, 28), part.classes, Bounds(0.0, 1.0))
    assert data.train.inputs.shape == (60_000, 1, 28, 28)
    assert data.test.inputs.shape == (10_000, 1, 28, 28)
    assert np.bincount(data.train.labels).tolist() == train_counts
    assert np.bincount(data.test.labels).sum() == 10_000
    assert data.train.inputs.mean(dtype=np.float64) == pytest.approx(mean, abs=5e-5)
    assert data.train.inputs.std(dtype=np.float64) == pytest.approx(deviation, abs=5e-5)
    assert (data.train.inputs.min(), data.train.inputs.max()) == (0, 1)
    assert np.array_equal(data.test.indices, np.arange(10_000))


@needs_data
def test_the_first_mnist_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QAML_MIRROR", UNREACHABLE)
    part = DatasetPart.model_validate(
        {"kind": "mnist", "transforms": [{"kind": "downscale", "size": 7}, {"kind": "binarise"}]}
    )
    data = load(part)
    # known from every look at the set: a five, a zero, a four; and a seven, a two, a one
    assert data.train.labels[:3].tolist() == [5, 0, 4]
    assert data.test.labels[:3].tolist() == [7, 2, 1]
    assert np.unique(data.train.inputs).tolist() == [0, 1]
    assert data.info.shape == (1, 7, 7)


@pytest.mark.parametrize(("part", "name"), [(Mnist(), "mnist"), (FashionMnist(), "fashion-mnist")])
def test_missing_data_without_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: IdxDataset, name: str
) -> None:
    monkeypatch.setenv("QAML_DATA", str(tmp_path))
    monkeypatch.setenv("QAML_MIRROR", UNREACHABLE)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte is not in .*: cannot connect") as caught:
        load(part)
    for word in ("QAML_DATA", str(tmp_path / name), *part.checksums()):
        assert word in caught.value.hint


def test_the_folder_is_below_the_variable_or_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QAML_DATA", str(tmp_path))
    assert FashionMnist().folder == tmp_path / "fashion-mnist"
    for unset in ("", None):
        if unset is None:
            monkeypatch.delenv("QAML_DATA")
        else:
            monkeypatch.setenv("QAML_DATA", unset)
        assert Mnist().folder == Path(platformdirs.user_cache_dir("qaml")) / "mnist"


@pytest.mark.parametrize("part", [Mnist(), FashionMnist()])
def test_what_is_declared(part: IdxDataset) -> None:
    assert part.needs_files
    assert list(part.checksums()) == [
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ]
    assert len({*Mnist().checksums().values(), *FashionMnist().checksums().values()}) == 8
    assert all(mirror.startswith("http") and not mirror.endswith("/") for mirror in part.mirrors)
    assert len(part.mirrors) == 2
