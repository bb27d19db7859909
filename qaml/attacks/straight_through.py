"""Backward pass differentiable approximation with the identity (Athalye et al. 2018, section 4.1, arXiv 1802.00420).

Values stay as they are; only gradients pass where rounding, a sign, a clamp, a cast to integers or a ``detach`` would
stop them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_STEPS = ("round", "floor", "ceil", "trunc", "fix", "sign", "sgn")
_CLAMPS = ("clamp", "clip", "clamp_min", "clamp_max", "hardtanh", "relu6")
_CASTS = ("int", "long", "short", "char", "byte", "bool")
_DETACHED = ("detach", "detach_")
_FUNCTIONS: frozenset[Any] = frozenset(
    getattr(owner, name)
    for name in (*_STEPS, *_CLAMPS, *_DETACHED)
    for owner in (torch, Tensor, nn.functional)
    if hasattr(owner, name)
)
_INTEGERS: frozenset[Any] = frozenset(getattr(Tensor, name) for name in _CASTS)
_DATA = cast("Any", Tensor).data.__get__


class _Identity(TorchFunctionMode):
    """Lets gradients pass every operation of a forward pass that would stop them."""

    def __init__(self) -> None:
        super().__init__()
        self.n_replaced = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call the function, and attach its value to its input's gradient."""
        answer = func(*args, **(kwargs or {}))
        source = args[0] if args else None
        if not (isinstance(source, Tensor) and source.requires_grad and source.is_floating_point()):
            return answer
        is_cast = func in _INTEGERS or (
            func is Tensor.to and isinstance(answer, Tensor) and not answer.is_floating_point()
        )
        if (
            not (func in _FUNCTIONS or func == _DATA or is_cast)
            or not isinstance(answer, Tensor)
            or answer.is_complex()
        ):
            return answer
        self.n_replaced += 1
        value = answer.to(source.dtype)
        return source + (value - source).detach_() if value.shape == source.shape else answer


class StraightThrough(nn.Module):
    """A classifier whose values are its own and whose gradients pass through what stops them.

    Args:
        module: (batch, *shape) → logits.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.n_replaced = 0
        """Number of operations that were replaced in the last forward pass."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (batch, *shape) to logits (batch, classes)."""
        mode = _Identity()
        with mode:
            logits: Tensor = self.module(inputs)
        self.n_replaced = mode.n_replaced
        return logits


def stops_gradients(module: nn.Module, inputs: Tensor) -> bool:
    """Whether a forward pass of these inputs (a few will do) holds an operation that the identity can replace.

    A module that fails on the replacements, such as one that looks values up by integers, has none that can be used.
    """
    viewed = StraightThrough(module)
    try:
        with torch.enable_grad():
            viewed(inputs.detach().clone().requires_grad_(True))
    except Exception:
        return False
    return viewed.n_replaced > 0
