"""Checkpoints of a training run on disk: one safetensors file, replaced in one move."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

from qaml.models.base import Checkpoint


class Checkpoints:
    """The last checkpoint of one run.

    Args:
        folder: made with the first checkpoint, removed by ``clear``.
        interval: seconds between two checkpoints.
    """

    def __init__(self, folder: Path, interval: float) -> None:
        self.folder = folder
        self.interval = interval
        self._last = time.monotonic()

    @property
    def path(self) -> Path:
        """The file of the last checkpoint."""
        return self.folder / "checkpoint.safetensors"

    def offer(self, checkpoint: Checkpoint) -> None:
        """Write the checkpoint if the last one is old enough."""
        if time.monotonic() - self._last >= self.interval:
            self.write(checkpoint)
            self._last = time.monotonic()

    def write(self, checkpoint: Checkpoint) -> None:
        """Write the checkpoint under a temporary name and move it into place."""
        import numpy as np
        from safetensors.numpy import save_file

        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f"writing-{os.getpid()}"
        # not ascontiguousarray, which turns a number into an array of one
        arrays = {name: np.asarray(array, order="C") for name, array in checkpoint.arrays.items()}
        about = {"epoch": str(checkpoint.epoch), "history": json.dumps(checkpoint.history)}
        save_file(arrays, temporary, metadata=about)
        temporary.replace(self.path)

    def read(self) -> Checkpoint | None:
        """The last checkpoint; ``None`` where there is none or it is damaged (then training starts over)."""
        from safetensors import SafetensorError, safe_open

        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="numpy") as file:
                about = file.metadata()
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError):
            return None
        return Checkpoint(int(about["epoch"]), arrays, json.loads(about["history"]))

    def clear(self) -> None:
        """Remove the checkpoint of a run that is done."""
        shutil.rmtree(self.folder, ignore_errors=True)
