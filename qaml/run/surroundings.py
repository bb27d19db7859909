"""What a step finds around it wherever it runs: Python's own warnings, and one thread."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def warnings_as_python_shows_them() -> Iterator[None]:
    """``filterwarnings = error`` of a test suite is about its own code: a library's warning refutes no claim."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", category)
        yield


def compute_on_one_thread() -> None:
    """Results differ between thread counts, and workers share the cores: a step computes on one thread."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
