"""A stranger's arrays: healthy ones raise no alarm, and mistakes in them are found."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine

from qaml.data.base import DatasetPart
from qaml.doctor.chart import Chart
from qaml.doctor.datasets import examine_dataset
from qaml.doctor.models import examine_model
from qaml.doctor.patient import patient_of
from qaml.models.base import ModelPart
from qaml.types import AnyArray


def arrays(folder: Path, inputs: AnyArray, labels: AnyArray, **fields: Any) -> DatasetPart:
    path = folder / "own.npz"
    np.savez(path, inputs=inputs, labels=labels)
    file = {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    spec = {"kind": "arrays", "file": file, "split": {"test_share": 0.3}, "classes": len(np.unique(labels)), **fields}
    return DatasetPart.model_validate_json(json.dumps(spec))


def digits() -> tuple[AnyArray, AnyArray]:
    inputs, labels = load_digits(return_X_y=True)
    return inputs.reshape(-1, 1, 8, 8).astype(np.float32), labels.astype(np.int64)


def wine() -> tuple[AnyArray, AnyArray]:
    inputs, labels = load_wine(return_X_y=True)
    return inputs.astype(np.float32), labels.astype(np.int64)


def examined(part: DatasetPart) -> list[str]:
    chart = Chart()
    examine_dataset(part, chart)
    return [each.fault for each in chart.seen]


@pytest.mark.parametrize(
    "transforms",
    [
        (),
        ({"kind": "standardise"},),
        ({"kind": "pca", "components": 4},),
        ({"kind": "standardise"}, {"kind": "pca", "components": 4}, {"kind": "rescale", "bounds": [0, "pi"]}),
    ],
    ids=len,
)
def test_features_without_bounds_raise_no_alarm(tmp_path: Path, transforms: tuple[dict[str, Any], ...]) -> None:
    data = arrays(tmp_path, *wine(), shape=[13], bounds="none", transforms=list(transforms))
    assert not examined(data)
    for text in ('{"kind": "kernel_svm"}', '{"kind": "linear", "training": {"lr": 0.01, "epochs": 50}}'):
        chart = Chart()
        examine_model(patient_of(ModelPart.model_validate_json(text), data), chart)
        assert not chart.seen, chart.seen


def test_images_of_bytes_raise_no_alarm(tmp_path: Path) -> None:
    inputs, labels = digits()
    data = arrays(tmp_path, inputs, labels, shape=[1, 8, 8], bounds=[0, 16])
    assert not examined(data)
    chart = Chart()
    memory = '{"kind": "dense_memory", "power": 2, "memories": 50, "training": {"epochs": 5, "batch": 100}}'
    examine_model(patient_of(ModelPart.model_validate_json(memory), data), chart)
    assert not chart.seen


def test_values_of_another_scale_than_declared_are_found(tmp_path: Path) -> None:
    inputs, labels = digits()
    assert examined(arrays(tmp_path, inputs / 16, labels, shape=[1, 8, 8], bounds=[0, 255])) == ["values_off_scale"]
    assert examined(arrays(tmp_path, inputs, labels, shape=[1, 8, 8], bounds=[0, 1])) == ["data_unreadable"]


def test_labels_that_do_not_belong_to_their_inputs_are_found(tmp_path: Path) -> None:
    inputs, labels = digits()
    wrong = np.random.default_rng(0).permutation(labels)
    assert examined(arrays(tmp_path, inputs, wrong, shape=[1, 8, 8], bounds=[0, 16])) == ["labels_unrelated"]


def test_a_file_that_is_gone_is_found(tmp_path: Path) -> None:
    data = arrays(tmp_path, *digits(), shape=[1, 8, 8], bounds=[0, 16])
    (tmp_path / "own.npz").unlink()
    assert examined(data) == ["data_unreadable"]


def rare(informative: float) -> tuple[AnyArray, AnyArray]:
    """One class in ten, of which the inputs say so little that always guessing the other one is hard to beat."""
    rng = np.random.default_rng(1)
    labels = (rng.uniform(size=2500) < 0.1).astype(np.int64)
    inputs = rng.normal(0, 1, (2500, 5)) + informative * labels[:, None]
    return inputs.astype(np.float32), labels


def test_a_rare_class_that_is_hard_to_tell_raises_no_alarm(tmp_path: Path) -> None:
    data = arrays(tmp_path, *rare(0.5), shape=[5], bounds="none")
    assert not examined(data)
    for text in ('{"kind": "linear", "training": {"lr": 0.01, "epochs": 50}}', '{"kind": "fnn", "hidden": [32, 16]}'):
        chart = Chart()
        examine_model(patient_of(ModelPart.model_validate_json(text), data), chart)
        assert not chart.seen, chart.seen


def test_a_rare_class_of_which_inputs_say_nothing_is_found(tmp_path: Path) -> None:
    assert examined(arrays(tmp_path, *rare(0.0), shape=[5], bounds="none")) == ["labels_unrelated"]
