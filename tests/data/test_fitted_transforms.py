"""Transforms against plain computations, and what is fitted against scikit-learn; test data teach nothing."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.decomposition import PCA as Reference
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from qaml.data.base import DatasetPart, TransformPart, load
from qaml.data.digits import Digits
from qaml.data.stratified import take
from qaml.data.transforms.crop import Crop
from qaml.data.transforms.flatten import Flatten
from qaml.data.transforms.grey import Grey
from qaml.data.transforms.pad import Pad
from qaml.data.transforms.pca import PCA
from qaml.data.transforms.rescale import Rescale
from qaml.data.transforms.select_features import SelectFeatures
from qaml.data.transforms.standardise import Standardise
from qaml.data.transforms.subset import Subset
from qaml.errors import DataError, PartError
from qaml.types import Bounds, Data, DoubleArray, InputInfo, Split
from tests.data.test_transforms import COLOURS, IMAGES, POINTS, dataset

OPEN = Bounds(-math.inf, math.inf)
FITTED: list[TransformPart] = [PCA(components=3), PCA(components=3, whiten=True), Standardise(), Rescale()]


@pytest.fixture(scope="module")
def digits() -> Data:
    return load(Digits())


def flat(split: Split) -> DoubleArray:
    rows: DoubleArray = split.inputs.reshape(len(split), -1).astype(np.float64)
    return rows


@pytest.mark.parametrize("n", [400, 30], ids=["more examples than pixels", "fewer"])
@pytest.mark.parametrize("whiten", [False, True])
def test_components_are_those_of_scikit_learn_signs_included(digits: Data, n: int, whiten: bool) -> None:
    few = digits._replace(train=take(digits.train, np.arange(n)))
    ours = PCA(components=6, whiten=whiten).apply(few)
    theirs = Reference(6, whiten=whiten, svd_solver="full").fit(flat(few.train))
    np.testing.assert_allclose(ours.test.inputs, theirs.transform(flat(few.test)), rtol=1e-5, atol=2e-6)
    assert ours.info == InputInfo((6,), digits.info.classes, OPEN)
    assert np.array_equal(ours.test.indices, few.test.indices)


def test_coordinates_are_scaled_as_by_scikit_learn(digits: Data) -> None:
    ours = Standardise().apply(digits)
    theirs = StandardScaler().fit(flat(digits.train)).transform(flat(digits.test))
    np.testing.assert_allclose(flat(ours.test), theirs, rtol=1e-5, atol=1e-6)
    assert (flat(ours.train)[:, 0] == 0).all(), "the corner is black in every image"
    angles = Rescale(bounds=(0.0, math.pi), beyond="keep").apply(digits)
    varies = flat(digits.train).min(0) < flat(digits.train).max(0)
    reference = MinMaxScaler((0, math.pi)).fit(flat(digits.train)).transform(flat(digits.test))
    np.testing.assert_allclose(flat(angles.test)[:, varies], reference[:, varies], atol=1e-6)


@pytest.mark.parametrize("part", FITTED, ids=repr)
def test_test_data_teach_nothing(digits: Data, part: TransformPart) -> None:
    other = digits._replace(test=Split(digits.test.inputs[::-1] ** 2, *digits.test[1:]))
    one, again = part.apply(digits), part.apply(other)
    assert np.array_equal(one.train.inputs, again.train.inputs)
    assert np.array_equal(part.apply(other._replace(train=other.train)).test.inputs, again.test.inputs)
    single = part.apply(digits._replace(test=take(digits.test, np.arange(3, 4))))
    np.testing.assert_allclose(single.test.inputs[0], one.test.inputs[3], rtol=1e-6, atol=1e-6)
    fewer = digits._replace(train=take(digits.train, np.arange(200)))
    assert not np.array_equal(part.apply(fewer).test.inputs, one.test.inputs), "but training data do"


def test_values_beyond_the_range_of_training_are_clipped_kept_or_refused() -> None:
    info = InputInfo((2,), ("a", "b"), OPEN)
    train = Split(np.array([[0, 5], [2, 5]], np.float32), np.array([0, 1]), np.arange(2))
    test = Split(np.array([[-1, 6], [3, 4]], np.float32), np.array([0, 1]), np.arange(2))
    data = Data(train, test, info)
    assert Rescale(bounds=(-1.0, 1.0)).apply(data).test.inputs.tolist() == [[-1, -1], [1, -1]]
    assert Rescale(bounds=(-1.0, 1.0), beyond="keep").apply(data).test.inputs.tolist() == [[-2, -1], [2, -1]]
    assert Rescale(beyond="keep").describe(info).bounds == OPEN
    declared = Digits(transforms=(Subset(train=50), Rescale(beyond="error")))
    with pytest.raises(DataError, match=r"test inputs lie in \[.*declared bounds are \[0, 1\]"):
        load(declared)
    with pytest.raises(DataError, match=r"declared bounds are \[-1, 1\]"):
        load(Digits(transforms=(PCA(components=2, bounds=(-1.0, 1.0)),)))


@pytest.mark.parametrize(("text", "value"), [("pi", math.pi), ("-pi/2", -math.pi / 2), ("2pi", 2 * math.pi), (1, 1.0)])
def test_angles_are_written_as_people_do(text: str | float, value: float) -> None:
    part = TransformPart.model_validate({"kind": "rescale", "bounds": [-7, text]})
    assert part == Rescale(bounds=(-7.0, value))


def test_shapes_change_as_plain_slices() -> None:
    images, points = dataset(IMAGES), dataset(POINTS)
    inputs = images.train.inputs
    assert np.array_equal(Flatten().apply(images).train.inputs, inputs.reshape(len(inputs), 24))
    assert np.array_equal(Crop(size=3).apply(images).train.inputs, inputs[:, :, 0:3, 1:4])
    framed = Pad(size=7, value=0.5).apply(images).train.inputs
    assert np.array_equal(framed[:, :, 1:5, 0:6], inputs)
    assert (framed[:, :, 5:] == 0.5).all()
    assert np.array_equal(Crop(size=4).apply(Pad(size=6).apply(images)).train.inputs, inputs[:, :, :, 1:5])
    assert np.array_equal(SelectFeatures(features=(1, 0)).apply(points).train.inputs, points.train.inputs[:, ::-1])
    colours = dataset(COLOURS)
    expected = np.einsum("c,nchw->nhw", [0.299, 0.587, 0.114], colours.train.inputs.astype(np.float64))
    np.testing.assert_allclose(Grey().apply(colours).train.inputs[:, 0], expected, atol=1e-7)


@pytest.mark.parametrize(
    ("part", "info", "message"),
    [
        (PCA(components=3), POINTS, "pca asks for 3 components of inputs with 2 coordinates"),
        (Crop(size=5), IMAGES, "crop cannot cut 5×5 out of images of 4×6"),
        (Crop(size=1), POINTS, "crop needs images"),
        (Pad(size=5), IMAGES, "pad cannot put images of 4×6 into a square of 5×5"),
        (Pad(size=6, value=2.0), IMAGES, "pad fills with 2, which is not within [0, 1]"),
        (SelectFeatures(features=(2,)), POINTS, "select_features: no feature 2"),
        (SelectFeatures(features=(0,)), IMAGES, "select_features needs vectors, got inputs of shape (1, 4, 6)"),
        (Grey(), IMAGES, "grey needs images of three channels, got inputs of shape (1, 4, 6)"),
    ],
    ids=lambda value: value.kind if isinstance(value, TransformPart) else "",
)
def test_what_does_not_fit_is_refused_before_any_data_are_read(
    part: TransformPart, info: InputInfo, message: str
) -> None:
    with pytest.raises(PartError, match=re.escape(message)) as caught:
        part.describe(info)
    assert caught.value.hint


def test_components_along_which_nothing_varies_are_refused(digits: Data) -> None:
    few = digits._replace(train=take(digits.train, np.arange(5)))
    with pytest.raises(DataError, match="pca asks for 5 components, the 5 training inputs vary along 4"):
        PCA(components=5).apply(few)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "rescale", "bounds": [1, 0]}, "low < high"),
        ({"kind": "rescale", "bounds": [0, "tau"]}, "valid number"),
        ({"kind": "pca", "components": 2, "bounds": [1, 1]}, "low < high"),
        ({"kind": "select_features", "features": [1, 1]}, "only once"),
    ],
)
def test_a_wrong_spec_is_refused(spec: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TransformPart.model_validate(spec)


def test_what_test_data_depend_on_ends_with_the_last_fit() -> None:
    share, pca, after = Subset(train=100), PCA(components=2), Subset(train=50)
    part: DatasetPart = Digits(transforms=(share, pca, after, Subset(train=9, test=8)))
    assert part.fitted.transforms == (share, pca)
    assert part.tested.transforms == (share, pca, Subset(test=8))
    assert part.tested.tested == part.tested
    assert Digits(transforms=(share,)).fitted.transforms == ()
