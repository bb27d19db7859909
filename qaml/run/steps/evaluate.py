"""Predict clean images or adversarials with one trained model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from qaml.metrics.spectrum import low_frequency_share
from qaml.models.capabilities import has
from qaml.run.answers import BATCH, correct_shares, decides
from qaml.run.arrays import read_arrays, write_arrays
from qaml.run.classifier import WEIGHTS, defended, restore
from qaml.run.dataset import data_of, evaluated
from qaml.run.job import Job
from qaml.run.repetition import ATTACKED_IMAGES, CLEAN_IMAGES, repeated, spread
from qaml.types import FloatArray

if TYPE_CHECKING:
    from qaml.spec.suite import Inference

PREDICTIONS = "predictions.npz"


def execute(job: Job) -> None:
    """Write ``predictions.npz``: correct (n_epsilons, n) as shares of draws, predictions of the first draw, their
    confidence, unanswered, labels, indices, epsilons, claimed, outside, norms; n_epsilons is 1 (and epsilon 0) for
    clean images. And ``asked`` (5,), a ``Repetition``.

    Attacked images also have the perturbation's low_frequency share; a circuit its shots, one with a measured wire the
    fidelity of attacked states, one with noise layers also within_noise; (n_epsilons, n) each.
    """  # noqa: D205
    description = job.payload["classifier"]
    inference: Inference = description["inference"]
    module = restore(description, job.read("train", WEIGHTS), job.device)
    start, inputs, arrays = _inputs(job)
    if "attack" in job.parents:
        arrays |= _fidelity(module, start, inputs, job.device)
    arrays |= _within_noise(module, inputs, job.device)
    n_epsilons, n = inputs.shape[:2]
    found = correct_shares(
        module,
        inputs.reshape(n_epsilons * n, *inputs.shape[2:]),
        np.tile(arrays["labels"], n_epsilons),
        inference,
        job.seed,
        job.device,
        lambda share: job.progress(share, ""),
    )
    answered: dict[str, NDArray[Any]] = {
        "correct": found.correct,
        "predicted": found.first.predicted,
        "confidence": found.first.confidence,
        "unanswered": found.unanswered,
    }
    arrays |= {name: array.reshape(n_epsilons, n) for name, array in answered.items()}
    arrays["asked"] = _asked_again(job, decides(module, inference), start, inputs, found.first.predicted)
    arrays |= _shots(decides(module, inference), inputs, job.device)
    write_arrays(job.output / PREDICTIONS, {"draws": found.draws, **arrays})


def _asked_again(
    job: Job, decider: nn.Module, start: FloatArray, inputs: FloatArray, predicted: NDArray[np.int64]
) -> NDArray[np.int64]:
    """A ``Repetition`` on some of the images, as an array (5,)."""
    n_epsilons, n = inputs.shape[:2]
    is_clean = "attack" not in job.parents
    places = spread(n_epsilons * n, CLEAN_IMAGES if is_clean else ATTACKED_IMAGES)
    sample = inputs[places // n, places % n]
    clean = sample if is_clean else start[places % n]
    return np.array(repeated(decider, sample, clean, predicted[places], job.seed, job.device), dtype=np.int64)


def _inputs(job: Job) -> tuple[FloatArray, FloatArray, dict[str, NDArray[np.generic]]]:
    """The images that perturbations start from (n, …), what is predicted (n_epsilons, n, …), and what goes with it."""
    if "attack" in job.parents:
        made = read_arrays(job.read("attack", "adversarials.npz"))
        start, adversarials = made.pop("start"), made.pop("adversarials")
        if job.payload["epsilons"] is not None:
            adversarials, made = _within_budgets(job.payload["epsilons"], start, adversarials[0], made)
        if start.ndim == 4:
            shares = [low_frequency_share(attacked - start) for attacked in adversarials]
            made["low_frequency"] = np.stack(shares).astype(np.float32)
        return start, adversarials, made
    description = job.payload["classifier"]
    data = data_of(job, description["dataset"])
    test = evaluated(data.test, job.payload["images"], job.payload["order"])
    inputs = defended(test.inputs, description["defences"], data.info)
    return inputs, inputs[None], {"labels": test.labels, "indices": test.indices, "epsilons": np.zeros(1)}


def _within_budgets(
    epsilons: Sequence[float], start: FloatArray, smallest: FloatArray, made: dict[str, NDArray[np.generic]]
) -> tuple[FloatArray, dict[str, NDArray[np.generic]]]:
    """What a minimisation attack answers at each budget: its adversarial if that is near enough, else the clean one."""
    reached = np.asarray(made["norms"])[None] <= np.asarray(epsilons)[:, None] * (1 + 1e-6)
    made |= {"epsilons": np.asarray(epsilons)}
    made |= {name: np.asarray(made[name], dtype=bool) & reached for name in ("claimed", "outside")}
    where = reached.reshape(*reached.shape, *[1] * (start.ndim - 1))
    return np.where(where, smallest[None], start[None]), made


@torch.no_grad()
def _fidelity(module: nn.Module, start: FloatArray, inputs: FloatArray, device: str) -> dict[str, NDArray[np.generic]]:
    """|⟨ψ(x)|ψ(x')⟩|² of every perturbed input, (n_epsilons, n); nothing for models that encode no states."""
    if not has(module, "states"):
        return {}
    clean = module.states(torch.from_numpy(start).double().to(device)).conj()  # type: ignore[operator]
    overlaps = []
    for attacked in inputs:
        states = module.states(torch.from_numpy(attacked).double().to(device))  # type: ignore[operator]
        overlaps.append((clean * states).sum(1).abs().square().cpu().numpy())
    return {"fidelity": np.stack(overlaps)}


@torch.no_grad()
def _within_noise(module: nn.Module, inputs: FloatArray, device: str) -> dict[str, NDArray[np.generic]]:
    """Whether noise layers could change the label, |⟨Z⟩| ≤ 2Σp, (n_epsilons, n); nothing for models without any."""
    if not has(module, "noise", "total_flips"):
        return {}
    flat = torch.from_numpy(inputs.reshape(-1, *inputs.shape[2:])).to(device)
    expectations = module.averaged().expectations(flat)  # type: ignore[operator]
    within = expectations.abs() <= 2 * module.total_flips()  # type: ignore[operator]
    return {"within_noise": within.cpu().numpy().reshape(inputs.shape[:2])}


@torch.no_grad()
def _shots(module: nn.Module, inputs: FloatArray, device: str) -> dict[str, NDArray[np.generic]]:
    """How often a circuit must be measured for each input, (n_epsilons, n) float64; nothing for other models."""
    if not has(module, "shots_needed"):
        return {}
    batches = torch.split(torch.from_numpy(inputs.reshape(-1, *inputs.shape[2:])), BATCH)
    needed = np.concatenate([module.shots_needed(batch.to(device)) for batch in batches])  # type: ignore[operator]
    return {"shots": needed.astype(np.float64).reshape(inputs.shape[:2])}
