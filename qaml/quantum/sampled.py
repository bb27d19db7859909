"""Circuits on PennyLane devices with finitely many shots: their counts, and what counts say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pennylane as qml

from qaml.errors import RunError
from qaml.types import IntArray

SEEDED = frozenset({"default.qubit", "lightning.qubit"})
"""Simulators that draw from a seed of their own."""
GATES = frozenset({"RX", "RY", "RZ", "CNOT", "GlobalPhase"})
"""Gates into which a circuit is taken apart to count them."""


class Work(NamedTuple):
    """What one input's circuit asks of a device that has rotations and CNOTs, before the device compiles it.

    Attributes:
        n_two_qubit: number of CNOTs; the preparation of n amplitudes takes about n of them.
        depth: length of its longest path.
    """

    n_two_qubit: int
    depth: int


def work_of(tape: Any) -> Work:
    """The gates of one input's circuit, of ``reference.tape_of``."""
    (plain,), _ = qml.transforms.decompose(tape, gate_set=GATES)
    return Work(sum(len(each.wires) == 2 for each in plain.operations), int(plain.graph.get_depth()))


def device_of(name: str, n_wires: int, seed: int) -> Any:
    """A PennyLane device by its name, seeded where its draws can be; all else is the device's own configuration.

    Raises:
        RunError: there is no such device, or it cannot be made.
    """
    try:
        return qml.device(name, wires=n_wires, **({"seed": seed % 2**32} if name in SEEDED else {}))
    except Exception as error:
        installed = ", ".join(sorted(qml.plugin_devices))
        raise RunError(f"PennyLane's device {name!r} cannot be made: {error}", f"installed: {installed}") from error


def counted(device: Any, tapes: Sequence[Any], shots: int) -> IntArray:
    """Submit circuits as one job: counts (n, 2**k) of the k wires that they count.

    Args:
        device: a PennyLane device.
        tapes: n circuits, of ``reference.tape_of``.
        shots: number of shots of each.

    Raises:
        RunError: the device raises, or returns other numbers of shots.
    """
    try:
        answers = qml.execute(list(tapes), device, diff_method=None)
        counts = np.stack(
            [_dense(answer, len(tape.measurements[0].wires)) for tape, answer in zip(tapes, answers, strict=True)]
        )
    except Exception as error:
        raise RunError(f"device {device.name!r} failed: {type(error).__name__}: {error}") from error
    check_counts(counts, shots)
    return counts


def check_counts(counts: IntArray, shots: int) -> None:
    """Refuse counts (n, 2**k) that are not those of all shots.

    Raises:
        RunError: they are not.
    """
    wrong = np.flatnonzero((counts.sum(1) != shots) | (counts < 0).any(1))
    if len(wrong):
        raise RunError(
            f"the device returned {counts[wrong[0]].sum():,} counts of a circuit, expected {shots:,}; "
            f"{len(wrong)} of {len(counts)} circuits differ"
        )


def _dense(answer: Any, k: int) -> IntArray:
    counts = np.zeros(2**k, dtype=np.int64)
    for outcome, number in dict(answer).items():
        counts[int(str(outcome), 2)] += int(number)
    return counts
