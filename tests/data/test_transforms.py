from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from qaml.data import TRANSFORMS, DatasetPart, TransformPart, load
from qaml.data.digits import Digits
from qaml.data.moons import Moons
from qaml.data.resampling import area_weights, downscale
from qaml.data.transforms.amplitudes import Amplitudes
from qaml.data.transforms.binarise import Binarise
from qaml.data.transforms.crop import Crop
from qaml.data.transforms.downscale import Downscale
from qaml.data.transforms.flatten import Flatten
from qaml.data.transforms.grey import Grey
from qaml.data.transforms.normalise import Normalise
from qaml.data.transforms.pad import Pad
from qaml.data.transforms.pca import PCA
from qaml.data.transforms.rescale import Rescale
from qaml.data.transforms.select_classes import SelectClasses
from qaml.data.transforms.select_features import SelectFeatures
from qaml.data.transforms.standardise import Standardise
from qaml.data.transforms.subset import Subset
from qaml.errors import DataError, PartError
from qaml.types import Bounds, Data, InputInfo, Split

IMAGES = InputInfo((1, 4, 6), ("a", "b", "c"), Bounds(0.0, 1.0))
COLOURS = InputInfo((3, 4, 4), ("a", "b"), Bounds(-1.0, 0.7))
POINTS = InputInfo((2,), ("a", "b"), Bounds(-1.0, 2.0))


def split(info: InputInfo, n: int, seed: int) -> Split:
    random = np.random.default_rng(seed)
    low, high = info.bounds
    inputs = np.clip(random.uniform(low - 0.1, high + 0.1, (n, *info.shape)), low, high).astype(np.float32)
    return Split(inputs, np.arange(n) % info.n_classes, np.sort(random.choice(10 * n, n, replace=False)))


def dataset(info: InputInfo = IMAGES, n: int = 60) -> Data:
    return Data(split(info, n, 0), split(info, n // 2, 1), info)


FITTING: list[tuple[TransformPart, InputInfo]] = [
    (Downscale(size=1), IMAGES),
    (Downscale(size=3), IMAGES),
    (Downscale(size=4), IMAGES),
    (Binarise(), IMAGES),
    (Binarise(threshold=-1.0), POINTS),
    (SelectClasses(classes=(2, 0)), IMAGES),
    (SelectClasses(classes=("c", "b", "a")), IMAGES),
    (Subset(train=17, test=5), IMAGES),
    (Subset(train=60), POINTS),
    (Normalise(bounds=(-1.0, 1.0)), IMAGES),
    (Normalise(bounds=(0.1, 0.7)), POINTS),
    (Normalise(mean=0.1307, std=0.3081), IMAGES),
    (Amplitudes(), IMAGES),
    (Amplitudes(), POINTS),
    (PCA(components=5), IMAGES),
    (PCA(components=2, whiten=True, bounds=(-9.0, None)), POINTS),
    (Standardise(), IMAGES),
    (Standardise(bounds=(-9.0, 9.0)), POINTS),
    (Rescale(bounds=(0.0, 3.14159)), IMAGES),
    (Rescale(beyond="keep"), POINTS),
    (Flatten(), IMAGES),
    (Crop(size=3), IMAGES),
    (Pad(size=9), IMAGES),
    (SelectFeatures(features=(1,)), POINTS),
    (Grey(), COLOURS),
]


def test_every_built_in_transform_has_a_case() -> None:
    assert {part.kind for part, _ in FITTING} == set(TRANSFORMS.kinds())


@pytest.mark.parametrize(("part", "info"), FITTING, ids=[repr(part) for part, _ in FITTING])
def test_apply_keeps_what_describe_says(part: TransformPart, info: InputInfo) -> None:
    before = dataset(info)
    inputs, labels = before.train.inputs.copy(), before.train.labels.copy()
    after = part.apply(before)
    assert after.info == part.describe(info)
    for old, new in ((before.train, after.train), (before.test, after.test)):
        assert new.inputs.shape == (len(new), *after.info.shape)
        assert [array.dtype.name for array in (new.inputs, new.labels, new.indices)] == ["float32", "int64", "int64"]
        assert new.inputs.min() >= after.info.bounds.low
        assert new.inputs.max() <= after.info.bounds.high
        names = dict(zip(old.indices.tolist(), (info.classes[label] for label in old.labels), strict=True))
        assert [after.info.classes[label] for label in new.labels] == [names[index] for index in new.indices.tolist()]
        assert (np.diff(new.indices) > 0).all()
    assert np.array_equal(before.train.inputs, inputs)
    assert np.array_equal(before.train.labels, labels)
    assert np.array_equal(part.apply(before).train.inputs, after.train.inputs)


@pytest.mark.parametrize(
    ("part", "info", "message"),
    [
        (Downscale(size=1), POINTS, "downscale needs images, got inputs of shape (2,)"),
        (Downscale(size=5), IMAGES, "downscale cannot enlarge 4×6 images to size 5"),
        (Binarise(threshold=1.0), IMAGES, "binarise at threshold 1 makes every input the same: bounds are [0, 1]"),
        (Binarise(threshold=-0.1), IMAGES, "binarise at threshold -0.1 makes every input the same"),
        (SelectClasses(classes=(0, 3)), IMAGES, "select_classes: no class 3"),
        (SelectClasses(classes=(0, -1)), IMAGES, "select_classes: no class -1"),
        (SelectClasses(classes=("a", "d")), IMAGES, "select_classes: no class 'd'"),
        (SelectClasses(classes=("a", 0)), IMAGES, "select_classes names a class twice"),
        (Normalise(bounds=(1.0, 1 + 1e-9)), IMAGES, "normalise gives bounds that float32 cannot distinguish or hold"),
        (Normalise(mean=0.0, std=1e-300), IMAGES, "normalise gives bounds that float32 cannot distinguish or hold"),
    ],
)
def test_what_does_not_fit_is_said_before_any_data_are_read(part: TransformPart, info: InputInfo, message: str) -> None:
    with pytest.raises(PartError, match=re.escape(message)) as caught:
        part.describe(info)
    assert caught.value.hint
    with pytest.raises(PartError, match=re.escape(message)):
        part.apply(dataset(info))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "downscale"}, "Field required"),
        ({"kind": "downscale", "size": 0}, "greater than or equal to 1"),
        ({"kind": "downscale", "size": 7.0}, "valid integer"),
        ({"kind": "binarise", "threshold": "high"}, "valid number"),
        ({"kind": "select_classes", "classes": [1]}, "at least 2 items"),
        ({"kind": "select_classes", "classes": [1, 1]}, "every class can be selected only once"),
        ({"kind": "select_classes", "classes": [True, 2]}, "valid integer"),
        ({"kind": "subset"}, "expected 'train', 'test' or both"),
        ({"kind": "subset", "train": 0}, "greater than or equal to 1"),
        ({"kind": "normalise"}, "expected either 'bounds' or 'mean' and 'std'"),
        ({"kind": "normalise", "mean": 0.1}, "'mean' and 'std' go together"),
        ({"kind": "normalise", "mean": 0.1, "std": 0.0}, "greater than 0"),
        ({"kind": "normalise", "bounds": [0, 1], "mean": 0, "std": 1}, "expected either 'bounds' or"),
        ({"kind": "normalise", "bounds": [1, 1]}, "low < high"),
        ({"kind": "normalise", "bounds": [1]}, "Field required"),
        ({"kind": "upscale"}, "unknown transform 'upscale'"),
    ],
)
def test_a_wrong_spec_is_refused(spec: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TransformPart.model_validate(spec)


def test_a_dataset_applies_its_transforms_in_order() -> None:
    part = DatasetPart.model_validate(
        {
            "kind": "digits",
            "transforms": [
                {"kind": "downscale", "size": 4},
                {"kind": "select_classes", "classes": [9, "1"]},
                {"kind": "subset", "train": 100, "test": 40, "seed": 3},
                {"kind": "normalise", "bounds": [-1, 1]},
                {"kind": "binarise", "threshold": 0.0},
            ],
        }
    )
    data = load(part)
    assert data.info == part.info == InputInfo((1, 4, 4), ("9", "1"), Bounds(-1.0, 1.0))
    assert np.unique(data.train.inputs).tolist() == [-1.0, 1.0]
    assert (len(data.train), len(data.test)) == (100, 40)
    original = load(Digits())
    digit = dict(zip(original.train.indices, original.train.labels, strict=True))
    assert [digit[index] for index in data.train.indices] == [(9, 1)[label] for label in data.train.labels]


def test_a_transform_that_does_not_fit_a_dataset_shows_in_its_description() -> None:
    with pytest.raises(PartError, match="downscale needs images"):
        _ = Moons(transforms=(Downscale(size=1),)).info


# --- downscale -------------------------------------------------------------------------------------------------------


def test_a_whole_ratio_gives_exact_block_means() -> None:
    images = (np.random.default_rng(0).integers(0, 256, (50, 2, 28, 28)) / 255).astype(np.float32)
    blocks = images.astype(np.float64).reshape(50, 2, 7, 4, 7, 4).mean((3, 5))
    assert np.array_equal(downscale(images, 7), blocks.astype(np.float32))


def test_a_fractional_ratio_by_hand() -> None:
    # 3 → 2: each new pixel covers 1.5 old ones
    assert area_weights(3, 2).tolist() == [[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]]
    image = np.array([[9, 0, 0], [0, 9, 0], [0, 0, 9]], np.float32)[None, None]
    assert downscale(image, 2)[0, 0] == pytest.approx(np.array([[5, 1], [1, 5]]))


@settings(deadline=None)
@given(n_from=st.integers(1, 40), data=st.data())
def test_area_weights_are_the_overlaps(n_from: int, data: st.DataObject) -> None:
    n_to = data.draw(st.integers(1, n_from))
    weights = area_weights(n_from, n_to)
    ratio = Fraction(n_from, n_to)
    for i in range(n_to):
        for j in range(n_from):
            overlap = min((i + 1) * ratio, Fraction(j + 1)) - max(i * ratio, Fraction(j))
            assert weights[i, j] == float(max(overlap, Fraction(0)) / ratio)
    assert weights.sum(axis=1) == pytest.approx(1, abs=1e-14)


@settings(max_examples=40, deadline=None)
@given(side=st.integers(1, 30), level=st.floats(0, 1, width=32), data=st.data())
def test_downscaling_keeps_bounds_means_and_constants(side: int, level: float, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, side))
    noise = np.random.default_rng(side).random((3, 1, side, side), dtype=np.float32)
    extreme = np.round(noise)
    constant = np.full((1, 1, side, side), level, np.float32)
    for images in (noise, extreme, constant):
        small = downscale(images, size)
        assert small.min() >= images.min()
        assert small.max() <= images.max()
        assert small.mean(axis=(1, 2, 3)) == pytest.approx(images.mean(axis=(1, 2, 3)), abs=1e-6)


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).random((23, 1, 9, 9), dtype=np.float32)
    whole = downscale(images, 4)
    monkeypatch.setattr("qaml.data.resampling.CHUNK", 5)
    assert np.array_equal(downscale(images, 4), whole)


# --- the others ------------------------------------------------------------------------------------------------------


def test_binarise_puts_the_threshold_itself_below() -> None:
    points = np.array([[0.5, np.nextafter(np.float32(0.5), np.float32(1))]], np.float32)
    one = Split(points, np.zeros(1, np.int64), np.zeros(1, np.int64))
    info = InputInfo((2,), ("a",), Bounds(-3.0, 1.0))
    assert Binarise().apply(Data(one, one, info)).train.inputs.tolist() == [[-3.0, 1.0]]


def test_select_classes_relabels_in_the_order_given() -> None:
    data = SelectClasses(classes=("c", 0)).apply(dataset())
    assert data.info.classes == ("c", "a")
    assert len(data.train) == 40
    assert Counter(data.train.labels.tolist()) == {0: 20, 1: 20}


def test_a_split_without_the_selected_classes_is_a_data_error() -> None:
    data = dataset()
    test = data.test
    only_a = data._replace(test=Split(test.inputs[:1], test.labels[:1], test.indices[:1]))
    with pytest.raises(DataError, match="select_classes leaves no test examples"):
        SelectClasses(classes=(1, 2)).apply(only_a)


@settings(max_examples=40, deadline=None)
@given(train=st.integers(1, 60), test=st.integers(1, 30), seed=st.integers(0, 1000))
def test_subset_keeps_counts_shares_and_examples(train: int, test: int, seed: int) -> None:
    before = dataset()
    after = Subset(train=train, test=test, seed=seed).apply(before)
    for old, new, count in ((before.train, after.train, train), (before.test, after.test, test)):
        assert len(new) == count
        classes = np.bincount(new.labels, minlength=3)
        assert classes.max() - classes.min() <= 1
        position = np.searchsorted(old.indices, new.indices)
        assert np.array_equal(old.indices[position], new.indices)
        assert np.array_equal(old.inputs[position], new.inputs)
        assert np.array_equal(old.labels[position], new.labels)


def test_subset_follows_its_seed() -> None:
    choices = {tuple(Subset(train=30, seed=seed).apply(dataset()).train.indices) for seed in range(5)}
    assert len(choices) == 5


def test_subset_of_one_split_leaves_the_other_alone() -> None:
    before = dataset()
    assert Subset(test=3).apply(before).train is before.train


@pytest.mark.parametrize(("part", "name"), [(Subset(train=61), "61 training"), (Subset(test=31), "31 test")])
def test_more_than_there_are_is_a_data_error(part: Subset, name: str) -> None:
    assert part.describe(IMAGES) == IMAGES
    with pytest.raises(DataError, match=f"subset asks for {name} examples") as caught:
        part.apply(dataset())
    assert caught.value.hint in {"ask for at most 60", "ask for at most 30"}


bound = st.floats(-100, 100)


@settings(deadline=None)
@given(old=st.tuples(bound, bound), new=st.tuples(bound, bound), share=st.floats(0, 1))
def test_normalise_is_affine_and_maps_bounds_onto_bounds(
    old: tuple[float, float], new: tuple[float, float], share: float
) -> None:
    (low, high), (new_low, new_high) = sorted(old), sorted(new)
    if high - low < 1e-3 or new_high - new_low < 1e-3:
        return
    info = InputInfo((3,), ("a",), Bounds(low, high))
    points = np.clip(np.array([[low, low + share * (high - low), high]]), low, high).astype(np.float32)
    one = Split(points, np.zeros(1, np.int64), np.zeros(1, np.int64))
    after = Normalise(bounds=(new_low, new_high)).apply(Data(one, one, info))
    expected = [new_low, new_low + share * (new_high - new_low), new_high]
    # float32 of both sides: the input's own rounding is stretched by the map
    tolerance = 1e-6 * (1 + max(abs(low), abs(high))) * (1 + (new_high - new_low) / (high - low)) + 1e-4
    assert after.train.inputs[0] == pytest.approx(np.array(expected), abs=tolerance)
    assert after.info.bounds == pytest.approx((new_low, new_high), abs=1e-5)


def test_normalise_by_mean_and_deviation_moves_the_bounds() -> None:
    after = Normalise(mean=0.5, std=0.25).apply(dataset())
    assert after.info.bounds == (-2.0, 2.0)
    assert np.array_equal(after.train.inputs, (dataset().train.inputs - 0.5) * 4)
