"""A fake remote service with devices that fail in every way: with and without ids of jobs."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pennylane as qml


class Killed(BaseException):
    """The end of the process, which no handler of errors sees."""


class Service:
    """What outlives the processes that ask it: its jobs, and the faults of submissions by their number.

    Args:
        faults: number of a submission → what happens to it.
    """

    def __init__(self, faults: Mapping[int, str] | None = None) -> None:
        self.faults = dict(faults or {})
        self.jobs: dict[str, Any] = {}
        self.n_submitted = 0
        self.n_collected = 0
        self.circuits: list[Any] = []

    def fault(self) -> str:
        """The fault of the next submission."""
        self.n_submitted += 1
        return self.faults.get(self.n_submitted - 1, "")


class Remote(qml.devices.Device):  # type: ignore[misc]
    """A device that draws as a simulator does, by what it is asked, and has no seed that qaml could set.

    Args:
        wires: number of wires.
        service: the service behind it.
    """

    name = "fake.remote"

    def __init__(self, wires: int, service: Service) -> None:
        super().__init__(wires=wires)
        self.service = service

    def calibration(self) -> Mapping[str, Any]:
        """What it says of itself."""
        return {"backend": "fake-5", "readout error": [0.01] * len(self.wires)}

    def drawn(self, circuits: Sequence[Any]) -> Any:
        """Counts of every circuit, a function of the circuits."""
        self.service.circuits += circuits
        seed = zlib.crc32(repr([(each.operations, each.shots) for each in circuits]).encode())
        device = qml.device("default.qubit", wires=len(self.wires), seed=seed)
        return qml.execute(list(circuits), device, diff_method=None)

    def execute(self, circuits: Any, execution_config: Any = None) -> Any:  # noqa: ARG002
        """Counts of every circuit, or the fault."""
        fault = self.service.fault()
        before(fault)
        return spoilt(self.drawn(circuits), fault)


class Queue(Remote):
    """The same with ids of jobs, whose results may be asked for later."""

    def submit(self, circuits: Any, execution_config: Any) -> list[str]:  # noqa: ARG002
        """The id of a job of all circuits, or the fault."""
        fault = self.service.fault()
        before(fault)
        job_id = f"job-{self.service.n_submitted}"
        self.service.jobs[job_id] = spoilt(self.drawn(circuits), fault)
        if fault == "lost":
            del self.service.jobs[job_id]
        if fault == "killed unknown":
            raise Killed
        return [job_id]

    def collect(self, job_ids: Sequence[str]) -> Any:
        """The results of a job."""
        self.service.n_collected += 1
        if fault := self.service.faults.get(-self.service.n_collected):
            before("killed before" if fault == "killed" else fault)
        return self.service.jobs[job_ids[0]]


def before(fault: str) -> None:
    """What happens instead of a submission."""
    if fault == "timeout":
        raise TimeoutError("no answer after 60 s")
    if fault == "raises":
        raise ConnectionError("the queue is closed")
    if fault == "killed before":
        raise Killed


def spoilt(answers: Any, fault: str) -> Any:
    """Answers with a fault."""
    if fault == "killed after":
        raise Killed
    if fault == "few shots":
        return tuple(dict.fromkeys(answer, 1) for answer in answers)
    if fault == "few circuits":
        return answers[:-1]
    if fault == "other answers":
        return tuple(None for _ in answers)
    if fault == "other wires":
        return tuple({f"0{outcome}": number for outcome, number in answer.items()} for answer in answers)
    if fault == "nan":
        return tuple(dict.fromkeys(answer, np.nan) for answer in answers)
    if fault == "fractions":
        return tuple({outcome: number + 0.5 for outcome, number in answer.items()} for answer in answers)
    return answers
