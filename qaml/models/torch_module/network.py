"""The user's module: it is made, loaded with weights, and tried out before long computations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from qaml.errors import PartError
from qaml.models.edge import Edge
from qaml.process_state import process_state_kept
from qaml.types import InputInfo


def made_by(factory: Callable[..., Any], name: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Call the factory and wrap its module in ``models.edge``; switches that the factory changed are restored.

    Raises:
        PartError: the factory raises, or returns something other than a module.
    """
    try:
        with process_state_kept():
            module = factory(**arguments)
    except Exception as error:
        raise PartError(f"factory {name!r} failed: {type(error).__name__}: {error}", "check 'arguments'") from error
    if not isinstance(module, nn.Module):
        raise PartError(f"factory {name!r} returned a {type(module).__name__}, expected a torch.nn.Module")
    return Edge(module)


def load_weights(module: nn.Module, content: bytes) -> None:
    """Load the tensors of a safetensors file into the module.

    Raises:
        PartError: the file is damaged, or its names and shapes are not those of the module.
    """
    try:
        module.load_state_dict(load(content))
    except SafetensorError as error:
        raise PartError(f"the weights are no safetensors file: {error}", "save them with safetensors.torch") from error
    except RuntimeError as error:
        raise PartError(f"the weights do not fit the module: {' '.join(str(error).split())}") from error


def try_out(module: nn.Module, name: str, info: InputInfo) -> None:
    """Refuse a module that does not map this dataset's inputs to logits.

    Raises:
        PartError: the module raises, or its output has another shape.
    """
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            logits = module(torch.full((2, *info.shape), info.bounds.closed(0.0, 0.0).low))
    except PartError as error:
        raise PartError(f"the module of {name!r} gives no logits: {error.message}", error.hint) from error
    except Exception as error:
        raise PartError(
            f"the module of {name!r} fails on inputs of shape (2, {', '.join(map(str, info.shape))}): "
            f"{type(error).__name__}: {error}"
        ) from error
    finally:
        module.train(was_training)
    expected = (2, info.n_classes)
    if tuple(logits.shape) != expected:
        raise PartError(f"the module of {name!r} returned {tuple(logits.shape)}, expected logits of shape {expected}")
