"""The validity battery of one model under one threat (norm and budget): can the measurement be trusted?

It runs beside the claim's own attacks: a one-step and a strong iterative attack, random noise, an attack with the
bounds as only limit, an attack transferred from a surrogate, gradients and logits looked at directly (DESIGN 7).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qaml.attacks.base import AttackPart
from qaml.attacks.gradient.part import FGSM, PGD
from qaml.attacks.noise.part import UniformNoise
from qaml.metrics.distance import is_below
from qaml.models.logits import has_answer, margins
from qaml.run.arrays import write_arrays
from qaml.run.classifier import WEIGHTS, defended, restore, target
from qaml.run.dataset import data_of, evaluated
from qaml.run.exact import exact_norms, lengths_of
from qaml.run.job import Job
from qaml.types import Bounds, InputInfo
from qaml.vocab import Norm

STEPS = 40
RESTARTS = 10
"""Of the attack that only the bounds limit: with two coordinates one start in four ends on a local maximum."""
NOISE_DRAWS = 10
EOT_DRAWS = 16
BATCH = 250
DIAGNOSIS = "diagnosis.npz"

Flags = NDArray[np.bool_]


def execute(job: Job) -> None:
    """Write ``diagnosis.npz``: see ``metrics.evidence.Diagnosis``."""
    description = job.payload["classifier"]
    data = data_of(job, description["dataset"])
    test = evaluated(data.test, job.payload["images"], job.payload["order"])
    inputs = torch.from_numpy(defended(test.inputs, description["defences"], data.info)).to(job.device)
    labels = torch.from_numpy(test.labels).to(job.device)
    module = restore(description, job.read("train", WEIGHTS), job.device)
    surrogate = None
    if "surrogate" in job.parents:
        surrogate = restore(job.payload["surrogate"], job.read("surrogate", WEIGHTS), job.device)
    battery = _Battery(job, module, data.info, inputs, labels)
    arrays = look(module, inputs, labels) | battery.run(surrogate)
    about = {"indices": test.indices, "epsilon": job.payload["epsilon"]}
    about |= {"outside": battery.outside, "below_exact": battery.below_exact}
    write_arrays(job.output / DIAGNOSIS, {**about, **arrays})


class _Battery:
    """Runs one attack after the other and counts adversarials that are outside the threat model, or impossible."""

    def __init__(self, job: Job, module: nn.Module, info: InputInfo, inputs: Tensor, labels: Tensor) -> None:
        self.job = job
        self.module = module
        self.info = info
        self.inputs = inputs
        self.labels = labels
        self.exact = exact_norms(module, inputs, labels)
        self.outside = 0
        self.below_exact = 0

    def run(self, surrogate: nn.Module | None) -> dict[str, Flags]:
        norm: Norm = self.job.payload["norm"]
        budget = (float(self.job.payload["epsilon"]),)
        everything = (reach_of_bounds(norm, self.info),)
        pgd = PGD(kind="pgd", norm=norm, epsilon=budget, steps=STEPS)
        attacks: list[tuple[str, AttackPart, nn.Module]] = [
            ("fgsm", FGSM(kind="fgsm", norm=norm, epsilon=budget), self.module),
            ("pgd", pgd, self.module),
            ("noise", UniformNoise(kind="uniform_noise", norm=norm, epsilon=budget, draws=NOISE_DRAWS), self.module),
            ("unbounded", PGD(kind="pgd", norm=norm, epsilon=everything, steps=STEPS, restarts=RESTARTS), self.module),
        ]
        if surrogate is not None:
            attacks.append(("transfer", pgd, surrogate))
        if getattr(self.module, "is_randomised", False):
            # the exact average, where there is one, is what many draws come near, for a fraction of their time
            is_exact = hasattr(self.module, "averaged")
            averaging = {"gradient": "exact"} if is_exact else {"eot": EOT_DRAWS}
            attacks.append(("eot", pgd.model_copy(update=averaging), self.module))
        found = {}
        for number, (name, attack, victim) in enumerate(attacks):
            self.job.progress(number / len(attacks), name)
            found[f"correct_{name}"] = self._correct(attack, victim)
        return found

    def _correct(self, attack: AttackPart, victim: nn.Module) -> Flags:
        result = attack.run(
            target(victim, self.info), self.inputs, self.labels, self.job.seed, lambda _: None
        ).adversarials[-1]
        adversarials = torch.from_numpy(result).to(self.inputs.device)
        self.outside += n_outside(adversarials, self.inputs, attack.threat_norm, attack.grid[-1], self.info.bounds)
        correct = _is_correct(self.module, adversarials, self.labels, self.job.seed)
        if self.exact is not None:
            self.below_exact += n_below(adversarials, self.inputs, correct, self.exact)
        return correct


def reach_of_bounds(norm: Norm, info: InputInfo) -> float:
    """The largest perturbation that the bounds allow at all."""
    width = info.bounds.high - info.bounds.low
    return width if norm == "linf" else width * float(np.sqrt(info.n_features))


def n_outside(adversarials: Tensor, inputs: Tensor, norm: Norm, epsilon: float, bounds: Bounds) -> int:
    """How many adversarials break ε(1 + 1e-5) + 1e-6 or the bounds."""
    flat = (adversarials - inputs).flatten(1).double()
    size = flat.abs().amax(1) if norm == "linf" else flat.norm(dim=1)
    values = adversarials.flatten(1)
    beyond = (values.amax(1) > bounds.high + 1e-6) | (values.amin(1) < bounds.low - 1e-6)
    return int(((size > epsilon * (1 + 1e-5) + 1e-6) | beyond).sum())


def n_below(adversarials: Tensor, inputs: Tensor, correct: Flags, exact: NDArray[np.float64]) -> int:
    """How many adversarials fool from nearer than the exact L2 distance."""
    norms = np.where(correct, np.inf, lengths_of(adversarials - inputs))
    return int(is_below(norms, exact, lengths_of(inputs)).sum())


@torch.no_grad()
def _is_correct(module: nn.Module, inputs: Tensor, labels: Tensor, seed: int) -> Flags:
    if getattr(module, "is_randomised", False):
        module.reseed(seed)  # type: ignore[operator]
    predicted = torch.cat([module(batch).argmax(1) for batch in torch.split(inputs, BATCH)])
    return np.asarray((predicted == labels).cpu().numpy(), dtype=bool)


def look(module: nn.Module, inputs: Tensor, labels: Tensor) -> dict[str, NDArray[Any]]:
    """Logits and gradients on clean images."""
    logits, loss_gradients = _gradients(module, inputs, labels, nn.functional.cross_entropy)
    finite = has_answer(torch.from_numpy(logits)).numpy() & np.isfinite(loss_gradients).all(1)
    zero: Flags = np.asarray(~loss_gradients.any(1))
    if zero.any():  # only then is float64 worth its time
        again = torch.from_numpy(np.flatnonzero(zero)).to(inputs.device)
        zero[zero] = ~_margin_gradients(module, inputs[again], labels[again]).any(1)
    sums = np.abs(logits.sum(1) - 1).max()
    saturated = float((logits.max(1) > 1 - 1e-6).mean())
    return {
        "clean_correct": logits.argmax(1) == labels.cpu().numpy(),
        "zero_gradient": zero,
        "non_finite": np.asarray(int((~finite).sum())),
        "outputs_are_probabilities": np.asarray(bool(sums < 1e-4 and logits.min() >= 0 and saturated > 0.01)),
        "margin_below_precision": margins(logits).is_below,
    }


def _gradients(
    module: nn.Module, inputs: Tensor, labels: Tensor, loss: object
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logits (n, classes) and input gradients (n, n_features) of the summed loss."""
    all_logits, all_gradients = [], []
    for x, y in zip(torch.split(inputs, BATCH), torch.split(labels, BATCH), strict=True):
        leaf = x.clone().requires_grad_(True)
        logits = module(leaf)
        value = loss(logits, y, reduction="sum")  # type: ignore[operator]
        (gradient,) = torch.autograd.grad(value, leaf)
        all_logits.append(logits.detach().double().cpu().numpy())
        all_gradients.append(gradient.flatten(1).double().cpu().numpy())
    return np.concatenate(all_logits), np.concatenate(all_gradients)


def _margin_gradients(module: nn.Module, inputs: Tensor, labels: Tensor) -> NDArray[np.float64]:
    """Gradients of the margin loss in float64: a saturated softmax has none in float32, its logits may well have."""
    module = module.double()
    try:
        _, gradients = _gradients(module, inputs.double(), labels, _margin)
    finally:
        module.float()
    return gradients


def _margin(logits: Tensor, labels: Tensor, reduction: str) -> Tensor:  # noqa: ARG001
    own = logits.gather(1, labels[:, None])[:, 0]
    other = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    return (other - own).sum()
