"""Readout errors of each wire: freed exactly where counts are exact, and what shots leave is a distribution."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import pennylane as qml
import pytest

from qaml.errors import RunError
from qaml.quantum.readout import calibration_tapes, confusion, mitigated, nearest_distribution
from qaml.quantum.sampled import counted, device_of

MISREAD = np.array([[[0.9, 0.2], [0.1, 0.8]], [[0.95, 0.0], [0.05, 1.0]], [[1.0, 0.25], [0.0, 0.75]]])
"""Chances of each of three wires, (wire, read, prepared)."""
SHOTS = 16 * 10**6


def as_counts(shares: Any) -> Any:
    """Counts that are exactly in proportion."""
    counts = np.rint(np.asarray(shares) * SHOTS).astype(np.int64)
    assert (counts.sum(-1) == SHOTS).all()
    return counts


def test_exact_counts_are_freed_exactly() -> None:
    """The first wire is the most significant bit: the whole confusion matrix is the Kronecker product in this order."""
    whole = reduce(np.kron, MISREAD)
    calibration = as_counts([whole[:, 0], whole[:, 7]])
    np.testing.assert_allclose(confusion(calibration), MISREAD, atol=1e-12)
    true = np.array([[0.5, 0, 0.25, 0, 0.25, 0, 0, 0], [0.125] * 8, [0, 0, 0, 0, 0, 0, 0, 1.0]])
    np.testing.assert_allclose(mitigated(as_counts(true @ whole.T), calibration), true, atol=1e-12)


def test_what_shots_leave_negative_becomes_the_nearest_distribution() -> None:
    pairs = np.array([[1.2, -0.2], [0.6, 0.5], [0.7, 0.5], [0.3, 0.7]])
    nearest = [[1.0, 0.0], [0.55, 0.45], [0.6, 0.4], [0.3, 0.7]]
    np.testing.assert_allclose(nearest_distribution(pairs), nearest, atol=1e-12)
    three = nearest_distribution(np.array([[0.8, 0.4, -0.2]]))
    np.testing.assert_allclose(three, [[0.7, 0.3, 0.0]], atol=1e-12)


def test_a_wire_that_reads_noise_cannot_be_freed() -> None:
    with pytest.raises(RunError, match="what wire 1 of those that are counted reads does not depend on its state"):
        confusion(np.array([[50, 50, 0, 0], [0, 0, 50, 50]]))


def test_readout_errors_of_a_noisy_device_are_freed() -> None:
    """Bits flip before they are read, on the wires 2 and 0 of three."""
    shots, measured = 20_000, [qml.counts(wires=[2, 0])]
    circuit = qml.tape.QuantumScript([qml.RY(1.1, 0), qml.CNOT([0, 2])], measured, shots=shots)
    flips = [qml.BitFlip(0.1, 2), qml.BitFlip(0.15, 0)]
    misread = [
        qml.tape.QuantumScript([*each.operations, *flips], measured, shots=shots)
        for each in (circuit, *calibration_tapes((2, 0), shots))
    ]
    counts = counted(device_of("default.mixed", 3, 3), misread, shots)
    true = np.array([np.cos(0.55) ** 2, 0, 0, np.sin(0.55) ** 2])
    raw, freed = counts[0] / shots, mitigated(counts[:1], counts[1:])[0]
    np.testing.assert_allclose(freed, true, atol=0.02)
    assert np.abs(raw - true).max() > 0.05


def test_a_noise_model_of_pennylane_acts_on_a_device() -> None:
    """Bit flips after every RX on ``default.mixed``: ⟨Z⟩ shrinks by 1 − 2p."""
    noise = qml.NoiseModel({qml.noise.op_eq(qml.RX): qml.noise.partial_wires(qml.BitFlip, 0.2)})
    device = qml.noise.add_noise(device_of("default.mixed", 1, 5), noise)
    circuit = qml.tape.QuantumScript([qml.RX(0.6, 0)], [qml.counts(wires=[0])], shots=40_000)
    (counts,) = counted(device, [circuit], 40_000)
    assert (counts[0] - counts[1]) / 40_000 == pytest.approx(0.6 * np.cos(0.6), abs=0.02)
