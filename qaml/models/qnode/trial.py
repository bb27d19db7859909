"""A QNode is tried out before long computations: its outputs, its batches, and the gradient in its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from qaml.errors import PartError
from qaml.models.points import points_within
from qaml.models.qnode.network import INDEX, QNodeClassifier, tape_of
from qaml.types import InputInfo, Module

if TYPE_CHECKING:
    from qaml.models.qnode.part import PennyLane

TRIED = 2
"""Number of points: with one, a mistake about batches would not show."""
AGREEMENT = 1e-3
"""Largest difference between an input's logits alone and in a batch, as a share of the largest logit."""


def try_out(module: Module, part: PennyLane, info: InputInfo) -> None:
    """Refuse a circuit that is no classifier of these inputs.

    Raises:
        PartError: see ``PennyLane.try_out``.
    """
    points, name = points_within(info, TRIED), part.factory
    classifier = _inner(module)
    if not _depends(classifier, points.flatten(1)):
        raise PartError(f"the qnode of {name!r} ignores its inputs", "let gates have angles that depend on 'inputs'")
    together, error = _asked(module, points)
    if part.batched:
        classifier.batched = False
        alone, _ = _asked(module, points)
        classifier.batched = True
        if alone is not None and not _agree(together, alone):
            found = f": {type(error).__name__}: {error}" if error is not None else ""
            raise PartError(f"the qnode of {name!r} answers a batch otherwise than each input alone{found}", INDEX)
    if together is None:
        shape = (TRIED, info.n_features)
        raise PartError(
            f"the qnode of {name!r} fails on inputs of shape {shape}: {type(error).__name__}: {error}"
        ) from error
    if tuple(together.shape) != (TRIED, info.n_classes):
        raise PartError(
            f"the qnode of {name!r} gives {together.numel() // TRIED} logits, expected one for each of "
            f"{info.n_classes} classes",
            "measure one observable a class (two classes need one only), or return qml.probs of as many wires as "
            "number the classes",
        )
    if part.gradients:
        _check_gradient(module, points, part)


def _inner(module: Module) -> Any:
    inner = module.module
    assert isinstance(inner, QNodeClassifier)
    return inner


def _asked(module: Module, points: Tensor) -> tuple[Tensor | None, Exception | None]:
    try:
        with torch.no_grad():
            return module(points), None
    except PartError:
        raise
    except Exception as error:
        return None, error


def _agree(together: Tensor | None, alone: Tensor) -> bool:
    if together is None or together.shape != alone.shape:
        return False
    return bool((together - alone).abs().max() <= AGREEMENT * alone.abs().max().clamp_min(1))


def _depends(classifier: QNodeClassifier, points: Tensor) -> bool:
    """Whether two inputs give different circuits, as far as it can be seen."""
    forms = points[:, None] if classifier.batched else points
    try:
        one, other = (_queued(tape_of(classifier.layer, form)) for form in forms[:2])
    except Exception:  # another look says what is wrong with the form
        return True
    return one != other


def _queued(tape: Any) -> list[object]:
    return [
        (operation.name, tuple(operation.wires), *(torch.as_tensor(value).tolist() for value in operation.data))
        for operation in tape.operations
    ]


def _check_gradient(module: Module, points: Tensor, part: PennyLane) -> None:
    leaf, name = points.clone().requires_grad_(True), part.factory
    hint = "write 'gradients: false' where there is none: then attacks work by transfer and questions"
    try:
        with torch.enable_grad():
            logits = module(leaf)
            (gradient,) = torch.autograd.grad(logits.sum(), leaf, allow_unused=True)
    except PartError:
        raise
    except Exception as error:
        raise PartError(
            f"the qnode of {name!r} has no gradient in its inputs: {type(error).__name__}: {error}", hint
        ) from error
    if gradient is None:
        raise PartError(
            f"the qnode of {name!r} has no gradient in its inputs: backpropagation does not reach them", hint
        )
