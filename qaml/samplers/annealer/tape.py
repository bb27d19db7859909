"""Recorded answers of an annealer: kept call by call, and replayed without the annealer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qaml.errors import PartError
from qaml.files.npz import MOST_BYTES, NpzError, read_npz
from qaml.files.regular import as_written, read_declared
from qaml.samplers.annealer.ising import Ising
from qaml.samplers.annealer.part import Recording
from qaml.types import AnyArray

MOST_RECORDED = 1 << 30
"""Largest size of a recording, in bytes: 160,000 calls of 500 reads of 100 units."""


class Answer(NamedTuple):
    """The answer to one call, on the logical problem.

    Attributes:
        visible: visible units, (reads, n) of ±1.
        hidden: hidden units, (reads, m) of ±1.
        broken: share of broken chains; 0 without an embedding.
        assumed: inverse temperature by which the problem was divided.
        qpu_seconds: access time, 0 for emulators.
    """

    visible: NDArray[np.int8]
    hidden: NDArray[np.int8]
    broken: float
    assumed: float
    qpu_seconds: float


class Tape:
    """The answers of one training run, in order.

    Args:
        recording: recording to replay; without one answers are recorded.

    Raises:
        PartError: the recording is missing, or has another checksum.
    """

    def __init__(self, recording: Recording | None = None) -> None:
        self._played = None if recording is None else _read(recording)
        self._bits: list[NDArray[np.uint8]] = []
        self._numbers: list[tuple[float, float, float]] = []
        self._problems: list[int] = []

    @property
    def is_replayed(self) -> bool:
        """Whether answers come from a recording."""
        return self._played is not None

    def keep(self, ising: Ising, answer: Answer) -> None:
        """Record the next answer."""
        spins = np.concatenate((answer.visible, answer.hidden), axis=1)
        self._bits.append(np.packbits(spins > 0, axis=1))
        self._numbers.append((answer.broken, answer.assumed, answer.qpu_seconds))
        self._problems.append(_digest(ising))

    def next(self, ising: Ising, n_visible: int, n_hidden: int) -> Answer:
        """Replay the next answer, and record it again.

        Raises:
            PartError: the tape has ended, or the answer belongs to another problem.
        """
        assert self._played is not None
        call = len(self._bits)
        counts = self._played["reads"]
        if call >= len(counts):
            raise PartError(f"the recording has {len(counts):,} answers, call {call + 1:,} has none", "train for less")
        if int(self._played["problems"][call]) != _digest(ising):
            raise PartError(
                f"answer {call + 1:,} of the recording belongs to another problem",
                "replay with the seed, data and settings of the recorded run",
            )
        start = int(counts[:call].sum())
        bits = self._played["bits"][start : start + int(counts[call])]
        spins = 2 * np.unpackbits(bits, axis=1, count=n_visible + n_hidden).astype(np.int8) - 1
        broken, assumed, seconds = (float(value) for value in self._played["numbers"][call])
        answer = Answer(spins[:, :n_visible], spins[:, n_visible:], broken, assumed, seconds)
        self.keep(ising, answer)
        return answer

    def arrays(self) -> dict[str, AnyArray]:
        """The recorded arrays: reads of each call, their bits, numbers and problems."""
        width = self._bits[0].shape[1] if self._bits else 0
        return {
            "reads": np.array([len(bits) for bits in self._bits], dtype=np.int64),
            "bits": np.concatenate(self._bits) if self._bits else np.zeros((0, width), np.uint8),
            "numbers": np.array(self._numbers, dtype=np.float64).reshape(-1, 3),
            "problems": np.array(self._problems, dtype=np.uint64),
        }

    def restore(self, arrays: Mapping[str, AnyArray]) -> None:
        """Continue after the answers that were recorded before."""
        edges = np.cumsum(arrays["reads"])[:-1]
        self._bits = list(np.split(arrays["bits"], edges)) if len(arrays["reads"]) else []
        self._numbers = [(float(a), float(b), float(c)) for a, b, c in arrays["numbers"]]
        self._problems = [int(problem) for problem in arrays["problems"]]


def _digest(ising: Ising) -> int:
    content = b"".join(np.ascontiguousarray(part).tobytes() for part in ising[:3])
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "little")


def _read(recording: Recording) -> Mapping[str, AnyArray]:
    path = as_written(recording.path)
    try:
        content = read_declared(path, recording.sha256, MOST_RECORDED)
    except OSError as error:
        raise PartError(f"the recording {path} cannot be read: {error.strerror or error}", "check 'path'") from error
    if content is None:
        raise PartError(f"the recording {path} is not the file that was named", "check 'sha256'")
    try:
        return _checked(read_npz(content, max(MOST_BYTES, 2 * len(content))))  # qaml writes no compression
    except NpzError as error:
        raise PartError(f"the recording {path} is damaged: {error}", "record it again") from error


def _checked(arrays: Mapping[str, AnyArray]) -> Mapping[str, AnyArray]:
    """The arrays of a recording, checked against each other.

    Raises:
        NpzError: they do not.
    """
    if missing := {"reads", "bits", "numbers", "problems"} - arrays.keys():
        raise NpzError(f"it lacks {', '.join(sorted(missing))}")
    reads, bits, numbers, problems = (arrays[name] for name in ("reads", "bits", "numbers", "problems"))
    fits = (
        [array.dtype.name for array in (reads, bits, numbers, problems)] == ["int64", "uint8", "float64", "uint64"]
        and (reads.ndim, bits.ndim) == (1, 2)
        and numbers.shape == (len(reads), 3)
        and problems.shape == reads.shape
        and bool(np.isfinite(numbers).all())
        and sum(map(int, reads)) == len(bits)
        and bool((reads >= 0).all())
    )
    if not fits:
        raise NpzError("its arrays are not those of a recording")
    return arrays
