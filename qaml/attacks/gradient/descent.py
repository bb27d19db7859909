"""Gradient attacks on foolbox's descent, with corrections where its weaknesses would make an attack look harmless."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, TypeVar

import eagerpy
import numpy as np
import torch
from torch import Tensor, nn

from qaml.attacks.access import View, access, as_it_is, check_gradients, chunks, is_fooled
from qaml.attacks.base import AttackResult, LogitScale, Progress, Target
from qaml.attacks.engine import foolbox, library_count, library_model
from qaml.attacks.estimated import PARAMETER_SHIFT, Meter, estimated, finite_difference
from qaml.attacks.geometry import project
from qaml.attacks.gradient.part import FGSM, MIM, PGD, GradientAttack
from qaml.attacks.scale import cross_entropy, measure
from qaml.errors import PartError
from qaml.models.capabilities import Averaging
from qaml.types import Bounds, IntArray

T = TypeVar("T")


def attack(
    part: GradientAttack, target: Target, inputs: Tensor, labels: Tensor, seed: int, progress: Progress
) -> AttackResult:
    """Attack every input at every budget; see ``AttackPart.run``."""
    inputs = inputs.float()
    adversarials = np.empty((len(part.grid), *inputs.shape), dtype=np.float32)
    claimed = np.zeros((len(part.grid), len(inputs)), dtype=np.bool_)
    queries = np.zeros(claimed.shape, dtype=np.int64)
    pieces, meter = chunks(len(inputs)), Meter(part.shots)
    with access(target, inputs, labels, seed, part.eot, _view(part, meter)) as module:
        model = library_model(module, target.bounds, inputs.device)
        scale = measure(module, inputs) if part.rescale and part.loss == "cross_entropy" else None
        for number, piece in enumerate(pieces):
            spent = np.zeros(len(inputs[piece]), dtype=np.int64)
            batch = _Batch(part, target.bounds, module, model, inputs[piece], labels[piece], scale, meter, spent)
            answer = _answers(batch)
            for index, epsilon in enumerate(part.grid):
                found = batch.clean if epsilon == 0 else answer(epsilon)
                queries[index, piece] = spent
                spent[:] = 0
                adversarials[index, piece] = found.cpu().numpy()
                if target.is_counted:
                    claimed[index, piece] = library_count(model, found, batch.labels).cpu().numpy()
                progress((number + (index + 1) / len(part.grid)) / len(pieces))
    if not part.is_estimated:
        return AttackResult(adversarials, claimed, scale=scale)
    shots = None if part.shots is None else queries * part.shots
    return AttackResult(adversarials, claimed, scale=scale, queries=queries, spent=shots)


def _answers(batch: _Batch) -> Callable[[float], Tensor]:
    """Budget → adversarials.

    Raises:
        PartError: the logits do not depend differentiably on the inputs.
    """
    make = _one_step if isinstance(batch.part, FGSM) else _many_steps

    def explained(call: Callable[[], T]) -> T:
        try:
            return call()
        except RuntimeError:
            check_gradients(batch.module, batch.clean)
            raise

    answer = explained(lambda: make(batch))
    return lambda epsilon: explained(lambda: answer(epsilon))


def _view(part: GradientAttack, meter: Meter) -> View:
    """The classifier that the attacker differentiates."""
    if part.gradient == "exact":
        return exact_average
    if part.gradient == "parameter_shift":
        return partial(estimated, rule=PARAMETER_SHIFT, meter=meter)
    if part.gradient == "finite_difference":
        return partial(estimated, rule=finite_difference(part.difference), meter=meter)
    return as_it_is


def exact_average(module: nn.Module) -> nn.Module:
    """The randomised classifier averaged over its draws.

    Raises:
        PartError: the classifier has no exact average.
    """
    if not isinstance(module, Averaging):
        raise PartError("this classifier's draws have no exact average", "attack it with 'eot', the mean of some draws")
    return module.averaged()


class _Batch(NamedTuple):
    """Some clean inputs, what is needed to attack them, and the circuits that each of them has cost."""

    part: GradientAttack
    bounds: Bounds
    module: nn.Module
    model: Any
    clean: Tensor
    labels: Tensor
    scale: LogitScale | None
    meter: Meter
    spent: IntArray

    @contextmanager
    def counted(self, rows: Tensor | slice) -> Iterator[None]:
        """Count the circuits that are evaluated inside the block as those of these rows."""
        before = self.meter.circuits
        yield
        self.spent[rows if isinstance(rows, slice) else rows.cpu().numpy()] += self.meter.circuits - before

    def engine(self, step: float) -> Any:
        """Foolbox's attack with the loss that is maximised."""
        engine = _engine(self.part, step)
        if self.part.loss == "margin":
            engine.get_loss_fn = _margin_loss
        elif self.scale is not None:
            engine.get_loss_fn = partial(_cross_entropy_loss, scale=self.scale.factor)
        return engine

    def project(self, perturbed: Tensor, epsilon: float, rows: Tensor | slice = slice(None)) -> Tensor:
        return project(perturbed.detach(), self.clean[rows], epsilon, self.part.threat_norm, self.bounds)


def _one_step(batch: _Batch) -> Callable[[float], Tensor]:
    """Attack at every budget with a single gradient."""
    engine = batch.engine(1.0)
    loss = engine.get_loss_fn(batch.model, _wrap(batch.labels))
    with batch.counted(slice(None)):
        _, gradient = engine.value_and_grad(loss, _wrap(batch.clean))
    direction = engine.normalize(gradient, x=gradient, bounds=batch.model.bounds).raw
    return lambda epsilon: batch.project(batch.clean + epsilon * direction, epsilon)


def _many_steps(batch: _Batch) -> Callable[[float], Tensor]:
    return lambda epsilon: _worst_start(batch, epsilon)


def _worst_start(batch: _Batch, epsilon: float) -> Tensor:
    engine = batch.engine(batch.part.step_size(epsilon))

    def start(rows: Tensor | slice) -> Tensor:
        criterion = foolbox.Misclassification(batch.labels[rows])
        with batch.counted(rows):
            found = engine.run(batch.model, batch.clean[rows], criterion, epsilon=epsilon)
        return batch.project(found, epsilon, rows)

    found = start(slice(None))
    for _ in range(batch.part.restarts - 1 if isinstance(batch.part, PGD) else 0):
        robust = (~is_fooled(batch.module, found, batch.labels)).nonzero().squeeze(1)
        if not len(robust):
            break
        found[robust] = start(robust)
    return found


def _engine(part: GradientAttack, step: float) -> Any:
    settings = {
        "rel_stepsize": 1.0,
        "abs_stepsize": step,
        "steps": part.n_steps,
        "random_start": isinstance(part, PGD) and part.random_start,
    }
    if isinstance(part, MIM):
        engine = _MOMENTUM[part.norm](momentum=part.decay, **settings)
        # accumulates gradients over their L1 norm (Dong et al. 2018, eq. 6 and section 3.3); foolbox takes their signs
        engine.normalize = partial(_scaled, p=1)
        return engine
    engine = _DESCENT[part.norm](**settings)
    if part.norm == "l2":
        engine.normalize = partial(_scaled, p=2)
    return engine


def _margin_loss(model: Any, labels: Any) -> Callable[[Any], Any]:
    rows = labels.raw[:, None]

    def loss(inputs: Any) -> Any:
        logits: Tensor = model(inputs).raw
        others = logits.scatter(1, rows, -torch.inf).amax(1)
        return _wrap((others - logits.gather(1, rows).squeeze(1)).sum())

    return loss


def _cross_entropy_loss(model: Any, labels: Any, scale: float) -> Callable[[Any], Any]:
    def loss(inputs: Any) -> Any:
        return _wrap(cross_entropy(model(inputs).raw, labels.raw, scale).sum())

    return loss


def _wrap(tensor: Tensor) -> Any:
    return eagerpy.astensor(tensor)


def _scaled(gradients: Any, *, p: float, x: Any, bounds: Any) -> Any:  # noqa: ARG001
    """Gradients of norm p; divided by their largest entry first, for 1e-25 squared is zero in float32, and foolbox's
    floor of 1e-12 turns the steps of a confident network into none."""  # noqa: D205, D209
    raw: Tensor = gradients.raw.flatten(1)
    raw = raw / raw.abs().amax(1, keepdim=True).clamp(min=torch.finfo(raw.dtype).tiny)
    raw = raw / torch.linalg.vector_norm(raw, ord=p, dim=1, keepdim=True).clamp(min=1e-12)
    return _wrap(raw.reshape(gradients.shape))


_DESCENT = {"linf": foolbox.attacks.LinfBasicIterativeAttack, "l2": foolbox.attacks.L2BasicIterativeAttack}
_MOMENTUM = {
    "linf": foolbox.attacks.LinfMomentumIterativeFastGradientMethod,
    "l2": foolbox.attacks.L2MomentumIterativeFastGradientMethod,
}
