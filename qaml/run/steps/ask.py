"""Make adversarials by asking a trained circuit on a device: a black-box attack that pays in shots for every answer.

Questions are numbered in the order in which the attack asks them. An attack that is run again asks the same ones, so
what was answered is replayed, and the attack goes on from there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from qaml.quantum.sampled import device_of
from qaml.run.arrays import write_arrays
from qaml.run.counting import Counting, Device, ledger_of, runnable, summary_of
from qaml.run.job import Job
from qaml.run.steps.attack import ADVERSARIALS, crafted

if TYPE_CHECKING:
    from qaml.spec.suite import Inference

JOBS = "jobs.json"


def execute(job: Job, device: Device = device_of) -> None:
    """Write ``adversarials.npz`` as attacks do, with device_circuits, and ``jobs.json`` as measurements do.

    Raises:
        RunError: the device fails, or a budget is used up. What was answered is kept for the next run.
    """
    inference: Inference = job.payload["classifier"]["inference"]
    ledger = ledger_of(job, inference)
    asked: list[OnDevice] = []

    def seen(module: nn.Module) -> nn.Module:
        asked.append(OnDevice(Counting(runnable(module), inference, ledger, job.seed, device), job))
        return asked[0]

    with ledger.alone():
        arrays = crafted(job, seen)
    n_circuits = np.asarray(asked[0].n_circuits)
    write_arrays(job.output / ADVERSARIALS, {**arrays, "device_circuits": n_circuits})
    (job.output / JOBS).write_text(json.dumps(summary_of(asked[0].counting), indent=1, default=str))


class OnDevice(nn.Module):
    """A classifier whose answers are those of a device, a job for as many inputs as one holds.

    Args:
        counting: asks the device.
        job: the step, for its progress.

    Attributes:
        n_jobs: number of jobs so far, answered before or now.
        n_circuits: number of their circuits.
    """

    def __init__(self, counting: Counting, job: Job) -> None:
        super().__init__()
        self.counting, self.job = counting, job
        self.n_jobs = self.n_circuits = 0

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, *shape) → logits (batch, classes) from counts; an input that encodes no state has no answer."""
        parts = torch.split(inputs.detach().cpu(), self.counting.inference.n_inputs())
        return torch.cat([self._job(part) for part in parts]).to(inputs.device)

    def _job(self, inputs: Tensor) -> Tensor:
        run = self.counting.run
        has_state: Tensor = inputs.flatten(1).isfinite().all(1)
        if run.circuit.encoding == "amplitude":
            has_state &= inputs.flatten(1).any(1)
        asked = inputs[has_state].numpy()
        shares: Tensor = torch.full((len(inputs), 2 ** len(run.wires)), torch.nan, dtype=torch.float64)
        if len(asked):
            question = self.counting.question(self.n_jobs, asked)
            self.n_jobs, self.n_circuits = self.n_jobs + 1, self.n_circuits + self.counting.n_circuits(len(asked))
            if (answer := self.counting.kept(question)) is None:
                ledger = self.counting.ledger
                words = f"asking {self.counting.name}: {ledger.spent:,} shots spent, {ledger.n_again} jobs again"
                self.job.progress(0.0, words)
                answer = self.counting.ask(question, asked)
            shares[has_state] = torch.from_numpy(answer.shares)
        return run.logits_of(shares).float()
