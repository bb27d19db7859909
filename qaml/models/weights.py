"""Weights of a user's file, loaded into a module."""

from __future__ import annotations

from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from qaml.errors import PartError


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
