"""Checkpoints of a training run on disk: one safetensors file, replaced in one move, used only if its digest fits."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import time
import uuid
import warnings
from pathlib import Path

from qaml.errors import RunError
from qaml.files.refusals import NotThere, cannot_read, cannot_write, content_of, remove
from qaml.models.base import Checkpoint
from qaml.text import one_line

VARIABLE = "QAML_CHECKPOINT_SECONDS"
INTERVAL = 10.0
"""Seconds between two checkpoints."""

_UNSIGNED = "0" * 64
_DIGEST = re.compile(rb'"qaml_digest":"([0-9a-f]{64})"')
_HEADER = 100_000_000
"""Largest header of a safetensors file, in bytes."""


class Untrue(Exception):
    """A file is not a checkpoint of the run; the message says why."""


def chosen_interval() -> float:
    """Seconds between two checkpoints, from the environment variable or the default.

    Raises:
        RunError: the variable holds no number of at least 0.
    """
    text = os.environ.get(VARIABLE, "").strip()
    try:
        seconds = float(text) if text else INTERVAL
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise RunError(f"{VARIABLE}: expected seconds, a number of at least 0, got {text!r}", "or unset it")
    return seconds


class Checkpoints:
    """The last checkpoint of one run.

    A checkpoint is used exactly as training wrote it, also if weights are not finite, so that a resumed run equals an
    uninterrupted one. A file that has changed since is not used.

    Args:
        folder: the folder of the checkpoint; it is made with the first checkpoint and removed by ``clear``.
        key: key of the training step.
        epochs: number of epochs of the whole run, if it is known.
        interval: seconds between two checkpoints.
    """

    def __init__(self, folder: Path, key: str, epochs: int | None = None, interval: float = INTERVAL) -> None:
        self.folder = folder
        self.key = key
        self.epochs = epochs
        self.interval = interval
        self._last = time.monotonic()

    @property
    def path(self) -> Path:
        """The file of the last checkpoint."""
        return self.folder / "checkpoint.safetensors"

    def offer(self, checkpoint: Checkpoint) -> None:
        """Write the checkpoint if the last one is old enough.

        Raises:
            StoreError: it cannot be written.
        """
        if time.monotonic() - self._last >= self.interval:
            self.write(checkpoint)
            self._last = time.monotonic()

    def write(self, checkpoint: Checkpoint) -> None:
        """Write the checkpoint under a temporary name and move it into place.

        Raises:
            StoreError: it cannot be written; the previous one stays.
        """
        content = _packed(checkpoint, self.key)
        temporary = self.folder / f"writing-{uuid.uuid4().hex}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                temporary.write_bytes(content)
                temporary.replace(self.path)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(self.path, error, "the checkpoint") from error

    def read(self) -> Checkpoint | None:
        """The last checkpoint; ``None`` if there is none, or if it is damaged or another run's, which raises a warning.

        Raises:
            StoreError: the file exists and cannot be read, which does not show that it is damaged.
        """
        try:
            content = content_of(self.path)
        except NotThere:
            if self._is_in_the_way():
                self.distrust("it is no file")
            return None
        try:
            return _unpacked(content, self.key, self.epochs)
        except Untrue as error:
            self.distrust(str(error))
            return None

    def _is_in_the_way(self) -> bool:
        """Whether something other than a folder or a file has the path of the folder or the file."""
        try:
            is_file = self.folder.exists() and not self.folder.is_dir()
            return is_file or self.path.is_symlink() or self.path.exists()
        except OSError as error:
            raise cannot_read(self.path, error) from error

    def distrust(self, why: str) -> None:
        """Warn that the checkpoint is not used, with the reason, and remove it."""
        self.clear()
        message = f"the checkpoint of step {self.key[:12]} is not believed: {why}; training starts over"
        warnings.warn(one_line(message), stacklevel=2)

    def clear(self) -> None:
        """Remove the checkpoint of a run that has finished."""
        remove(self.folder)


def _packed(checkpoint: Checkpoint, key: str) -> bytes:
    """A safetensors file whose header holds a digest of the whole file, computed with zeros in place of the digest."""
    import numpy as np
    from safetensors.numpy import save

    # not ascontiguousarray, which turns a number into an array of one
    arrays = {name: np.asarray(array, order="C") for name, array in checkpoint.arrays.items()}
    history = json.dumps(checkpoint.history)
    about = {"key": key, "epoch": str(checkpoint.epoch), "history": history, "qaml_digest": _UNSIGNED}
    content = save(arrays, metadata=about)
    place = _place_of_digest(content)
    return b"".join([content[: place[0]], _digest(content, place).encode(), content[place[1] :]])


def _place_of_digest(content: bytes) -> tuple[int, int]:
    header = int.from_bytes(content[:8], "little")
    found = _DIGEST.search(content, 8, 8 + header) if header <= _HEADER else None
    if found is None:
        raise Untrue("it has no digest")
    return found.span(1)


def _digest(content: bytes, place: tuple[int, int]) -> str:
    whole = memoryview(content)
    digest = hashlib.sha256(whole[: place[0]])
    digest.update(_UNSIGNED.encode())
    digest.update(whole[place[1] :])
    return digest.hexdigest()


def _unpacked(content: bytes, key: str, epochs: int | None) -> Checkpoint:
    place = _place_of_digest(content)
    if content[slice(*place)].decode() != _digest(content, place):
        raise Untrue("its digest is not that of its content")
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        about = header["__metadata__"]
        epoch, history = int(about["epoch"]), json.loads(about["history"])
        arrays = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Untrue("it does not say what a checkpoint says") from error
    if about.get("key") != key:
        raise Untrue("it is that of another step")
    if not 0 <= epoch <= (epoch if epochs is None else epochs):
        raise Untrue(f"it is of epoch {epoch}, and there are {epochs}")
    if not _is_history(history):
        raise Untrue("its curves are none")
    return Checkpoint(epoch, arrays, history)


def _is_history(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(curve, list) and all(isinstance(point, int | float) for point in curve) for curve in value.values()
    )
