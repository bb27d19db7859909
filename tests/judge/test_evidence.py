"""Evidence read from artefacts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from qaml.errors import PartError
from qaml.judge.evidence import StoreSource
from qaml.plan.role import Role
from qaml.run.arrays import write_arrays


def source(folder: Path, predicted: list[int]) -> StoreSource:
    """One model with two training runs, the second of which answers several classes, and a diagnosis of the first."""
    n = len(predicted)
    right = np.ones(n, dtype=bool)
    flags = dict.fromkeys(("clean_correct", "zero_gradient", "margin_below_precision", "correct_pgd"), right)
    files: dict[Role, dict[str, object]] = {
        Role("clean", "rbm", replicate=0): {
            "correct": np.ones((1, n)),
            "indices": np.arange(n),
            "draws": 1,
            "predicted": np.array([predicted]),
        },
        Role("clean", "rbm", replicate=1): {
            "correct": np.ones((1, n)),
            "indices": np.arange(n),
            "draws": 1,
            "predicted": np.arange(n)[None],
        },
        Role("battery", "rbm", "pgd"): {
            **flags,
            "epsilon": 0.1,
            "indices": np.arange(n),
            "non_finite": 0,
            "outside": 0,
            "below_exact": 2,
            "outputs_are_probabilities": False,
        },
        Role("exact", "rbm", "deepfool"): {
            "indices": np.arange(n),
            "found": np.full(n, 1.1),
            "exact": np.full(n, 1.0),
            "lengths": np.full(n, 8.0),
        },
        Role("exact", "rbm", "wrapped"): {name: np.zeros(0) for name in ("indices", "found", "exact", "lengths")},
    }
    for role, arrays in files.items():
        write_arrays(folder / f"{role}.npz", {name: np.asarray(value) for name, value in arrays.items()})
    return StoreSource(dict.fromkeys(files, "key"), lambda role, _: folder / f"{role}.npz", {}, {})


@pytest.mark.parametrize(("predicted", "is_constant"), [([3, 3, 3], True), ([3, 3, 4], False)])
def test_a_model_of_one_answer_is_noticed(tmp_path: Path, predicted: list[int], is_constant: bool) -> None:
    diagnosis = source(tmp_path, predicted).diagnosis("rbm", "pgd")
    assert diagnosis is not None
    assert diagnosis.is_constant == is_constant
    assert diagnosis.planted_missed is None
    assert set(diagnosis.correct) == {"pgd"}


def test_runs_are_stacked_in_order(tmp_path: Path) -> None:
    clean = source(tmp_path, [0, 1]).clean("rbm")
    assert clean.correct.shape == (2, 2)
    assert clean.draws == 1
    assert source(tmp_path, [0, 1]).diagnosis("rbm", "fgsm") is None


def test_exact_distances_are_read_where_the_model_had_them(tmp_path: Path) -> None:
    made = source(tmp_path, [0, 1])
    diagnosis = made.diagnosis("rbm", "pgd")
    assert diagnosis is not None
    assert diagnosis.below_exact == 2
    distances = made.distances("rbm", "deepfool")
    assert distances is not None
    assert distances.found.tolist() == [1.1, 1.1]
    assert made.distances("rbm", "wrapped") is None
    assert made.distances("rbm", "pgd") is None


def test_a_parameter_that_a_model_lacks_names_those_it_has(tmp_path: Path) -> None:
    save_file(
        {"weights": np.ones((2, 3), np.float32), "bias": np.zeros(3, np.float32)}, tmp_path / "weights.safetensors"
    )
    source = StoreSource({Role("train", "net", replicate=0): "key"}, lambda _, name: tmp_path / name, {}, {})
    assert source.parameter("net", "bias") == ((0.0, 0.0, 0.0),)
    with pytest.raises(PartError, match="model 'net' has no parameter 'weight'") as caught:
        source.parameter("net", "weight")
    assert caught.value.hint == "did you mean 'weights'? its parameters: bias, weights"
