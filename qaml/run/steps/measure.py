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
from qaml.quantum.sampled import counted, device_of, expectations, work_of
from qaml.run.answers import Answers, Evidence, Images, probabilities
from qaml.run.arrays import write_arrays
from qaml.run.job import Job
from qaml.run.ledger import Ledger
from qaml.run.steps.evaluate import evaluate
from qaml.types import AnyArray, IntArray

if TYPE_CHECKING:
    from qaml.spec.suite import Inference

COUNTS = "counts.npz"
Device = Callable[[str, int, int], Any]
"""(name, number of wires, seed) → a PennyLane device."""


def execute(job: Job, device: Device = device_of) -> None:
    """Write ``predictions.npz`` as evaluations do, from counts alone, and ``counts.npz``.

    It has counts (inputs, 2**k) of the k observables' wires, the first one the most significant bit, their wires, and
    the numbers shots, spent (all shots charged) and again (jobs asked again after an interruption).

    Raises:
        RunError: the device fails, or the budget does not hold all jobs. What was answered is kept for the next run.
    """
    inference: Inference = job.payload["classifier"]["inference"]

    def decide(module: nn.Module, inputs: Images, labels: AnyArray) -> Evidence:
        if not isinstance(module, Runnable):
            raise PartError(f"{type(module).__name__} describes no circuit that a device could run")
        run, ledger = module.runnable(), Ledger(job.checkpoint, inference.budget)
        counts = measured(job, run, inputs, inference, ledger, device)
        about = {"wires": run.circuit.observables, "shots": inference.shots}
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
        return np.zeros((0, 2 ** len(run.circuit.observables)), dtype=np.int64)
    first = torch.from_numpy(inputs[0:1]).flatten()
    work = work_of(run.circuit, run.weights, first)
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
        rows = torch.from_numpy(inputs[start : start + size]).flatten(1)
        tapes = [tape_of(run.circuit, run.weights, row, shots) for row in rows]
        ledger.charge(number, shots * len(rows))
        found[number] = counted(target, tapes, shots)
        ledger.keep(number, found[number])
    return np.concatenate([found[number] for number in range(len(starts))])


def said(counts: IntArray, run: Run, labels: AnyArray) -> Evidence:
    """What counts say of inputs with labels (n,): a function of the counts alone, no device is asked."""
    logits = run.logits_of(torch.from_numpy(expectations(counts)))
    missing = ~has_answer(logits).numpy()
    answers = Answers(probabilities(logits).numpy() * ~missing[:, None], missing)
    return Evidence((answers.predicted == labels).astype(np.float32), answers, missing, 1)
