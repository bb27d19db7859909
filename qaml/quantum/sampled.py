"""Circuits on PennyLane devices with finitely many shots: compiled, submitted, and their counts.

A device may offer more than PennyLane asks of it: ids of jobs and their results later (``Queued``), or a report about
itself (``Calibrated``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pennylane as qml

from qaml.errors import QamlError, RunError
from qaml.types import IntArray

SEEDED = frozenset({"default.qubit", "default.mixed", "lightning.qubit"})
"""Simulators that draw from a seed of their own."""
GATES = frozenset({"RX", "RY", "RZ", "CNOT", "GlobalPhase"})
"""Gates into which a circuit is taken apart to count them."""


@runtime_checkable
class Queued(Protocol):
    """A device whose jobs have ids under which results can be asked for later, also by another process."""

    def submit(self, circuits: Sequence[Any], execution_config: Any) -> Sequence[str]:
        """Submit compiled circuits, without waiting: the ids of their jobs, in any division into jobs."""

    def collect(self, job_ids: Sequence[str]) -> Sequence[Any]:
        """Wait for jobs: the result of each circuit, as ``execute`` returns them.

        Raises:
            LookupError: the service does not know these jobs (any more), or has failed at them; they are asked again.
        """


@runtime_checkable
class Identified(Protocol):
    """A device that knows the ids of the jobs that it executed last."""

    @property
    def job_ids(self) -> Sequence[str]:
        """The ids, which are kept for people."""


@runtime_checkable
class Calibrated(Protocol):
    """A device that says in what state it is."""

    def calibration(self) -> Mapping[str, Any]:
        """What is kept with a job's counts, such as the backend, error rates and the time of the last calibration."""


class Work(NamedTuple):
    """What one input's circuit asks of a device.

    Attributes:
        n_two_qubit: number of gates on two wires or more; the preparation of 2**n amplitudes takes about 2**n CNOTs.
        depth: length of its longest path.
    """

    n_two_qubit: int
    depth: int


class Compiled(NamedTuple):
    """A circuit behind the device's own preprocessing, as far as PennyLane sees it.

    Attributes:
        digest: SHA-256 of its gates by name and wires, in order.
        gates: names of its gates, sorted.
        n_two_qubit: as in ``Work``.
        depth: as in ``Work``.
    """

    digest: str
    gates: tuple[str, ...]
    n_two_qubit: int
    depth: int


class Prepared(NamedTuple):
    """Circuits as a device is given them.

    Attributes:
        circuits: compiled tapes, one or more of each circuit.
        finish: results of these → results of the circuits.
        config: PennyLane's configuration of the execution.
    """

    circuits: Sequence[Any]
    finish: Callable[[Sequence[Any]], Sequence[Any]]
    config: Any


def work_of(tape: Any) -> Work:
    """The gates of one input's circuit, of ``reference.tape_of``, in rotations and CNOTs."""
    (plain,), _ = qml.transforms.decompose(tape, gate_set=GATES)
    return _work(plain)


def _work(tape: Any) -> Work:
    return Work(sum(len(each.wires) > 1 for each in tape.operations), int(tape.graph.get_depth()))


def device_of(name: str, n_wires: int, seed: int) -> Any:
    """A PennyLane device by its name, seeded where its draws can be; all else is the device's own configuration.

    Raises:
        RunError: there is no such device, or it cannot be made.
    """
    try:
        device = qml.device(name, wires=n_wires, **({"seed": seed % 2**32} if name in SEEDED else {}))
        return device if isinstance(device, qml.devices.Device) else qml.devices.LegacyDeviceFacade(device)
    except Exception as error:
        installed = ", ".join(sorted(qml.plugin_devices))
        raise RunError(f"PennyLane's device {name!r} cannot be made: {error}", f"installed: {installed}") from error


def software_of(name: str) -> str:
    """Name and version of the distribution that a device comes from, and of PennyLane."""
    pennylane, entry = f"pennylane {qml.version()}", qml.plugin_devices.get(name)
    found = getattr(entry, "dist", None)
    own = f"{found.name} {found.version}" if found is not None else ""
    return pennylane if not own or own.lower() == pennylane else f"{own}, {pennylane}"


def calibration_of(device: Any) -> Mapping[str, Any]:
    """What a device says of its state; empty for one that says nothing.

    Raises:
        RunError: the device raises.
    """
    with _asking(device):
        return dict(device.calibration()) if isinstance(device, Calibrated) else {}


def ids_of(device: Any) -> tuple[str, ...]:
    """The ids of the last jobs of a device that is not ``Queued`` and knows them.

    Raises:
        RunError: the device raises.
    """
    with _asking(device):
        return tuple(str(each) for each in device.job_ids) if isinstance(device, Identified) else ()


def on_wires(tapes: Sequence[Any], wires: Sequence[int]) -> list[Any]:
    """The same circuits with wire i on the device's wire ``wires[i]``; as they are for an empty map."""
    if not wires:
        return list(tapes)
    mapped, _ = qml.map_wires(list(tapes), dict(enumerate(wires)))
    return list(mapped)


def prepared(device: Any, tapes: Sequence[Any]) -> Prepared:
    """The circuits behind the device's own preprocessing.

    Raises:
        RunError: the device cannot run them.
    """
    with _asking(device):
        program, config = device.preprocess(qml.devices.ExecutionConfig(gradient_method=None, interface=None))
        circuits, finish = program(tapes)
        return Prepared(tuple(circuits), finish, config)


def compiled(made: Prepared) -> Compiled:
    """The first of prepared circuits, in numbers."""
    first = made.circuits[0]
    said = [f"{each.name} {list(each.wires)}" for each in first.operations]
    digest = hashlib.sha256("\n".join(said).encode()).hexdigest()
    return Compiled(digest, tuple(sorted({each.name for each in first.operations})), *_work(first))


def counted(
    device: Any, tapes: Sequence[Any], shots: int, submitted: Callable[[tuple[str, ...]], None] = lambda _: None
) -> IntArray:
    """Submit circuits as one job: counts (n, 2**k) of the k wires that they count.

    Args:
        device: a PennyLane device.
        tapes: n circuits, of ``reference.tape_of``.
        shots: number of shots of each.
        submitted: called with the ids of a ``Queued`` device's jobs as soon as they are known.

    Raises:
        RunError: the device raises, or returns other numbers of shots.
    """
    made = prepared(device, tapes)
    with _asking(device):
        if isinstance(device, Queued):
            ids = tuple(str(each) for each in device.submit(made.circuits, made.config))
            submitted(ids)
            results = device.collect(ids)
        else:
            results = device.execute(made.circuits, made.config)
    return _counts(device, made, results, tapes, shots)


def fetched(device: Any, tapes: Sequence[Any], shots: int, job_ids: Sequence[str]) -> IntArray | None:
    """The counts of a job that was submitted before; ``None`` if the device no longer has them, or never had.

    Raises:
        RunError: the device raises.
    """
    if not isinstance(device, Queued) or not job_ids:
        return None
    made = prepared(device, tapes)
    try:
        with _asking(device):
            results = device.collect(tuple(job_ids))
    except RunError as error:
        if isinstance(error.__cause__, LookupError):
            return None
        raise
    try:
        return _counts(device, made, results, tapes, shots)
    except RunError:  # no answer either, and the next collection would say the same
        return None


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


@contextmanager
def _asking(device: Any) -> Iterator[None]:
    try:
        yield
    except QamlError:
        raise
    except Exception as error:
        raise RunError(f"device {device.name!r} failed: {type(error).__name__}: {error}") from error


def _counts(device: Any, made: Prepared, results: Sequence[Any], tapes: Sequence[Any], shots: int) -> IntArray:
    with _asking(device):
        if len(results) != len(made.circuits):
            raise ValueError(f"expected results of {len(made.circuits)} circuits, got {len(results)}")
        answers = made.finish(results)
        counts = np.stack(
            [_dense(answer, len(tape.measurements[0].wires)) for tape, answer in zip(tapes, answers, strict=True)]
        )
    check_counts(counts, shots)
    return counts


def _dense(answer: Any, k: int) -> IntArray:
    """Counts by outcome, {"01": 3, …} → (2**k,)."""
    counts = np.zeros(2**k, dtype=np.int64)
    for outcome, number in dict(answer).items():
        if len(str(outcome)) != k:
            raise ValueError(f"expected outcomes of {k} wires, got {outcome!r}")
        if int(number) != number:
            raise ValueError(f"expected whole numbers of counts, got {number} of {outcome!r}")
        counts[int(str(outcome), 2)] += int(number)
    return counts
