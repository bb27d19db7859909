"""One quadric: brute force in few dimensions, hard cases, and what holds of every projection."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qaml.quantum.distance.quadric import Quadric, quadric_distance
from qaml.types import DoubleArray
from tests.quantum.distance.truth import searched_distance, symmetric

drawn = settings(max_examples=40, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(2, 9)


def distance(matrix: DoubleArray, point: DoubleArray) -> float:
    return float(quadric_distance(Quadric.of(matrix), point[None]).norms[0])


def nearest(matrix: DoubleArray, point: DoubleArray) -> DoubleArray:
    quadric = Quadric.of(matrix)
    moved: DoubleArray = point + quadric.vectors @ quadric_distance(quadric, point[None]).offsets[0]
    return moved


def outside_point(rng: np.random.Generator, d: int) -> tuple[DoubleArray, DoubleArray]:
    """An indefinite matrix and a point with a positive form."""
    matrix = symmetric(rng, d)
    while np.prod(np.linalg.eigvalsh(matrix)[[0, -1]]) >= 0:
        matrix = symmetric(rng, d)
    point = rng.normal(size=d)
    return (matrix, point) if point @ matrix @ point > 0 else (-matrix, point)


@pytest.mark.parametrize("d", [2, 3, 4])
@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_brute_force(d: int, seed: int) -> None:
    matrix, point = outside_point(np.random.default_rng(100 * d + seed), d)
    assert distance(matrix, point) == pytest.approx(searched_distance(matrix, point), abs=1e-7)


HARD = {
    "nothing along the smallest": ([-1.0, 1.0, 2.0], [0.0, 1.0, 1.0]),
    "hardly anything along it": ([-1.0, 1.0, 2.0], [1e-12, 1.0, 1.0]),
    "less than rounding along it": ([-1.0, 1.0, 2.0], [-1e-200, 1.0, 1.0]),
    "repeated smallest, nothing along both": ([-1.0, -1.0, 2.0], [0.0, 0.0, 1.0]),
    "repeated smallest, nothing along the first": ([-1.0, -1.0, 2.0], [0.0, 0.5, 1.0]),
    "repeated to the last bit": ([-1.0, -1.0 + 2e-16, 2.0], [0.0, 1e-9, 1.0]),
    "the second smallest suffices": ([-1.0, -0.9, 0.5], [0.0, 1.0, 1.5]),
    "nothing along both negative ones": ([-1.0, -0.5, 1.0, 3.0], [0.0, 0.0, 1.0, 0.2]),
    "a null direction": ([-1.0, 0.0, 1.0], [0.0, 2.0, 1.0]),
    "scales apart": ([-0.05, 1.0, 5.0], [0.3, 0.5, 0.5]),
}


@pytest.mark.parametrize(("eigenvalues", "coordinates"), HARD.values(), ids=HARD.keys())
@pytest.mark.parametrize("is_rotated", [False, True])
def test_hard_cases_agree_with_brute_force(
    eigenvalues: list[float], coordinates: list[float], is_rotated: bool
) -> None:
    d = len(eigenvalues)
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(d, d)))[0] if is_rotated else np.eye(d)
    matrix, point = (rotation * eigenvalues) @ rotation.T, rotation @ np.array(coordinates)
    matrix = (matrix + matrix.T) / 2
    found = quadric_distance(Quadric.of(matrix), point[None])
    assert found.norms[0] == pytest.approx(searched_distance(matrix, point), abs=1e-6)
    assert found.dual[0] == pytest.approx(found.norms[0], abs=1e-9)
    closest = nearest(matrix, point)
    assert abs(closest @ matrix @ closest) <= 1e-9 * max(eigenvalues)


def test_the_hard_case_in_closed_form() -> None:
    # M = diag(−1, 2), x = (0, 1): λ = 1, z = (±√2/3, 1/3), d² = 2/3
    found = quadric_distance(Quadric.of(np.diag([-1.0, 2.0])), np.array([[0.0, 1.0]]))
    assert found.norms[0] == pytest.approx(np.sqrt(2 / 3), abs=1e-15)
    np.testing.assert_allclose(np.abs(found.offsets[0]), [np.sqrt(2) / 3, 2 / 3], atol=1e-15)


@pytest.mark.parametrize("angle", np.linspace(0.01, np.pi / 2 - 0.01, 7))
def test_a_cone_in_the_plane_is_two_lines(angle: float) -> None:
    # z₂² cos²a = z₁² sin²a: the line at the angle a; a point on the second axis is cos a away
    matrix = np.diag([-(np.sin(angle) ** 2), np.cos(angle) ** 2])
    assert distance(matrix, np.array([0.0, 3.0])) == pytest.approx(3 * np.cos(angle), abs=1e-12)


@pytest.mark.parametrize("eigenvalues", [[1.0, 2.0, 3.0], [0.0, 1.0, 2.0], [-1e-17, 0.0, 1.0]])
def test_without_a_negative_eigenvalue_nothing_flips(eigenvalues: list[float]) -> None:
    found = quadric_distance(Quadric.of(np.diag(eigenvalues)), np.array([[1.0, 2.0, 3.0], [-1.0, 0.0, 1.0]]))
    assert np.isinf(found.norms).all()
    assert np.isinf(found.dual).all()
    assert not found.offsets.any()


@pytest.mark.parametrize(
    ("eigenvalues", "point"),
    [
        ([-2.0, -1.0], [1.0, 1.0]),
        ([-1.0, 1.0], [2.0, 1.0]),
        ([-1.0, 1.0], [1.0, 1.0]),
        ([-1.0, 1.0], [0.0, 0.0]),
        ([0.0, 1.0], [3.0, 0.0]),
        ([0.0, 0.0], [3.0, 1.0]),
        ([1.0, 2.0], [0.0, 0.0]),
    ],
)
def test_a_tie_and_the_other_side_are_no_distance_away(eigenvalues: list[float], point: list[float]) -> None:
    assert distance(np.diag(eigenvalues), np.array(point)) == 0


@drawn
@given(seed=seeds, d=sizes)
def test_nearest_points_lie_on_the_quadric_with_a_certificate(seed: int, d: int) -> None:
    matrix, point = outside_point(np.random.default_rng(seed), d)
    found = quadric_distance(Quadric.of(matrix), point[None])
    closest = nearest(matrix, point)
    assert abs(closest @ matrix @ closest) <= 1e-11 * np.abs(matrix).max() * (point @ point)
    assert np.linalg.norm(closest - point) == pytest.approx(found.norms[0], abs=1e-11)
    assert found.dual[0] == pytest.approx(found.norms[0], abs=1e-9)
    # the foot of a perpendicular: a cone contains the ray through each of its points
    assert (point - closest) @ closest == pytest.approx(0, abs=1e-9 * float(point @ point))


@drawn
@given(seed=seeds, d=sizes)
def test_nearer_than_the_apex_and_a_hair_decides(seed: int, d: int) -> None:
    matrix, point = outside_point(np.random.default_rng(seed), d)
    closest = nearest(matrix, point)
    assert np.linalg.norm(closest - point) < np.linalg.norm(point)
    beyond, before = (point + (1 + sign * 1e-6) * (closest - point) for sign in (1, -1))
    assert beyond @ matrix @ beyond < 0 < before @ matrix @ before


@drawn
@given(seed=seeds, d=sizes, scale=st.floats(1e-8, 1e8))
def test_distances_scale_with_the_input_and_not_with_the_matrix(seed: int, d: int, scale: float) -> None:
    matrix, point = outside_point(np.random.default_rng(seed), d)
    expected = distance(matrix, point)
    assert distance(matrix, scale * point) == pytest.approx(scale * expected, rel=1e-9)
    assert distance(scale * matrix, point) == pytest.approx(expected, rel=1e-9)
    assert distance(matrix, -point) == pytest.approx(expected, rel=1e-12)


@drawn
@given(seed=seeds, d=sizes, decades=st.integers(-14, 0))
def test_no_component_is_too_small(seed: int, d: int, decades: int) -> None:
    """Near the hard case the duality gap stays closed."""
    rng = np.random.default_rng(seed)
    eigenvalues = np.sort(np.concatenate([[-1.0], rng.uniform(-1, 2, d)]))
    coordinates = rng.normal(size=d + 1)
    coordinates[0] *= 10.0**decades
    if eigenvalues @ coordinates**2 <= 0 or eigenvalues[-1] <= 0:
        return
    found = quadric_distance(Quadric(eigenvalues, np.eye(d + 1)), coordinates[None])
    closest = coordinates + found.offsets[0]
    assert abs(eigenvalues @ closest**2) <= 1e-12 * (coordinates @ coordinates)
    assert found.dual[0] == pytest.approx(found.norms[0], abs=1e-9)


@pytest.mark.parametrize("decades", range(-12, 1, 3))
def test_nearly_semidefinite_forms_keep_their_digits(decades: int) -> None:
    eigenvalues, point = np.array([-(10.0**decades), 0.3, 1.0]), np.array([0.3, 0.5, 0.5])
    found = quadric_distance(Quadric(eigenvalues, np.eye(3)), point[None])
    closest = point + found.offsets[0]
    # no more than what the rounding of the point itself costs
    rounding = 4 * np.finfo(np.float64).eps * np.linalg.norm(point) * np.linalg.norm(eigenvalues * closest)
    assert abs(eigenvalues @ closest**2) <= rounding
    assert found.dual[0] == pytest.approx(found.norms[0], abs=1e-12)


def test_rows_do_not_meet() -> None:
    rng = np.random.default_rng(5)
    matrix, points = symmetric(rng, 6), rng.normal(size=(40, 6))
    together = quadric_distance(Quadric.of(matrix), points)
    alone = [distance(matrix, point) for point in points]
    np.testing.assert_allclose(together.norms, alone, rtol=1e-12)


def test_a_negated_quadric_is_that_of_the_negated_matrix() -> None:
    rng = np.random.default_rng(6)
    matrix, points = symmetric(rng, 5), rng.normal(size=(30, 5))
    ours = quadric_distance(Quadric.of(matrix).negated(), points)
    np.testing.assert_allclose(ours.norms, quadric_distance(Quadric.of(-matrix), points).norms, atol=1e-12)
