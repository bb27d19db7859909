"""Parts of models and defences are read while specs validate: none of them may import a heavy library."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "numpy",
    "scipy",
    "numba",
    "sklearn",
    "foolbox",
    "pennylane",
    "dwave",
    "dimod",
    "matplotlib",
    "safetensors",
)


@pytest.mark.parametrize("family", ["models.base import MODELS", "defences.base import DEFENCES"])
def test_loading_every_part_imports_no_heavy_library(family: str) -> None:
    registry = family.split()[-1]
    code = (
        f"import sys; from qaml.{family}\n"
        f"for kind in {registry}.kinds(): {registry}.load(kind).model_json_schema()\n"
        f"print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
