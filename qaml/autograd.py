"""Functions with gradients of their own, applied; torch gives ``apply`` no types."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qaml.types import Tensor

if TYPE_CHECKING:
    from torch.autograd import Function


def differentiable(function: type[Function], *arguments: Any) -> Tensor:
    """The value of ``function.forward``, differentiated by ``function.backward``.

    Args:
        function: a function with one result.
        arguments: the arguments of ``forward`` after its context.
    """
    apply: Callable[..., Tensor] = function.apply
    return apply(*arguments)
