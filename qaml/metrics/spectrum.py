"""The spatial frequencies of perturbations: smooth ones keep most of their energy at low frequencies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qaml.types import BoolArray, DoubleArray

LOW_FREQUENCY = 1 / 8
"""Upper limit of low frequencies, in cycles a pixel: periods of at least eight pixels."""
AT_ONCE = 500
"""Number of images whose spectra are held in memory."""


def low_frequency_share(perturbation: NDArray[np.floating]) -> DoubleArray:
    """Share of the spectral energy at radial frequencies √(f_x² + f_y²) ≤ 1/8 cycles a pixel, the constant included.

    Energy is |two-dimensional discrete Fourier transform|² of each channel, summed over channels. White noise has the
    share of the grid's frequencies in that disc (``chance``): 4.7 % of 28 × 28 pixels, 4.8 % of 32 × 32.

    Args:
        perturbation: (n, channels, height, width), adversarial minus clean image.

    Returns:
        (n,) in [0, 1]; NaN for an image without a perturbation, which has no spectrum.

    Raises:
        ValueError: the perturbation is not of images.
    """
    if perturbation.ndim != 4:
        raise ValueError(f"expected perturbations of shape (n, channels, height, width), got {perturbation.shape}")
    if len(perturbation) > AT_ONCE:  # spectra take eight times the memory
        parts = (perturbation[first : first + AT_ONCE] for first in range(0, len(perturbation), AT_ONCE))
        return np.concatenate([low_frequency_share(part) for part in parts])
    # scaled first: the square of a tiny perturbation would vanish
    largest = np.abs(perturbation).max(axis=(1, 2, 3), keepdims=True).astype(np.float64)
    with np.errstate(invalid="ignore"):
        energy = np.square(np.abs(np.fft.fft2(perturbation / largest))).sum(axis=1)
        shares: DoubleArray = energy[:, is_low(perturbation.shape[-2:])].sum(axis=1) / energy.sum(axis=(1, 2))
    return shares


def is_low(shape: tuple[int, ...]) -> BoolArray:
    """(height, width) bool, which frequencies of the transform are low."""
    rows, columns = (np.fft.fftfreq(size) for size in shape)
    # 4/32 is 1/8 exactly; other grids may miss the circle by rounding
    low: BoolArray = np.hypot(rows[:, None], columns[None]) <= LOW_FREQUENCY * (1 + 1e-12)
    return low


def chance(shape: tuple[int, ...]) -> float:
    """The expected share of white noise on (height, width) pixels."""
    return float(is_low(shape).mean())
