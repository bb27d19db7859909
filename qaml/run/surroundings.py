"""Settings that a step has wherever it runs: Python's own filters of warnings, and one thread."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from qaml.process_state import cores

if TYPE_CHECKING:
    from threadpoolctl import LibController, ThreadpoolController

VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Environment variables from which libraries that are loaded during a step take their number of threads."""
ONE_THREAD = dict.fromkeys((*VARIABLES, "NUMBA_NUM_THREADS"), "1")
"""Variables of a process that only runs steps; in other processes numba would refuse another number later."""


@contextmanager
def warnings_as_python_shows_them() -> Iterator[None]:
    """Use Python's default filters: a test suite's ``filterwarnings = error`` must not apply to libraries."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", category)
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: results differ between numbers of threads, and workers share the cores.

    Afterwards other code of this process has its own numbers of threads again, also in libraries that the block was the
    first to load.
    """
    variables = {name: os.environ.get(name) for name in VARIABLES}
    torch = sys.modules["torch"].get_num_threads() if "torch" in sys.modules else None
    loaded = _libraries(frozenset(sys.modules))
    try:
        with loaded.limit(limits=1):
            os.environ.update(dict.fromkeys(VARIABLES, "1"))
            _set_torch_threads(1)
            yield
    finally:
        for name, value in variables.items():
            _put(name, value)
        _set_torch_threads(torch or _usual("OMP_NUM_THREADS"))
        known = {library.filepath for library in loaded.lib_controllers}
        for library in _libraries(frozenset(sys.modules)).lib_controllers:
            if library.filepath not in known:
                _set_usual_threads(library)


@lru_cache(maxsize=1)
def _libraries(modules: frozenset[str]) -> ThreadpoolController:  # noqa: ARG001
    """The numerical libraries that are loaded with these modules; cached, as the search takes a small step's time."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _set_usual_threads(library: LibController) -> None:
    if library.user_api == "blas":  # such a library takes no more threads than there are cores
        library.set_num_threads(min(_usual("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), cores()))
    else:
        library.set_num_threads(_usual("OMP_NUM_THREADS"))


def _set_torch_threads(number: int) -> None:
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(number)


def _put(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def _usual(*variables: str) -> int:
    """The number of threads that a library starts with in this environment."""
    given = [os.environ[name] for name in variables if os.environ.get(name, "").isdecimal()]
    return int(given[0]) if given and int(given[0]) else cores()
