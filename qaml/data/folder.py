"""The folder in which datasets' files are looked for."""

from __future__ import annotations

import os
from pathlib import Path

from qaml.files.regular import as_written

DATA_VARIABLE = "QAML_DATA"
MIRROR_VARIABLE = "QAML_MIRROR"


def data_folder(name: str) -> Path:
    """The folder of this name below ``$QAML_DATA``, or below the user's cache folder without the variable."""
    if configured := os.environ.get(DATA_VARIABLE):
        return as_written(configured) / name
    from platformdirs import user_cache_path

    return user_cache_path("qaml") / name
