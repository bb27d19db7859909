"""Kernels where nothing can be kept: they are compiled each time, and that is said once."""

from __future__ import annotations

import os
import subprocess
import sys

CODE = """
import sys, warnings
import numpy as np
warnings.simplefilter("always")
from qaml.samplers.annealer import kernel
from qaml.quantum.noise import kernel as noise
from qaml.compiled import compiled

@compiled(nogil=True)
def double(x):
    return 2 * x

@compiled("f8(f8)")
def half(x):
    return x / 2

print(double(3), half(3.0), file=sys.stdout)
"""


def test_where_no_folder_can_be_written_kernels_work_and_what_it_costs_is_said_once() -> None:
    environment = os.environ | {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "6 1.5\n", done.stderr
    assert done.stderr.count("compiled kernels cannot be kept") == 1
    assert "set NUMBA_CACHE_DIR to a folder that" in done.stderr
