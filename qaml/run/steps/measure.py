"""Measure clean images or adversarials with one trained circuit on a PennyLane device, with finitely many shots.

Counts are recorded as they come, and everything else follows from them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from qaml.models.capabilities import Run
from qaml.models.logits import has_answer
from qaml.plan.role import Role
from qaml.quantum.sampled import device_of
from qaml.run.answers import Answers, Evidence, Images, probabilities
from qaml.run.arrays import write_arrays
from qaml.run.counting import Counted, Counting, Device, concatenated, ledger_of, runnable, summary_of
from qaml.run.job import Job
from qaml.run.steps.evaluate import Asked, evaluate
from qaml.types import AnyArray, DoubleArray, FloatArray

if TYPE_CHECKING:
    from qaml.spec.suite import Inference

COUNTS = "counts.npz"
JOBS = "jobs.json"


def execute(job: Job, device: Device = device_of) -> None:
    """Write ``predictions.npz`` as evaluations do, from counts alone, ``counts.npz``, and ``jobs.json``.

    ``counts.npz`` has counts (inputs, 2**k) of k wires, the first one the most significant bit, these wires, the
    shots, the job of each row, and the counts of calibration circuits. Interleaved inputs are in the order of the jobs:
    each clean image, and then it at each budget. ``predictions.npz`` has ``counted``, one, and for interleaved inputs
    beside (n,), whether each clean image was answered rightly, and beside_unanswered (n,). ``jobs.json``, which alone
    differs between runs, has the jobs with their ids and times, what was charged, and what the device said of itself.

    Raises:
        RunError: the device fails, or a budget does not hold all jobs. What was answered is kept for the next run.
    """
    inference: Inference = job.payload["classifier"]["inference"]

    def decide(module: nn.Module, asked: Asked, labels: AnyArray) -> Evidence:
        run = runnable(module)
        is_interleaved = inference.interleaved and Role("attack") in job.parents
        inputs: Images = Interleaved(asked) if is_interleaved else asked.inputs
        ledger = ledger_of(job, inference)
        counting = Counting(run, inference, ledger, job.seed, device)
        with ledger.alone():
            answers = measured(job, counting, inputs, 1 + asked.n_epsilons if is_interleaved else 1)
        about = {"wires": run.wires, "shots": inference.shots}
        write_arrays(job.output / COUNTS, concatenated(answers) | about)
        (job.output / JOBS).write_text(json.dumps(summary_of(counting), indent=1, default=str))
        shares = np.concatenate([answer.shares for answer in answers])
        if is_interleaved:
            return apart(shares, run, labels, asked)
        return said(shares, run, labels)._replace(further={"counted": np.asarray(1)})

    evaluate(job, decide)


def measured(job: Job, counting: Counting, inputs: Images, period: int = 1) -> list[Counted]:
    """The counts of all inputs in jobs: answers that are kept, and the device's for the other jobs.

    Args:
        job: the step, for its progress.
        counting: asks the device.
        inputs: (n, *shape).
        period: number of inputs in a row that are kept in one job, if one holds them.

    Raises:
        RunError: see ``execute``.
    """
    n, size = len(inputs), counting.inference.n_inputs(period)
    if n == 0:
        empty = np.zeros((0, 2 ** len(counting.run.wires)), dtype=np.int64)
        return [Counted(empty, empty)]
    parts = [slice(start, min(start + size, n)) for start in range(0, n, size)]  # read one by one
    questions = [counting.question(number, inputs[part]) for number, part in enumerate(parts)]
    found = {question.number: kept for question in questions if (kept := counting.kept(question)) is not None}
    left, ledger = [question for question in questions if question.number not in found], counting.ledger
    unpaid = [question.number for question in left if not ledger.record(question).get("ids")]
    circuits = sum(counting.n_circuits(parts[number].stop - parts[number].start) for number in unpaid)
    ledger.check(len(unpaid), circuits, circuits * counting.shots)
    words = said_before(counting, len(unpaid), circuits, inputs) if left else ""
    for question in left:
        share = question.number / len(parts)
        job.progress(share, f"{words}; {ledger.spent:,} shots spent, {ledger.n_again} jobs again")
        found[question.number] = counting.ask(question, inputs[parts[question.number]])
    replayed = [question for question in questions if question not in left]
    if replayed:
        counting.compare(replayed[0], inputs[parts[replayed[0].number]])
    return [found[number] for number in range(len(parts))]


def said_before(counting: Counting, jobs: int, circuits: int, inputs: Images) -> str:
    """What is about to be submitted, in words: circuits, gates, depth, shots and cost."""
    work, shots = counting.work(inputs[0:1]), circuits * counting.shots
    cost, account = counting.ledger.cost(jobs, circuits, shots), counting.ledger.account
    priced = f", cost {cost:,.2f} {account.currency}".rstrip() if cost else ""
    return (
        f"{circuits:,} circuits of {work.n_two_qubit:,} two-qubit gates, depth {work.depth:,}, {counting.shots:,} "
        f"shots each, in {jobs:,} jobs on {counting.name}{priced}"
    )


@dataclass(frozen=True)
class Interleaved:
    """Clean and attacked images in one order: each image clean, then at each budget, and then the next one."""

    asked: Asked

    @property
    def period(self) -> int:
        """Number of inputs of one image."""
        return 1 + self.asked.n_epsilons

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all inputs, (n_images · period, *shape)."""
        return (len(self), *self.asked.start.shape[1:])

    def __len__(self) -> int:
        """Number of inputs."""
        return self.period * len(self.asked.start)

    def __getitem__(self, chosen: slice) -> FloatArray:
        """The inputs of a slice."""
        return np.concatenate([self._one(place) for place in range(*chosen.indices(len(self)))])

    def _one(self, place: int) -> FloatArray:
        image, position = divmod(place, self.period)
        if position == 0:
            return self.asked.start[image : image + 1]
        row = (position - 1) * len(self.asked.start) + image
        return self.asked.inputs[row : row + 1]


def apart(shares: DoubleArray, run: Run, labels: AnyArray, asked: Asked) -> Evidence:
    """Evidence of attacked images, with that of the clean ones beside them."""
    n, period = len(asked.start), 1 + asked.n_epsilons
    by_image = shares.reshape(n, period, -1)
    attacked = by_image[:, 1:].swapaxes(0, 1).reshape(n * asked.n_epsilons, -1)
    clean = said(by_image[:, 0], run, labels[:n])
    further = {"counted": np.asarray(1), "beside": clean.correct, "beside_unanswered": clean.unanswered}
    return said(attacked, run, labels)._replace(further=further)


@torch.no_grad()
def said(shares: DoubleArray, run: Run, labels: AnyArray) -> Evidence:
    """What shares of outcomes say of inputs with labels (n,): a function of the counts alone, no device is asked."""
    logits = run.logits_of(torch.from_numpy(shares))
    missing = ~has_answer(logits).numpy()
    answers = Answers(probabilities(logits).numpy() * ~missing[:, None], missing)
    return Evidence((answers.predicted == labels).astype(np.float32), answers, missing, 1)
