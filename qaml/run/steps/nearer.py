"""Smallest perturbations by other attacks than a claim's, within its box, on images spread over all training runs.

A norm that a minimising attack found is an upper bound of the true distance, and only a nearer adversarial shows by how
much it is too large. For linear classifiers the distance itself is computed.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from qaml.attacks.access import BATCH, is_fooled
from qaml.attacks.base import AttackPart
from qaml.attacks.gradient.part import PGD
from qaml.attacks.minimisation.part import CarliniWagner, DeepFool, HopSkipJump
from qaml.models.seeding import derive_seed
from qaml.run.arrays import write_arrays
from qaml.run.classifier import in_box, target, trained
from qaml.run.exact import exact_norms_in_box
from qaml.run.job import Job
from qaml.run.tested import runs_of, tested
from qaml.types import DoubleArray, InputInfo
from qaml.vocab import Norm

NEARER = "nearer.npz"
SHARES = (0.4, 0.55, 0.7, 0.8, 0.87, 0.94, 1.0, 1.2, 1.5)
"""Budgets of the strong attack in L∞, for which Carlini & Wagner have none, as shares of the median distance."""

DECISIONS = 10_000
"""Queries of HopSkipJump, which is held against attacks that have no gradients."""
NEIGHBOURS, HALVINGS = 3, 12
"""Numbers of nearest images with other answers, and of steps of bisection on the line to each."""


def execute(job: Job) -> None:
    """Write ``nearer.npz``: indices, the number of the attacked training run, the smallest norm found, (n,) each."""
    info, inputs, labels, indices = tested(job, job.payload["images"])
    runs = runs_of(job, len(indices))
    n_runs = len(np.unique(runs))
    norms = np.full(len(indices), np.inf)
    for run in range(n_runs):
        own = np.flatnonzero(runs == run)
        module = trained(job, job.payload["classifier"], run)
        rows = torch.from_numpy(own).to(job.device)
        search = smallest_norms if job.payload.get("gradients", True) else smallest_decided_norms
        norms[own] = search(
            module, in_box(info, job.payload), inputs[rows], labels[rows], job.payload["norm"], job.seed
        )
        job.progress((run + 1) / n_runs, "")
    write_arrays(job.output / NEARER, {"indices": indices, "runs": runs, "norms": norms})


def smallest_norms(
    module: nn.Module, info: InputInfo, inputs: Tensor, labels: Tensor, norm: Norm, seed: int
) -> DoubleArray:
    """The exact distances, or the smallest norms that any of several attacks finds: (n,), infinite where none succeeds.

    Attacks that differentiate the model may all fail for the same reason, so a search between images is one of them.
    """
    exact = exact_norms_in_box(module, inputs, labels, info.bounds, norm)
    if exact is not None:
        return exact

    def run(part: AttackPart) -> DoubleArray:
        found = part.run(target(module, info), inputs, labels, seed, lambda _: None)
        if found.norms is not None:
            return found.norms
        sizes = np.abs(found.adversarials.astype(np.float64) - inputs.double().cpu().numpy())
        sizes = sizes.reshape(*sizes.shape[:2], -1).max(axis=2)
        smallest: DoubleArray = np.where(found.claimed, sizes, np.inf).min(axis=0)
        return smallest

    first = np.minimum(run(DeepFool(norm=norm)), between_images(module, inputs, labels, norm))
    if norm == "l2":
        return np.minimum(first, run(CarliniWagner(steps=80, binary_search_steps=6)))
    known = first[np.isfinite(first) & (first > 0)]
    if not len(known):
        return first
    budgets = tuple(float(share * np.median(known)) for share in SHARES)
    return np.minimum(first, run(PGD(epsilon=budgets, norm="linf", loss="margin", steps=20)))


def smallest_decided_norms(
    module: nn.Module, info: InputInfo, inputs: Tensor, labels: Tensor, norm: Norm, seed: int
) -> DoubleArray:
    """The smallest norms that are found from decisions alone: (n,), infinite where none is.

    Against an attack that only asks, neither exact distances nor gradients count.
    """
    part = HopSkipJump(norm=norm, queries=DECISIONS)
    found = part.run(target(module, info), inputs, labels, derive_seed(seed, "nearer"), lambda _: None).norms
    assert found is not None
    return np.minimum(found, between_images(module, inputs, labels, norm))


def between_images(module: nn.Module, inputs: Tensor, labels: Tensor, norm: Norm) -> DoubleArray:
    """Distance to the point where the answer changes, on the lines to the nearest images with other answers: (n,).

    Only the model's answers are used. The distance is infinite where the answer to the image is wrong, or no image has
    another answer.
    """
    with torch.no_grad():
        answers = torch.cat([module(some).argmax(1) for some in torch.split(inputs, BATCH)])
    flat = inputs.flatten(1)
    far = torch.cdist(flat, flat, p=2.0 if norm == "l2" else torch.inf)
    far = torch.where(answers[None] == labels[:, None], torch.inf, far)
    smallest = torch.full((len(inputs),), torch.inf, dtype=torch.float64, device=inputs.device)
    found = far.topk(min(NEIGHBOURS, len(inputs)), largest=False)
    for distance, ends in zip(found.values.T, inputs[found.indices.T], strict=True):
        low, high = torch.zeros_like(distance), torch.ones_like(distance)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            points = torch.lerp(inputs, ends, middle.reshape(-1, *[1] * (inputs.ndim - 1)))
            fooled = _is_wrong(module, points, labels)
            low, high = torch.where(fooled, low, middle), torch.where(fooled, middle, high)
        smallest = torch.minimum(smallest, (high * distance).double())
    return torch.where(answers == labels, smallest, torch.inf).cpu().numpy()


def _is_wrong(module: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    pieces = zip(torch.split(inputs, BATCH), torch.split(labels, BATCH), strict=True)
    return torch.cat([is_fooled(module, some, own) for some, own in pieces])
