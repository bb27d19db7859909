"""Measure clean images or adversarials with one trained circuit on a PennyLane device, with finitely many shots.

Attacks are made on the exact circuit; here their images are measured. Counts are recorded as they come, and everything
else follows from them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from qaml.errors import PartError
from qaml.models.capabilities import Run, Runnable
from qaml.models.logits import has_answer
from qaml.models.seeding import derive_seed
from qaml.quantum.reference import tape_of
from qaml.quantum.sampled import counted, device_of, work_of
from qaml.run.answers import Answers, Evidence, Images, probabilities
from qaml.run.arrays import write_arrays
from qaml.run.job import Job
from qaml.run.ledger import Ledger
from qaml.run.steps.evaluate import evaluate
from qaml.types import AnyArray, FloatArray, IntArray

if TYPE_CHECKING:
    from qaml.spec.suite import Inference

COUNTS = "counts.npz"
Device = Callable[[str, int, int], Any]
"""(name, number of wires, seed) → a PennyLane device."""


def execute(job: Job, device: Device = device_of) -> None:
    """Write ``predictions.npz`` as evaluations do, from counts alone, and ``counts.npz``.

    It has counts (inputs, 2**k) of k wires, the first one the most significant bit, these wires, and the numbers shots,
    spent (all shots charged) and again (jobs asked again after an interruption).

    Raises:
        RunError: the device fails, or the budget does not hold all jobs. What was answered is kept for the next run.
    """
    inference: Inference = job.payload["classifier"]["inference"]

    def decide(module: nn.Module, inputs: Images, labels: AnyArray) -> Evidence:
        if not isinstance(module, Runnable):
            raise PartError(f"{type(module).__name__} describes no circuit that a device could run")
        run, ledger = module.runnable(), Ledger(job.checkpoint, inference.budget)
        counts = measured(job, run, inputs, inference, ledger, device)
        about = {"wires": run.wires, "shots": inference.shots}
        about |= {"spent": ledger.spent, "again": ledger.n_again}
        write_arrays(job.output / COUNTS, {"counts": counts, **about})
        return said(counts, run, labels)

    evaluate(job, decide)


def measured(
    job: Job, run: Run, inputs: Images, inference: Inference, ledger: Ledger, device: Device = device_of
) -> IntArray:
    """The counts of all inputs, (n, 2**k): answers that are kept, and the device's for the jobs that have none.

    Each job has a device of its own, seeded by the job's number, so that an interrupted run draws what it would have.

    Raises:
        RunError: see ``execute``.
    """
    assert inference.device is not None
    assert inference.shots is not None
    n, size, shots = len(inputs), inference.circuits, inference.shots
    if n == 0:
        return np.zeros((0, 2 ** len(run.wires)), dtype=np.int64)
    work = work_of(tapes_of(run, inputs[0:1], shots)[0])
    words = (
        f"{n:,} circuits of {work.n_two_qubit:,} two-qubit gates, depth {work.depth:,}, {shots:,} shots each, "
        f"on {inference.device}"
    )
    starts = range(0, n, size)
    found = {number: counts for number in range(len(starts)) if (counts := ledger.answer(number)) is not None}
    ledger.check(shots * sum(min(size, n - start) for number, start in enumerate(starts) if number not in found))
    for number, start in enumerate(starts):
        if number in found:
            continue
        job.progress(start / n, f"{words}; {ledger.spent:,} shots spent, {ledger.n_again} jobs again")
        target = device(inference.device, run.circuit.n_wires, derive_seed(job.seed, "job", number))
        tapes = tapes_of(run, inputs[start : start + size], shots)
        ledger.charge(number, shots * len(tapes))
        found[number] = counted(target, tapes, shots)
        ledger.keep(number, found[number])
    return np.concatenate([found[number] for number in range(len(starts))])


@torch.no_grad()
def tapes_of(run: Run, inputs: FloatArray, shots: int) -> list[Any]:
    """The circuits of inputs (n, *shape), one each."""
    features, draws = run.arguments(torch.from_numpy(inputs).flatten(1))
    rows = [{"feature": row, "weight": run.weights} for row in features]
    if draws is not None:
        rows = [row | {"draw": draw} for row, draw in zip(rows, draws, strict=True)]
    return [tape_of(run.circuit, row, run.wires, shots) for row in rows]


@torch.no_grad()
def said(counts: IntArray, run: Run, labels: AnyArray) -> Evidence:
    """What counts say of inputs with labels (n,): a function of the counts alone, no device is asked."""
    logits = run.logits_of(torch.from_numpy(counts / counts.sum(1, keepdims=True)))
    missing = ~has_answer(logits).numpy()
    answers = Answers(probabilities(logits).numpy() * ~missing[:, None], missing)
    return Evidence((answers.predicted == labels).astype(np.float32), answers, missing, 1)
