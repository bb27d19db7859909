"""Functions compiled to machine code, cached for later processes where a folder can be written."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

REFUSED = "cannot cache function"
"""Numba's message when it finds no folder for its cache."""


def compiled(*signature: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """``numba.njit`` with its cache, or without where neither the installation nor a home folder can be written.

    Args:
        signature: signature of the function, or none to compile it at its first call.
        options: options of ``numba.njit``.
    """
    from numba import njit

    def decorated(function: Callable[..., Any]) -> Any:
        try:
            return njit(*signature, cache=True, **options)(function)
        except RuntimeError as error:
            if REFUSED not in str(error):
                raise
            _tell_once()
            return njit(*signature, **options)(function)

    return decorated


@cache
def _tell_once() -> None:
    warnings.warn(
        "compiled kernels cannot be kept: neither qaml's folder nor one in a home folder can be written, so every "
        "process compiles those that it needs again, some seconds each: set NUMBA_CACHE_DIR to a folder that can be "
        "written",
        RuntimeWarning,
        stacklevel=4,
    )
