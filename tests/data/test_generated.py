"""digits and moons: content, splits, checksums."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import sklearn.datasets
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qaml.data import DatasetPart, load
from qaml.data.contract import repeated
from qaml.data.digits import Digits
from qaml.data.generated import digest
from qaml.data.moons import Moons
from qaml.data.points import Blobs, Circles
from qaml.data.tfim import TransverseIsing, ground_state
from qaml.data.toys import BreastCancer, Iris, Toy, Wine
from qaml.data.transforms.amplitudes import Amplitudes
from qaml.errors import DataError, PartError
from qaml.types import Data, Split


def joined(data: Data) -> Split:
    """Both splits in the order of ``indices``."""
    train, test = data.train, data.test
    indices = np.concatenate([train.indices, test.indices])
    order = np.argsort(indices)
    inputs = np.concatenate([train.inputs, test.inputs])
    return Split(inputs[order], np.concatenate([train.labels, test.labels])[order], indices[order])


def check_against_description(data: Data, part: DatasetPart) -> None:
    info = part.info
    assert data.info == info
    for split in (data.train, data.test):
        assert split.inputs.shape == (len(split), *info.shape)
        assert [array.dtype.name for array in (split.inputs, split.labels, split.indices)] == [
            "float32",
            "int64",
            "int64",
        ]
        assert split.inputs.min() >= info.bounds.low
        assert split.inputs.max() <= info.bounds.high
        assert set(np.unique(split.labels)) <= set(range(info.n_classes))
        assert (np.diff(split.indices) > 0).all()


def test_digits_are_scikit_learns_in_sixteenths() -> None:
    data = load(Digits())
    check_against_description(data, Digits())
    assert (len(data.train), len(data.test)) == (1297, 500)
    whole = joined(data)
    images, labels = sklearn.datasets.load_digits(return_X_y=True)
    assert np.array_equal(whole.inputs.reshape(1797, 64) * 16, images)
    assert np.array_equal(whole.labels, labels)
    assert np.array_equal(whole.indices, np.arange(1797))


def test_the_default_digits_split_is_fixed() -> None:
    test = load(Digits()).test
    assert test.indices[:10].tolist() == [1, 2, 3, 11, 13, 15, 20, 21, 32, 46]
    assert np.bincount(test.labels).tolist() == [50, 51, 49, 51, 50, 51, 50, 50, 48, 50]


@pytest.mark.parametrize("seed", [0, 1])
def test_digits_choice_follows_size_and_seed(seed: int) -> None:
    data = load(Digits(test=100, seed=seed))
    assert len(data.test) == 100
    assert np.array_equal(data.test.indices, load(Digits(test=100, seed=seed)).test.indices)
    assert not np.array_equal(data.test.indices, load(Digits(test=100, seed=seed + 1)).test.indices)


def test_other_digits_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = sklearn.datasets.load_digits(return_X_y=True)
    images[0, 2] += 1
    monkeypatch.setattr(sklearn.datasets, "load_digits", lambda **_: (images, labels))
    with pytest.raises(DataError, match="not the ones declared") as caught:
        Digits().read()
    assert caught.value.hint == "reinstall scikit-learn"


def test_moons_lie_on_two_half_circles() -> None:
    data = load(Moons())
    check_against_description(data, Moons())
    assert (len(data.train), len(data.test)) == (800, 200)
    assert np.bincount(data.test.labels).tolist() == [100, 100]
    whole = joined(data)
    centres = np.array([[0.0, 0.0], [1.0, 0.5]])[whole.labels]
    radii = np.linalg.norm(whole.inputs - centres, axis=1)
    # radial noise is Gaussian to first order: mean 1 and deviation 0.03, within five standard errors of n = 1000
    assert abs(radii.mean() - 1) < 5 * 0.03 / np.sqrt(1000)
    assert abs(radii.std() - 0.03) < 5 * 0.03 / np.sqrt(2000)


def test_the_upper_moon_is_label_0() -> None:
    data = load(Moons(noise=0))
    assert data.info.classes == ("upper", "lower")
    assert data.train.inputs[data.train.labels == 0, 1].min() >= 0
    assert data.train.inputs[data.train.labels == 1, 1].max() <= 0.5


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(20, 400),
    noise=st.integers(0, 100).map(lambda percent: percent / 100),
    share=st.floats(0.01, 0.85),  # with more of 20 points no class may be left to train on
    seed=st.integers(0, 2**32 - 1),
)
def test_moons_keep_what_they_declare(n: int, noise: float, share: float, seed: int) -> None:
    part = Moons(n=n, noise=noise, test_share=share, seed=seed)
    data = load(part)
    check_against_description(data, part)
    assert len(data.train) + len(data.test) == n
    assert abs(len(data.test) - n * share) <= 0.5 or len(data.test) in (1, n - 1)
    assert np.array_equal(data.test.inputs, load(part).test.inputs)


def test_other_moons_than_declared_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    points, labels = sklearn.datasets.make_moons(1000, noise=0.03, random_state=0)
    points[3, 0] += 2e-6
    monkeypatch.setattr(sklearn.datasets, "make_moons", lambda **_: (points, labels))
    with pytest.raises(DataError, match="other points than declared"):
        Moons().read()


def test_points_out_of_bounds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    points, labels = sklearn.datasets.make_moons(100, noise=0.5, random_state=1)
    monkeypatch.setattr(sklearn.datasets, "make_moons", lambda **_: (points * 10, labels))
    with pytest.raises(DataError, match=r"expected 100 points within \[-4, 5\]"):
        Moons(n=100, noise=0.5, seed=1).read()


TOYS: list[tuple[Toy, list[int], list[float], list[float]]] = [
    (Iris(), [50, 50, 50], [5.1, 3.5, 1.4, 0.2], [5.9, 3.0, 5.1, 1.8]),
    (Wine(), [59, 71, 48], [14.23, 1.71, 2.43, 15.6], [14.13, 4.1, 2.74, 24.5]),
    (BreastCancer(), [212, 357], [17.99, 10.38, 122.8, 1001.0], [7.76, 24.54, 47.92, 181.0]),
]


@pytest.mark.parametrize(("part", "counts", "first", "last"), TOYS)
def test_toys_are_as_published(part: Toy, counts: list[int], first: list[float], last: list[float]) -> None:
    data = load(part)
    check_against_description(data, part)
    whole = joined(data)
    assert np.bincount(whole.labels).tolist() == counts
    assert np.array_equal(whole.indices, np.arange(sum(counts)))
    np.testing.assert_array_equal(whole.inputs[[0, -1], :4], np.array([first, last], np.float32))
    assert np.abs(np.bincount(data.test.labels) - 0.2 * np.array(counts)).max() <= 1


@pytest.mark.parametrize("seed", range(6))
def test_the_flower_that_is_twice_in_iris_is_on_one_side(seed: int) -> None:
    data = load(Iris(seed=seed))
    assert repeated(data) == 0
    assert ({101, 142} <= set(data.test.indices)) or ({101, 142} <= set(data.train.indices))


def test_other_toys_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, labels = sklearn.datasets.load_iris(return_X_y=True)
    monkeypatch.setattr(sklearn.datasets, "load_iris", lambda **_: (inputs + 1e-9, labels))
    with pytest.raises(DataError, match="iris of the installed scikit-learn is not the one declared") as caught:
        Iris().read()
    assert caught.value.hint == "reinstall scikit-learn"


def test_circles_are_two() -> None:
    data = load(Circles(noise=0, factor=0.25))
    check_against_description(data, Circles(noise=0, factor=0.25))
    whole = joined(data)
    radii = np.where(whole.labels == 1, 0.25, 1.0)
    np.testing.assert_allclose(np.linalg.norm(whole.inputs, axis=1), radii, atol=1e-6)
    assert np.bincount(data.test.labels).tolist() == [100, 100]
    noisy = joined(load(Circles()))
    distances = np.linalg.norm(noisy.inputs, axis=1) - np.where(noisy.labels == 1, 0.5, 1.0)
    assert abs(distances.std() - 0.05) < 5 * 0.05 / np.sqrt(2000)


def test_blobs_are_normal_around_their_centres() -> None:
    part = Blobs(n=600, classes=3, features=4, std=0.5, seed=2)
    data = load(part)
    check_against_description(data, part)
    assert data.info.classes == ("0", "1", "2")
    whole = joined(data)
    assert np.bincount(whole.labels).tolist() == [200, 200, 200]
    centres = np.stack([whole.inputs[whole.labels == label].mean(0) for label in range(3)])
    deviations = whole.inputs - centres[whole.labels]
    assert abs(deviations.std() - 0.5) < 5 * 0.5 / np.sqrt(2 * 2400)


@pytest.mark.parametrize("part", [Circles(), Blobs()])
def test_default_points_are_far_from_where_their_rounding_changes(part: Circles | Blobs) -> None:
    whole = joined(load(part))  # which holds the digest of these points against the declared one
    assert [len(value) for value in part.checksums().values()] == [64]
    seed = part.model_copy(update={"seed": 5})
    assert "seed=5" in next(iter(seed.checksums().values()))
    assert not np.array_equal(joined(load(seed)).inputs, whole.inputs)


def test_digest_sees_millionths_and_not_the_last_bit() -> None:
    points, labels = sklearn.datasets.make_moons(1000, noise=0.03, random_state=0)
    assert digest(np.nextafter(points, 3), labels) == digest(np.nextafter(points, -3), labels) == digest(points, labels)
    assert digest(points + 1e-6, labels) != digest(points, labels)
    assert digest(points, 1 - labels) != digest(points, labels)
    # the claim of its docstring: no coordinate is nearer than 1e-10 to where its rounding changes
    assert np.abs(np.modf(points * 1e6)[0] % 1 - 0.5).min() * 1e-6 > 1e-10


def test_checksums_pin_default_arrays_and_other_parameters() -> None:
    assert set(Digits(test=100, seed=3).checksums().values()) == set(Digits().checksums().values())
    assert [len(value) for value in (*Digits().checksums().values(), *Moons().checksums().values())] == [64, 64]
    assert Moons(test_share=0.5).checksums() == Moons().checksums()
    assert Moons(noise=0.1, seed=7).checksums() == {"make_moons": "n=1000 noise=0.1 seed=7"}


@pytest.mark.parametrize("part", [Digits(), Moons(), Circles(), Blobs(), Iris()])
def test_the_global_generator_is_left_alone(part: DatasetPart) -> None:
    before = pickle.dumps(np.random.get_state())  # noqa: NPY002
    load(part)
    assert pickle.dumps(np.random.get_state()) == before  # noqa: NPY002


def dense_chain(sites: int, field: float) -> NDArray[np.float64]:
    """−Σ ZZ − J Σ X as a matrix, product by product."""
    x, z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
    total = np.zeros((2**sites, 2**sites))
    terms = [(1.0, {site: z, site + 1: z}) for site in range(sites - 1)] + [(field, {site: x}) for site in range(sites)]
    for strength, places in terms:
        product = np.ones((1, 1))
        for site in range(sites):
            product = np.kron(product, places.get(site, np.eye(2)))
        total -= strength * product
    return total


@settings(max_examples=40, deadline=None, derandomize=True)
@given(sites=st.integers(2, 7), field=st.floats(0.002, 1.998))
def test_ground_states_are_those_of_the_dense_matrix(sites: int, field: float) -> None:
    hamiltonian = dense_chain(sites, field)
    energies, vectors = np.linalg.eigh(hamiltonian)
    energy, state = ground_state(sites, field)
    assert abs(energy - energies[0]) <= 1e-10
    assert np.abs(hamiltonian @ state - energy * state).max() <= 1e-10
    assert np.linalg.norm(state) == pytest.approx(1, abs=1e-12)
    assert (state > 0).all()
    assert np.allclose(state, state[::-1], atol=0), "even under flipping every spin"
    if energies[1] - energies[0] > 1e-6:
        assert abs(vectors[:, 0] @ state) >= 1 - 1e-10


def test_the_chains_data() -> None:
    data = load(TransverseIsing())
    check_against_description(data, TransverseIsing())
    assert data.info.is_state
    assert (len(data.train), len(data.test)) == (599, 400)
    whole = joined(data)
    assert np.array_equal(whole.labels, np.arange(1, 1000) >= 500), "the 500th field is 1, which counts as above"
    assert np.allclose(np.linalg.norm(whole.inputs, axis=1), 1, atol=1e-6)
    assert TransverseIsing(sites=3, fields=50).checksums() == {"tfim": "sites=3 fields=50"}


def test_amplitudes_make_states_of_features() -> None:
    part = Moons(transforms=(Amplitudes(),))
    data = load(part)
    check_against_description(data, part)
    assert data.info.is_state
    assert data.info.shape == (2,)
    assert np.allclose(np.linalg.norm(data.test.inputs, axis=1), 1, atol=1e-6)
    plain = load(Moons())
    assert np.allclose(data.test.inputs * np.linalg.norm(plain.test.inputs, axis=1, keepdims=True), plain.test.inputs)
    digits = load(Digits(transforms=(Amplitudes(),)))
    assert digits.info.shape == (1, 8, 8), "64 pixels are 64 amplitudes"
    with pytest.raises(PartError, match="states already"):
        load(TransverseIsing(transforms=(Amplitudes(),)))


def test_states_that_are_not_normalised_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = TransverseIsing().read()
    data.test.inputs[7] *= 1.01
    monkeypatch.setattr(TransverseIsing, "read", lambda _: data)
    with pytest.raises(
        DataError, match=f"1 test states are not normalised, number {data.test.indices[7]} has norm 1.01"
    ):
        load(TransverseIsing())


def test_amplitudes_refuse_what_has_no_direction() -> None:
    data = load(Moons())
    data.test.inputs[3] = 0
    with pytest.raises(DataError, match="zero everywhere"):
        Amplitudes().apply(data)
