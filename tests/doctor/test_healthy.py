"""Healthy models and data: the doctor sees nothing, not even a note."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qaml.data.base import DatasetPart
from qaml.doctor.chart import Chart
from qaml.doctor.datasets import examine_dataset
from qaml.doctor.models import examine_model
from qaml.doctor.patient import patient_of
from qaml.models.base import ModelPart, Training
from qaml.models.factory_part import NoTraining
from tests.doctor.data import Mistaken

DIGITS = '{"kind": "digits"}'
MOONS = '{"kind": "moons"}'
ISING = '{"kind": "tfim"}'
TWO = '{"kind": "digits", "transforms": [{"kind": "select_classes", "classes": [1, 9]}]}'
STATES = TWO.replace("]}", ']}, {"kind": "amplitudes"}', 1)
BINARY = '{"kind": "digits", "transforms": [{"kind": "binarise", "threshold": 0.5}]}'
NORMALISED = '{"kind": "digits", "transforms": [{"kind": "normalise", "mean": 0.3, "std": 0.4}]}'
WIDE = '{"kind": "digits", "transforms": [{"kind": "normalise", "bounds": [0.0, 255.0]}]}'
LAYERS = '{"repeat": 1, "block": [{"rot": "all"}, {"cnot": "ring"}]}'
ZZ = '{"encode": "zz", "pairs": "chain"}'
REUPLOADING = LAYERS.replace('"all"', '"all", "angles": {"affine": "dense"}')
DATA = (DIGITS, MOONS, ISING, TWO, STATES, BINARY, NORMALISED, WIDE)

KINDS = (
    ("linear", DIGITS, '{"kind": "linear"}'),
    ("linear", MOONS, '{"kind": "linear"}'),
    ("rbm", BINARY, '{"kind": "rbm", "hidden": 16, "training": {"epochs": 20, "batch": 10}}'),
    ("convnet", DIGITS, '{"kind": "convnet", "channels": [8, 8, 8], "hidden": 16}'),
    ("resnet18", DIGITS, '{"kind": "resnet18", "width": 4, "stem": "cifar"}'),
    ("fnn", MOONS, '{"kind": "fnn"}'),
    ("huang_cnn", TWO, '{"kind": "huang_cnn", "padding": "same"}'),
    ("quadratic", DIGITS, '{"kind": "quadratic"}'),
    ("quadratic, bounded", DIGITS, '{"kind": "quadratic", "norm_bounded": true}'),
    ("qvc", DIGITS, '{"kind": "qvc", "layers": 8, "wires": 10, "logit_scale": 10}'),
    ("qvc, shallow", TWO, '{"kind": "qvc", "layers": 4}'),
    ("qnn", ISING, '{"kind": "qnn", "layers": 4}'),
    ("qnn, angles", MOONS, '{"kind": "qnn", "layers": 4, "encoding": "angle"}'),
    ("qnn, noise layers", STATES, '{"kind": "qnn", "layers": 4, "noise_layers": {}}'),
    ("qcnn", ISING, '{"kind": "qcnn"}'),
    ("circuit", MOONS, f'{{"kind": "circuit", "wires": 2, "layers": [{REUPLOADING}]}}'),
    ("circuit of amplitudes", TWO, f'{{"kind": "circuit", "layers": [{{"encode": "amplitude"}}, {LAYERS}]}}'),
    ("quantum kernel", MOONS, f'{{"kind": "kernel_svm", "kernel": {{"kind": "fidelity", "layers": [{ZZ}]}}}}'),
    ("forest", DIGITS, '{"kind": "estimator", "factory": "sklearn.ensemble:RandomForestClassifier"}'),
    ("neighbours", MOONS, '{"kind": "estimator", "factory": "sklearn.neighbors:KNeighborsClassifier"}'),
    ("kernel", TWO, '{"kind": "estimator", "factory": "sklearn.svm:SVC"}'),
)
OWN: tuple[tuple[str, str, dict[str, Any]], ...] = (
    *(
        (name, DIGITS, {})
        for name in (
            "Network",
            "dropout",
            "batch_norm",
            "layer_norm",
            "group_norm",
            "log_softmax",
            "tanh_network",
            "float64",
            "Normalising",
            "LargeLogits",
            "ZeroStart",
            "Attention",
            "Recurrent",
            "Cosine",
            "Squares",
            "Kernel",
            "FrozenBackbone",
        )
    ),
    ("features", MOONS, {}),
    ("ChannelsLast", DIGITS, {"layout": "hwc"}),
    ("Rounding", DIGITS, {"gradients": False}),
    ("Network", DIGITS, {"frozen": True, "training": NoTraining()}),
    ("Network", NORMALISED, {}),
    ("Network", WIDE, {}),
    ("Network", DIGITS, {"training": Training(optimiser="sgd", lr=0.1, momentum=0.9)}),
    ("Network", DIGITS, {"training": Training(optimiser="sgd", lr=1e-3, epochs=200)}),
    ("Network", DIGITS, {"training": Training(lr=1e-5, epochs=100)}),
    ("Network", DIGITS, {"training": Training(schedule="one_cycle", lr=1e-2, batch=1000)}),
    ("Network", DIGITS, {"frozen": True}),
    ("Network", DIGITS, {"frozen": True, "fine_tune": True}),
)


def look(part: ModelPart, dataset: str) -> Chart:
    chart = Chart()
    examine_model(patient_of(part, DatasetPart.model_validate_json(dataset)), chart)
    return chart


@pytest.mark.parametrize(("dataset", "part"), [case[1:] for case in KINDS], ids=[case[0] for case in KINDS])
def test_a_healthy_kind_raises_no_alarm(dataset: str, part: str) -> None:
    chart = look(ModelPart.model_validate_json(part), dataset)
    assert not chart.seen
    assert any("learns" in fact for fact in chart.facts)


@pytest.mark.parametrize(("name", "dataset", "fields"), OWN)
def test_a_healthy_module_raises_no_alarm(
    own: Callable[..., ModelPart], name: str, dataset: str, fields: dict[str, Any]
) -> None:
    chart = look(own(name, **fields), dataset)
    assert not chart.seen
    assert chart.numbers["forward"] > 0


@pytest.mark.parametrize("dataset", DATA)
def test_healthy_data_raise_no_alarm(dataset: str) -> None:
    chart = Chart()
    examine_dataset(DatasetPart.model_validate_json(dataset), chart)
    assert not chart.seen


def test_a_healthy_dataset_of_ones_own_raises_no_alarm() -> None:
    chart = Chart()
    examine_dataset(Mistaken(), chart)
    assert not chart.seen
