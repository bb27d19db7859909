"""Checkpoints: read back equal, replaced in one move, damage starts over."""

from pathlib import Path

import numpy as np

from qaml.models.base import Checkpoint
from qaml.run.checkpoint import Checkpoints


def test_a_checkpoint_is_read_back_equal(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    arrays = {
        "weights": generator.standard_normal((3, 4)).astype(np.float32),
        "step": np.asarray(7),
        "state": generator.integers(0, 255, 16).astype(np.uint8),
        "view": np.arange(12.0).reshape(3, 4).T,
    }
    checkpoints = Checkpoints(tmp_path / "c", 0.0)
    checkpoints.offer(Checkpoint(5, arrays, {"loss": [1.0, 0.5]}))
    read = Checkpoints(tmp_path / "c", 0.0).read()
    assert read is not None
    assert (read.epoch, read.history) == (5, {"loss": [1.0, 0.5]})
    assert set(read.arrays) == set(arrays)
    for name, array in arrays.items():
        assert (read.arrays[name].dtype, read.arrays[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(read.arrays[name], array)


def test_the_interval_is_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "c", 1000.0)
    checkpoints.offer(Checkpoint(1, {"a": np.zeros(1)}, {}))
    assert checkpoints.read() is None


def test_a_damaged_checkpoint_starts_over(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "c", 0.0)
    checkpoints.write(Checkpoint(1, {"a": np.zeros(100)}, {}))
    checkpoints.path.write_bytes(checkpoints.path.read_bytes()[:40])
    assert checkpoints.read() is None
    checkpoints.clear()
    assert not checkpoints.folder.exists()
