"""Uniform noise, the worst of some draws."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from qaml.attacks.access import access, chunks, is_fooled
from qaml.attacks.base import AttackResult, Progress, Target
from qaml.attacks.geometry import project, random_perturbations
from qaml.attacks.noise.part import UniformNoise


def attack(
    part: UniformNoise, target: Target, inputs: Tensor, labels: Tensor, seed: int, progress: Progress
) -> AttackResult:
    """Perturb every input at every budget; see ``AttackPart.run``."""
    inputs = inputs.float()
    adversarials = np.empty((len(part.grid), *inputs.shape), dtype=np.float32)
    claimed = np.zeros((len(part.grid), len(inputs)), dtype=np.bool_)
    generator = torch.Generator().manual_seed(seed)
    pieces = chunks(len(inputs))
    with access(target, inputs, labels, seed) as module:
        for number, piece in enumerate(pieces):
            for index, epsilon in enumerate(part.grid):
                found, fooled = _worst_draw(part, target, module, inputs[piece], labels[piece], epsilon, generator)
                adversarials[index, piece] = found.cpu().numpy()
                claimed[index, piece] = fooled.cpu().numpy()
                progress((number + (index + 1) / len(part.grid)) / len(pieces))
    return AttackResult(adversarials, claimed)


def _worst_draw(
    part: UniformNoise,
    target: Target,
    module: nn.Module,
    clean: Tensor,
    labels: Tensor,
    epsilon: float,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    found = clean.clone()
    fooled = torch.zeros(len(clean), dtype=torch.bool, device=clean.device)
    for _ in range(part.draws if epsilon > 0 else 0):
        rows = (~fooled).nonzero().squeeze(1)
        if not len(rows):
            break
        # drawn for every input, so that a draw does not depend on which others were fooled before
        noise = random_perturbations(clean, epsilon, part.norm, generator)[rows]
        found[rows] = project(clean[rows] + noise, clean[rows], epsilon, part.norm, target.bounds)
        fooled[rows] = is_fooled(module, found[rows], labels[rows])
    return found, fooled if epsilon > 0 else is_fooled(module, clean, labels)
