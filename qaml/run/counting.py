"""A trained circuit that is asked on a device, job after job: every answer is kept, and none is paid twice."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from qaml.errors import PartError, RunError
from qaml.models.capabilities import Run, Runnable
from qaml.models.seeding import derive_seed
from qaml.quantum.readout import calibration_tapes, mitigated
from qaml.quantum.reference import tape_of
from qaml.quantum.sampled import (
    SEEDED,
    Work,
    calibration_of,
    check_counts,
    compiled,
    counted,
    device_of,
    fetched,
    ids_of,
    on_wires,
    prepared,
    software_of,
    work_of,
)
from qaml.run.charges import now
from qaml.run.ledger import Ledger, Question
from qaml.types import AnyArray, DoubleArray, FloatArray, IntArray

if TYPE_CHECKING:
    from qaml.run.job import Job
    from qaml.spec.suite import Inference

Device = Callable[[str, int, int], Any]
"""(name, number of wires, seed) → a PennyLane device."""
OTHER_ANSWERS = "kept answers to other circuits or settings were not used"


class Counted(NamedTuple):
    """The answer to one job.

    Attributes:
        counts: (n, 2**k) of its circuits.
        calibration: (2, 2**k) of its calibration circuits, (0, 2**k) without mitigation.
    """

    counts: IntArray
    calibration: IntArray

    @property
    def shares(self) -> DoubleArray:
        """Shares of the outcomes, (n, 2**k), freed of readout errors where these were calibrated."""
        if len(self.calibration):
            return mitigated(self.counts, self.calibration)
        shares: DoubleArray = self.counts / self.counts.sum(1, keepdims=True)
        return shares


class Counting:
    """Counts of one trained circuit in one evaluation.

    Args:
        run: the circuit.
        inference: device, shots, wires and mitigation.
        ledger: what was charged and answered before.
        seed: seed of simulators; each job has its own, so that an interrupted run draws what it would have.
        device: makes the device.
    """

    def __init__(self, run: Run, inference: Inference, ledger: Ledger, seed: int, device: Device = device_of) -> None:
        assert inference.device is not None
        assert inference.shots is not None
        self.run, self.inference, self.ledger = run, inference, ledger
        self.name, self.shots, self.seed = inference.device, inference.shots, seed
        self.n_fetched = 0
        self.records: dict[int, Mapping[str, Any]] = {}
        self.remarks: dict[str, None] = {}
        self._make, self._made = device, None
        self._before: Mapping[int, set[str]] | None = None
        self._n_wires = max(inference.wires, default=run.circuit.n_wires - 1) + 1
        if inference.wires and len(inference.wires) != run.circuit.n_wires:
            raise RunError(
                f"'wires' maps {len(inference.wires)} wires, and the circuit has {run.circuit.n_wires}",
                "give one wire of the device for each wire of the circuit, in order",
            )
        settings = (self.name, seed if self.name in SEEDED else 0, self.shots, inference.wires, inference.mitigation)
        self._base = hashlib.sha256(repr((settings, run.circuit, run.wires)).encode())
        self._base.update(_bytes(run.weights))

    def n_circuits(self, n_inputs: int) -> int:
        """Number of circuits of a job."""
        return n_inputs + self.inference.n_calibrations

    def work(self, inputs: FloatArray) -> Work:
        """What the circuit of the first input asks of a device."""
        return work_of(self._tapes(inputs[:1])[0])

    def question(self, number: int, inputs: FloatArray) -> Question:
        """The job with this number that asks about inputs (n, *shape)."""
        asked = self._base.copy()
        for argument in arguments_of(self.run, inputs):
            asked.update(b"" if argument is None else _bytes(argument))
        return Question(number, asked.hexdigest())

    def kept(self, question: Question) -> Counted | None:
        """The answer that was kept; one that is damaged or not whole is none."""
        arrays = self.ledger.answer(question)
        if arrays is None:
            return None
        try:
            found = Counted(arrays["counts"], arrays["calibration"])
            check_counts(np.concatenate([found.counts, found.calibration]), self.shots)
        except (KeyError, ValueError, RunError):
            return None
        self.records[question.number] = self.ledger.record(question)
        return found

    def ask(self, question: Question, inputs: FloatArray) -> Counted:
        """Fetch the answer to a job that was submitted before, or submit it; nothing is submitted without a charge.

        Raises:
            RunError: the device fails, or a budget does not hold the job.
            StoreError: what is charged or answered cannot be written.
        """
        tapes, record = self._tapes(inputs), self.ledger.record(question)
        if self._before is None:
            self._before = self.ledger.kept()
        if self._before.get(question.number, {question.name}) != {question.name}:
            self.remarks[OTHER_ANSWERS] = None
        device = self._device(question.number)
        start, found = time.perf_counter(), fetched(device, tapes, self.shots, record.get("ids") or ())
        if found is not None:
            self.n_fetched += 1
            record["fetched"] = now()
        else:
            record = self._about(device, tapes)
            self.ledger.charge(question, len(tapes), self.shots * len(tapes))
            record["submitted"], start = now(), time.perf_counter()
            found = counted(device, tapes, self.shots, lambda ids: self._note(question, record | {"ids": list(ids)}))
            record["ids"] = self.ledger.record(question).get("ids") or list(ids_of(device))
        n = len(inputs)
        answer = Counted(found[:n], found[n:])
        self.ledger.keep(question, answer._asdict())
        self._note(question, record | {"seconds": round(time.perf_counter() - start, 3)})
        return answer

    def compare(self, question: Question, inputs: FloatArray) -> None:
        """Remark on a kept job that the device would compile otherwise today; no device is made for this alone.

        Raises:
            RunError: the device fails.
        """
        before = self.ledger.record(question).get("compiled", {}).get("digest")
        if before and (self._made is not None or self.name in SEEDED):
            today = compiled(prepared(self._device(question.number), self._tapes(inputs[:1])))
            if today.digest != before:
                self.remarks[f"kept counts are of circuits that {self.name} compiles otherwise today"] = None

    def _note(self, question: Question, record: Mapping[str, Any]) -> None:
        self.records[question.number] = record
        self.ledger.note(question, record)

    def _about(self, device: Any, tapes: Sequence[Any]) -> dict[str, Any]:
        """What is kept of a job beside its counts."""
        return {
            "device": self.name,
            "software": software_of(self.name),
            "circuits": len(tapes),
            "shots": self.shots * len(tapes),
            "wires": list(self.inference.wires),
            "compiled": compiled(prepared(device, tapes[:1]))._asdict(),
            "calibration": dict(calibration_of(device)),
        }

    def _device(self, number: int) -> Any:
        """The device: one for all jobs, but a simulator for each, as its draws have to begin anew."""
        if self.name in SEEDED:
            return self._make(self.name, self._n_wires, derive_seed(self.seed, "job", number))
        if self._made is None:
            self._made = self._make(self.name, self._n_wires, self.seed)
        return self._made

    def _tapes(self, inputs: FloatArray) -> list[Any]:
        """The circuits of inputs (n, *shape), one each, and those of the calibration, on the device's wires."""
        tapes = tapes_of(self.run, inputs, self.shots)
        tapes += calibration_tapes(self.run.wires, self.shots) if self.inference.mitigation else []
        return on_wires(tapes, self.inference.wires)


@torch.no_grad()
def arguments_of(run: Run, inputs: FloatArray) -> tuple[Tensor, Tensor | None]:
    """The features and draws of a circuit for inputs (n, *shape)."""
    return run.arguments(torch.from_numpy(np.ascontiguousarray(inputs)).flatten(1))


def tapes_of(run: Run, inputs: FloatArray, shots: int) -> list[Any]:
    """The circuits of inputs (n, *shape), one each."""
    features, draws = arguments_of(run, inputs)
    rows = [{"feature": row, "weight": run.weights} for row in features]
    if draws is not None:
        rows = [row | {"draw": draw} for row, draw in zip(rows, draws, strict=True)]
    return [tape_of(run.circuit, row, run.wires, shots) for row in rows]


def runnable(module: nn.Module) -> Run:
    """The circuit of a classifier.

    Raises:
        PartError: it describes none.
    """
    if not isinstance(module, Runnable):
        raise PartError(f"{type(module).__name__} describes no circuit that a device could run")
    return module.runnable()


def work_before_training(description: Mapping[str, Any]) -> Work:
    """What one input's circuit asks of a device, before it is trained: at an input whose preparation needs all gates.

    Args:
        description: a trained classifier's, of ``plan.classifier``.
    """
    part, info = description["model"], description["dataset"].info
    module = part.at_inference(part.build(info, 0), description["inference"].noise_layers).eval()
    drawn = np.random.default_rng(0).uniform(0.1, 1.0, (1, *info.shape))
    drawn = drawn / np.linalg.norm(drawn) if info.is_state else np.clip(drawn, info.bounds.low, info.bounds.high)
    return work_of(tapes_of(runnable(module), drawn.astype(np.float32), 1)[0])


def ledger_of(job: Job, inference: Inference) -> Ledger:
    """The ledger of a step, whose name is its seed: that depends on what is measured, and not on code."""
    assert inference.device is not None
    evaluation = f"{job.seed:012x}{'-' if job.fresh else ''}{job.fresh}"
    paid = job.payload["paid"]
    return Ledger(job.devices, evaluation, paid.suite, inference.device, paid.account, inference.budget)


def summary_of(counting: Counting) -> dict[str, Any]:
    """The jobs of one evaluation for people, with dates and times, and what was charged for them."""
    ledger, records = counting.ledger, [counting.records[number] for number in sorted(counting.records)]
    last = records[-1] if records else {}
    jobs = [
        {"job": number, **{name: record.get(name) for name in ("ids", "submitted", "seconds", "circuits", "shots")}}
        for number, record in sorted(counting.records.items())
    ]
    about = {name: last.get(name) for name in ("software", "wires", "compiled", "calibration")}
    return {
        "device": counting.name,
        **about,
        "shots": counting.shots,
        "spent": ledger.spent,
        "cost": round(sum(each.cost for each in ledger.charges), 6),
        "currency": ledger.account.currency,
        "again": ledger.n_again,
        "fetched": counting.n_fetched,
        "remarks": list(counting.remarks),
        "jobs": jobs,
    }


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().numpy().tobytes()


def concatenated(answers: Sequence[Counted]) -> dict[str, AnyArray]:
    """The counts of jobs as arrays: counts (n, 2**k), calibration (n_jobs, 2, 2**k) and job (n,) of each row."""
    return {
        "counts": np.concatenate([each.counts for each in answers]),
        "calibration": np.stack([each.calibration for each in answers]),
        "job": np.repeat(np.arange(len(answers)), [len(each.counts) for each in answers]),
    }
