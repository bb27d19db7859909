"""The adapter to pyautoattack: its attacks are driven one by one, in its [0, 1] box and its shapes.

Its driver is not used: it sets ``sys.settrace`` to None, seeds from the clock, and names only a logger when an attack
does not fit the number of classes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted
from pyautoattack.fab_pt import FABAttack_PT
from pyautoattack.square import SquareAttack
from torch import Tensor, nn

from qaml.attacks.access import access, check_gradients, chunks, is_fooled
from qaml.attacks.autoattack.part import MINIMUM_CLASSES, AutoAttack, Member, standard_members
from qaml.attacks.base import AttackResult, LogitScale, Progress, Target
from qaml.attacks.geometry import closed_around, project
from qaml.attacks.scale import cross_entropy, measure
from qaml.errors import PartError
from qaml.types import Bounds
from qaml.vocab import Norm

_silent = logging.getLogger("qaml.attacks.autoattack")
# qaml reports zero gradients as a validity finding; without a logger they would be a warning
_silent.disabled = True

_NORMS: dict[Norm, str] = {"linf": "Linf", "l2": "L2"}
_SMALLEST_L2_SQUARE = 5


class _Boxed(nn.Module):
    """The classifier on inputs scaled to [0, 1] and, for Square, laid out as images."""

    def __init__(self, module: nn.Module, bounds: Bounds, shape: torch.Size) -> None:
        super().__init__()
        self.module = module
        self.bounds = bounds
        self.shape = shape

    def forward(self, scaled: Tensor) -> Tensor:
        low, high = self.bounds
        inputs = scaled.flatten(1)[:, : self.shape.numel()].reshape(-1, *self.shape)
        # a copy, for Square writes into the logits it is given
        logits: Tensor = self.module((low + (high - low) * inputs).clamp(low, high)).clone()
        return logits


def _without_ties(judge: Callable[..., tuple[Tensor, Tensor]], x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Square's margin z_y − max z_j of each input, twice: Square minimises the value that it judges by.

    A tie or a NaN is no success: with no input left to fool, Square fails on an empty batch.
    """
    margin = judge(x, y)[0]
    # finite, for Square multiplies by zero and one where it means to choose
    margin = torch.where(torch.isnan(margin), 1e30, margin)
    margin = torch.where(margin == 0, torch.finfo(margin.dtype).tiny, margin)
    return margin, margin


def attack(
    part: AutoAttack, target: Target, inputs: Tensor, labels: Tensor, seed: int, progress: Progress
) -> AttackResult:
    """Attack every input at every budget; see ``AttackPart.run``."""
    inputs = inputs.float()
    if len(inputs):  # its attacks need an interval to be scaled to [0, 1]
        target = target._replace(bounds=closed_around(target.bounds, inputs, max(part.grid)))
    members = _members(part, target, inputs.shape[1:])
    adversarials = np.empty((len(part.grid), *inputs.shape), dtype=np.float32)
    claimed = np.zeros((len(part.grid), len(inputs)), dtype=np.bool_)
    pieces = chunks(len(inputs))
    with access(target, inputs, labels, seed, part.eot) as module:
        if part.needs_gradients:
            check_gradients(module, inputs)
        scale = measure(module, inputs) if part.rescale and "apgd_ce" in members else None
        for number, piece in enumerate(pieces):
            for index, epsilon in enumerate(part.grid):

                def report(share: float, done: float = number + index / len(part.grid)) -> None:
                    progress((done + share / len(part.grid)) / len(pieces))

                batch = _Batch(part, target, module, inputs[piece], labels[piece], epsilon, seed, scale)
                found, fooled = batch.run(members if epsilon > 0 else (), report)
                adversarials[index, piece] = found.cpu().numpy()
                claimed[index, piece] = fooled.cpu().numpy()
    return AttackResult(adversarials, claimed, scale=scale)


def _members(part: AutoAttack, target: Target, shape: torch.Size) -> tuple[Member, ...]:
    members = part.members if part.members is not None else standard_members(target.n_classes)
    for member in members:
        if target.n_classes < MINIMUM_CLASSES[member]:
            raise PartError(
                f"autoattack's {member} needs {MINIMUM_CLASSES[member]} classes, got {target.n_classes}",
                f"members for {target.n_classes} classes: {', '.join(standard_members(target.n_classes))}",
            )
    if part.norm == "l2" and (len(shape) != 3 or min(shape[1:]) < _SMALLEST_L2_SQUARE):
        # its L2 squares are a fifth of the image
        if part.members is not None and "square" in part.members:
            raise PartError(f"autoattack's square needs images of 5×5 or more in l2, got {tuple(shape)}")
        members = tuple(member for member in members if member != "square")
    return members


class _Batch:
    """Some clean inputs at one budget."""

    def __init__(
        self,
        part: AutoAttack,
        target: Target,
        module: nn.Module,
        clean: Tensor,
        labels: Tensor,
        epsilon: float,
        seed: int,
        scale: LogitScale | None,
    ) -> None:
        self.part, self.target, self.module = part, target, module
        self.clean, self.labels = clean, labels
        self.epsilon, self.seed, self.scale = epsilon, seed, scale

    def run(self, members: tuple[Member, ...], report: Callable[[float], None]) -> tuple[Tensor, Tensor]:
        """Run each attack on the inputs still classified correctly; return adversarials and which inputs they fool."""
        found = self.clean.clone()
        fooled = is_fooled(self.module, found, self.labels)
        for number, member in enumerate(members):
            rows = (~fooled).nonzero().squeeze(1)
            if len(rows):
                candidates = self._attack(member, self.clean[rows], self.labels[rows])
                won = is_fooled(self.module, candidates, self.labels[rows])
                found[rows[won]] = candidates[won]
                fooled[rows[won]] = True
            report((number + 1) / len(members))
        return found, fooled

    def _attack(self, member: Member, clean: Tensor, labels: Tensor) -> Tensor:
        low, high = self.target.bounds
        scaled = ((clean - low) / (high - low)).clamp(0, 1).contiguous()
        if member == "square":
            scaled = _as_image(scaled)
        engine = self._engine(member, _Boxed(self.module, self.target.bounds, clean.shape[1:]), clean.device)
        answer = engine.perturb(scaled, labels).detach().flatten(1)[:, : clean[0].numel()].reshape(clean.shape)
        return project(low + (high - low) * answer, clean, self.epsilon, self.part.norm, self.target.bounds)

    def _engine(self, member: Member, boxed: nn.Module, device: torch.device) -> Any:
        part, (low, high) = self.part, self.target.bounds
        settings = {
            "norm": _NORMS[part.norm],
            "eps": self.epsilon / (high - low),
            "seed": self.seed % 2**63,
            "device": device,
            "verbose": False,
        }
        if member == "square":
            engine = SquareAttack(boxed, n_queries=part.queries, resc_schedule=part.queries < 5000, **settings)
            engine.margin_and_loss = partial(_without_ties, engine.margin_and_loss)
            return engine
        settings |= {"n_iter": part.steps, "n_restarts": part.restarts}
        n_targets = min(self.target.n_classes - 1, 9)
        if member in ("fab", "fab_t"):
            return FABAttack_PT(boxed, targeted=member == "fab_t", n_target_classes=n_targets, **settings)
        if member == "apgd_t":
            return APGDAttack_targeted(boxed, n_target_classes=n_targets, logger=_silent, **settings)
        if member == "apgd_ce" and self.scale is not None:
            engine = APGDAttack(boxed, loss="dlr", logger=_silent, **settings)
            # of scaled logits, in a form that does not saturate, in the place of the DLR loss
            engine.dlr_loss = partial(cross_entropy, scale=self.scale.factor)
            return engine
        return APGDAttack(boxed, loss="ce" if member == "apgd_ce" else "dlr", logger=_silent, **settings)


def _as_image(scaled: Tensor) -> Tensor:
    """(n, features) as one row of pixels; Square never draws the last column, so a dead one is added."""
    if scaled.ndim == 4:
        return scaled
    return nn.functional.pad(scaled.flatten(1), (0, 1), value=0.5).reshape(len(scaled), 1, 1, -1)
