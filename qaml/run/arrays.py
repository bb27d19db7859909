"""Arrays on disk: npz without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write named arrays (numbers become arrays without dimensions)."""
    np.savez(path, allow_pickle=False, **{name: np.asarray(array) for name, array in arrays.items()})


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Every array of a file, by name."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
