"""The spectral share of perturbations, against a plain transform and against closed forms."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaml.metrics.evidence import Attacked
from qaml.metrics.perturbation import low_frequency
from qaml.metrics.spectrum import chance, low_frequency_share


def plain_share(image: np.ndarray) -> float:
    """The definition, summed term by term: image (channels, height, width)."""
    channels, height, width = image.shape
    low = total = 0.0
    for u in range(height):
        for v in range(width):
            fy, fx = (k / size if k <= size // 2 else k / size - 1 for k, size in ((u, height), (v, width)))
            for c in range(channels):
                term = sum(
                    image[c, y, x] * cmath.exp(-2j * math.pi * (fy * y + fx * x))
                    for y in range(height)
                    for x in range(width)
                )
                total += abs(term) ** 2
                low += abs(term) ** 2 if math.hypot(fx, fy) <= 1 / 8 + 1e-12 else 0.0
    return low / total


@given(st.integers(0, 2**32 - 1), st.sampled_from([(1, 8, 8), (2, 5, 9), (3, 8, 4)]))
def test_equals_the_definition(seed: int, shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(seed).standard_normal(shape)
    assert low_frequency_share(image[None])[0] == pytest.approx(plain_share(image), abs=1e-12)


@pytest.mark.parametrize(("cycles", "share"), [(0, 1.0), (4, 1.0), (5, 0.0), (16, 0.0)])
def test_a_wave_is_low_up_to_a_period_of_eight_pixels(cycles: int, share: float) -> None:
    wave = np.cos(2 * np.pi * cycles * np.arange(32) / 32)
    across, down = np.tile(wave, (32, 1)), np.tile(wave[:, None], 32)
    assert low_frequency_share(np.stack([across, down])[:, None]) == pytest.approx([share, share], abs=1e-12)


def test_a_diagonal_wave_counts_by_its_radial_frequency() -> None:
    y, x = np.indices((32, 32))
    waves = [np.cos(2 * np.pi * k * (x + y) / 32) for k in (2, 3)]  # radii of 2.8/32 and 4.2/32
    assert low_frequency_share(np.stack(waves)[:, None]) == pytest.approx([1, 0], abs=1e-12)


@pytest.mark.parametrize(("size", "n_low"), [(8, 5), (16, 13), (28, 37), (32, 49)])
def test_white_noise_has_the_share_of_the_frequencies(size: int, n_low: int) -> None:
    """Integer points in a disc of radius size/8."""
    assert chance((size, size)) == n_low / size**2
    noise = np.random.default_rng(size).standard_normal((400, 2, size, size))
    shares = low_frequency_share(noise)
    assert shares.mean() == pytest.approx(chance((size, size)), abs=4 * shares.std() / 20)


@given(st.floats(-30, 30))
def test_neither_scale_nor_sign_nor_shift_matters(exponent: float) -> None:
    image = np.random.default_rng(1).standard_normal((1, 2, 8, 8))
    share = low_frequency_share(image)
    assert low_frequency_share(-(10.0**exponent) * image) == pytest.approx(share)
    assert low_frequency_share(np.roll(image, (3, 5), (2, 3))) == pytest.approx(share)


def test_no_perturbation_has_no_share() -> None:
    shares = low_frequency_share(np.zeros((2, 1, 4, 4), dtype=np.float32))
    assert np.isnan(shares).all()
    with pytest.raises(ValueError, match=r"expected perturbations of shape .* got \(3, 64\)"):
        low_frequency_share(np.zeros((3, 64)))


def test_the_metric_is_the_mean_over_perturbed_images_of_each_seed() -> None:
    shares = np.array([[[0.2, np.nan, 0.6, 0.1]], [[0.3, 0.5, 0.7, np.nan]]], dtype=np.float32)
    attacked = Attacked(np.ones((2, 1, 4), dtype=np.float32), (0.1,), np.array([7, 3, 5, 4]), low_frequency=shares)
    found = low_frequency(attacked, 0.1)
    assert found.per_seed == pytest.approx([0.3, 0.5])
    assert found.indices.tolist() == [3, 4, 5, 7]
    assert found.is_share
    assert found.n_base == pytest.approx(3)
    with pytest.raises(ValueError, match="not on the attack's grid"):
        low_frequency(attacked, 0.2)
    with pytest.raises(ValueError, match="needs images"):
        low_frequency(attacked._replace(low_frequency=None), 0.1)
