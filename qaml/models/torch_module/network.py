"""The user's module: it is made, and tried out before long computations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from qaml.errors import PartError
from qaml.models.capabilities import Quadratic
from qaml.models.declared import affine_of
from qaml.models.edge import Edge
from qaml.models.factories import called
from qaml.models.points import points_within
from qaml.types import InputInfo

if TYPE_CHECKING:
    from qaml.models.torch_module.part import TorchModule

TRIED = 2
"""Number of points at which a module is tried: with one, an output without a batch would look like one with it."""


def made_by(factory: Callable[..., Any], part: TorchModule, info: InputInfo) -> Edge:
    """Call the factory and wrap its module in ``models.edge``; switches that the factory changed are restored.

    Raises:
        PartError: the factory raises, returns something other than a module, or one that lacks what is declared.
    """
    module = called(factory, part.factory, part.arguments)
    if not isinstance(module, nn.Module):
        raise PartError(f"factory {part.factory!r} returned a {type(module).__name__}, expected a torch.nn.Module")
    if part.observables and not isinstance(module, Quadratic):
        raise PartError(
            f"the module of {part.factory!r} has no method 'observables()', which 'observables: true' declares",
            "return the matrices O_k of xᵀO_kx/‖x‖², of shape (n_classes, n_features, n_features)",
        )
    edge = Edge(module, part.capabilities - {"affine_map"}, part.layout)
    if part.linear:
        edge.offer("affine_map", partial(affine_of, edge, info))
    return edge


def try_out(module: nn.Module, part: TorchModule, info: InputInfo) -> None:
    """Refuse a module that does not map inputs within the bounds to logits, or to logits of another form than declared.

    Raises:
        PartError: the module raises, its output has another shape, or the declared form does not hold.
    """
    was_training, name = module.training, part.factory
    points = points_within(info, TRIED)
    module.eval()
    try:
        with torch.no_grad():
            logits = module(points)
            observables = module.observables() if isinstance(module, Quadratic) else None
    except PartError as error:
        raise PartError(f"the module of {name!r} gives no logits: {error.message}", error.hint) from error
    except Exception as error:
        raise PartError(
            f"the module of {name!r} fails on inputs of shape ({TRIED}, {', '.join(map(str, info.shape))}): "
            f"{type(error).__name__}: {error}"
        ) from error
    finally:
        module.train(was_training)
    expected = (TRIED, info.n_classes)
    if tuple(logits.shape) != expected:
        raise PartError(f"the module of {name!r} returned {tuple(logits.shape)}, expected logits of shape {expected}")
    if observables is not None and not isinstance(observables, Tensor):
        raise PartError(f"'observables()' of {name!r} returned a {type(observables).__name__}, expected a tensor")
