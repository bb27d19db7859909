"""Readout errors, each wire's by itself: two calibration circuits measure them, and counts are freed of them.

Bravyi et al. 2021, section II (arXiv 2006.14044), the tensor product model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pennylane as qml

from qaml.errors import RunError
from qaml.types import DoubleArray, IntArray


def calibration_tapes(wires: Sequence[int], shots: int) -> list[Any]:
    """The calibration circuits of counted wires, all as 0 and all as 1."""
    flips = [qml.X(wire) for wire in wires]
    measured = qml.counts(wires=list(wires))
    return [qml.tape.QuantumScript(operations, [measured], shots=shots) for operations in ([], flips)]


def confusion(calibration: IntArray) -> DoubleArray:
    """Chances of reading 0 or 1 on each wire, (k, read, prepared), from the counts of calibration circuits (2, 2**k).

    Raises:
        RunError: what is read does not depend on what was prepared.
    """
    k = int(calibration.shape[1]).bit_length() - 1
    counts = calibration.reshape(2, *[2] * k).astype(np.float64)
    matrices = np.stack([counts.sum(tuple(a + 1 for a in range(k) if a != wire)).T for wire in range(k)])
    matrices /= matrices.sum(1, keepdims=True)
    blind = np.flatnonzero(np.linalg.det(matrices) <= 0)
    if len(blind):
        raise RunError(
            f"calibration: what wire {blind[0]} of those that are counted reads does not depend on its state",
            "look at the device, or give more shots",
        )
    return matrices


def mitigated(counts: IntArray, calibration: IntArray) -> DoubleArray:
    """Shares of outcomes without readout errors, (n, 2**k), for counts (n, 2**k).

    The confusion matrices are inverted wire by wire. Shots leave negative shares, so the nearest distribution is taken
    (Smolin et al. 2012, arXiv 1106.5458).
    """
    shares = counts / counts.sum(1, keepdims=True)
    n, k = len(shares), int(counts.shape[1]).bit_length() - 1
    for wire, inverse in enumerate(np.linalg.inv(confusion(calibration))):
        split = shares.reshape(n * 2**wire, 2, 2 ** (k - wire - 1))
        shares = np.einsum("rp,npm->nrm", inverse, split).reshape(n, 2**k)
    return nearest_distribution(shares)


def nearest_distribution(shares: DoubleArray) -> DoubleArray:
    """The distribution with the smallest Euclidean distance from each row, (n, m), whose sum is one."""
    ordered = -np.sort(-shares, axis=1)
    excess = (ordered.cumsum(1) - 1) / np.arange(1, shares.shape[1] + 1)
    n_kept = (ordered > excess).sum(1)
    taken = excess[np.arange(len(shares)), n_kept - 1]
    nearest: DoubleArray = np.maximum(shares - taken[:, None], 0.0)
    return nearest
