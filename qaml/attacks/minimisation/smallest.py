"""Minimising attacks; success and norms are found by predicting and measuring again."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from qaml.attacks.access import access, check_gradients, chunks, is_fooled
from qaml.attacks.base import AttackResult, Progress, Target
from qaml.attacks.carlini_wagner import smallest
from qaml.attacks.engine import foolbox, library_count, library_model
from qaml.attacks.geometry import closed_around, perturbation_norms, single_precision
from qaml.attacks.minimisation.decisions import smallest as decided
from qaml.attacks.minimisation.part import CarliniWagner, DecisionAttack, DeepFool, MinimisationAttack
from qaml.attacks.scale import measure
from qaml.types import Bounds

SLACK = 1.0 + 1e-6
"""A smallest perturbation counts as within a budget up to this factor."""


class _Found(NamedTuple):
    """The smallest adversarials of a batch (clean where there is none), their norms, the library's own, and queries."""

    adversarials: Tensor
    norms: Tensor
    claimed: Tensor
    claimed_norms: Tensor
    queries: Tensor


def attack(
    part: MinimisationAttack, target: Target, inputs: Tensor, labels: Tensor, seed: int, progress: Progress
) -> AttackResult:
    """Find the smallest perturbation of every input; see ``AttackPart.run``."""
    inputs = inputs.float()
    budgets = torch.tensor(part.grid, dtype=torch.float64) * SLACK
    adversarials = np.empty((len(part.grid), *inputs.shape), dtype=np.float32)
    claimed = np.zeros((len(part.grid), len(inputs)), dtype=np.bool_)
    norms = np.empty(len(inputs), dtype=np.float64)
    queries = np.zeros((1, len(inputs)), dtype=np.int64)
    pieces = chunks(len(inputs))
    interval = _interval(part, target.bounds, inputs)
    with access(target, inputs, labels, seed, part.eot) as module:
        if part.needs_gradients:
            check_gradients(module, inputs)
        is_own = isinstance(part, CarliniWagner) and part.variables == "box"  # else foolbox's attack, as it is
        factor = measure(module, inputs).factor if is_own else None
        for number, piece in enumerate(pieces):
            clean = inputs[piece]
            found = _smallest(part, factor, interval, module, clean, labels[piece])
            norms[piece] = found.norms.cpu().numpy()
            queries[0, piece] = found.queries.cpu().numpy()
            for index, budget in enumerate(budgets.tolist()):
                within = (found.norms <= budget).reshape(-1, *[1] * (inputs.ndim - 1))
                adversarials[index, piece] = torch.where(within, found.adversarials, clean).cpu().numpy()
                claimed[index, piece] = (found.claimed & (found.claimed_norms <= budget)).cpu().numpy()
            progress((number + 1) / len(pieces))
    return AttackResult(adversarials, claimed, norms, queries=queries if part.asks is not None else None)


def _interval(part: MinimisationAttack, bounds: Bounds, inputs: Tensor) -> Bounds:
    """The bounds; for a change of variables, which needs an interval, an open side is far beyond the inputs."""
    if bounds.is_finite or not len(inputs) or not isinstance(part, CarliniWagner) or part.variables == "box":
        return bounds
    return closed_around(bounds, inputs, closed_around(bounds, inputs).width)


def _smallest(
    part: MinimisationAttack,
    factor: float | None,
    bounds: Bounds,
    module: torch.nn.Module,
    clean: Tensor,
    labels: Tensor,
) -> _Found:
    model = library_model(module, bounds, clean.device)
    perturbed = clean.clone()
    queries = torch.ones(len(clean), dtype=torch.int64, device=clean.device)
    # an input that is wrong already needs no perturbation, and would only delay the others
    right = (~is_fooled(module, clean, labels)).nonzero().squeeze(1)
    if len(right) and isinstance(part, CarliniWagner) and factor is not None:
        perturbed[right] = smallest(module, clean[right], labels[right], bounds, part, factor)
    elif len(right) and isinstance(part, DecisionAttack):
        perturbed[right], queries[right] = decided(module, clean, labels, right, bounds, part)
    elif len(right):
        criterion = foolbox.Misclassification(labels[right])
        perturbed[right] = _engine(part).run(model, clean[right], criterion).detach()
    claimed = library_count(model, perturbed, labels)
    claimed_norms = perturbation_norms(clean, perturbed, part.threat_norm)

    low, high = single_precision(bounds)
    perturbed = torch.where(torch.isfinite(perturbed), perturbed, clean).clamp(low, high)
    if isinstance(part, CarliniWagner) and factor is None:
        # foolbox answers a black image where it found nothing
        nothing = (perturbed == 0).flatten(1).all(1).reshape(-1, *[1] * (clean.ndim - 1))
        perturbed = torch.where(nothing, clean, perturbed)
    success = is_fooled(module, perturbed, labels)
    norms = torch.where(success, perturbation_norms(clean, perturbed, part.threat_norm), torch.inf)
    kept = torch.where(success.reshape(-1, *[1] * (clean.ndim - 1)), perturbed, clean)
    return _Found(kept, norms, claimed, claimed_norms, queries)


def _engine(part: MinimisationAttack) -> Any:
    if isinstance(part, CarliniWagner):
        return foolbox.attacks.L2CarliniWagnerAttack(
            binary_search_steps=part.binary_search_steps,
            steps=part.steps,
            stepsize=part.step_size,
            confidence=part.confidence,
            initial_const=part.initial_constant,
            abort_early=part.abort_early,
        )
    if isinstance(part, DeepFool):
        attacks = foolbox.attacks
        engine = attacks.L2DeepFoolAttack if part.norm == "l2" else attacks.LinfDeepFoolAttack
        return engine(steps=part.steps, candidates=part.candidates, overshoot=part.overshoot)
    raise TypeError(f"no engine for {type(part).__name__}")
