"""Arrays of a file: whole, or only the rows that are asked for; and what asking about many images takes of memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qaml.run.arrays import Rows, read_arrays, write_arrays
from tests.campaign.whole import drawn
from tests.run.peak import write

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("shape", [(3, 4, 2, 2), (1, 5, 7), (2, 0, 3), (4, 3)])
def test_rows_are_those_of_the_whole(tmp_path: Path, shape: tuple[int, ...]) -> None:
    whole = np.random.default_rng(0).random(shape).astype(np.float32)
    path = tmp_path / "arrays.npz"
    write_arrays(path, {"before": np.arange(3), "many": whole, "after": 2.5})
    with path.open("rb") as file:
        for merged in (1, 2):
            rows, flat = Rows(file, "many", merged), whole.reshape(-1, *shape[2:]) if merged == 2 else whole
            assert rows.shape == flat.shape
            assert len(rows) == len(flat)
            for chosen in (slice(None), slice(1, 3), slice(2, 100), slice(3, 1), slice(-1, None)):
                np.testing.assert_array_equal(rows[chosen], flat[chosen])
        assert rows[:].dtype == np.float32


def test_the_rest_of_a_file_is_read_without_its_large_array(tmp_path: Path) -> None:
    write_arrays(tmp_path / "arrays.npz", {"large": np.zeros(9), "small": np.arange(3)})
    assert read_arrays(tmp_path / "arrays.npz", without="large").keys() == {"small"}


def test_what_others_wrote_otherwise_is_refused_not_misread(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "compressed.npz", many=np.zeros((9, 9)))
    np.savez(tmp_path / "columns.npz", many=np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    for name, message in (("compressed", "is compressed"), ("columns", "column by column")):
        with (tmp_path / f"{name}.npz").open("rb") as file, pytest.raises(ValueError, match=message):
            Rows(file, "many")


@pytest.mark.parametrize(
    ("images", "runs", "most"),
    [(2000, 1, 0.8), pytest.param(10_000, drawn(2, 5), 0.5, marks=pytest.mark.slow)],
)
def test_asking_about_many_adversarials_takes_a_share_of_their_memory(
    tmp_path: Path, images: int, runs: int, most: float
) -> None:
    """At ten budgets: 314 MB a run of 10,000 images, 1.6 GB in five runs; read whole it was twice their size."""

    write(tmp_path / "adversarials.npz", images, 10)
    size = (tmp_path / "adversarials.npz").stat().st_size / 2**20
    command = [sys.executable, "-m", "tests.run.peak", str(tmp_path), "10", str(runs)]
    taken = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert max(json.loads(taken).values()) < most * size
