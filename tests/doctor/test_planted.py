"""Planted mistakes: each is found, by its name, with its remedy, and nothing else is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from qaml.data.base import DatasetPart
from qaml.data.digits import Digits
from qaml.data.transforms.normalise import Normalise
from qaml.data.transforms.select_classes import SelectClasses
from qaml.data.transforms.subset import Subset
from qaml.doctor import models as examination
from qaml.doctor.chart import Chart
from qaml.doctor.datasets import examine_dataset
from qaml.doctor.faults import FAULTS
from qaml.doctor.models import examine_model
from qaml.doctor.patient import patient_of
from qaml.models.base import ModelPart, Training
from qaml.models.estimator.part import Estimator
from qaml.models.qnode.part import PennyLane
from qaml.models.weights_part import Weights
from tests.doctor.data import Mistake, Mistaken

Own = Callable[..., ModelPart]


class Planted(NamedTuple):
    """A mistake of a model.

    Attributes:
        name: the network.
        faults: what the doctor must see, in this order and nothing else.
        remedy: a piece of the first remedy.
        fields: further settings of the part.
        dataset: its dataset.
    """

    name: str
    faults: tuple[str, ...]
    remedy: str
    fields: Mapping[str, Any] = MappingProxyType({})
    dataset: DatasetPart = Digits()


FROZEN = {"frozen": True}
NORMALISED = Digits(transforms=(Normalise(mean=0.8, std=0.2),))
DARK = Digits(transforms=(Normalise(mean=0.0, std=255.0),))
MODELS = (
    Planted("Softmax", ("outputs_are_probabilities",), "return what goes into the softmax"),
    Planted("OneHot", ("outputs_are_classes",), "before argmax or one_hot"),
    Planted("Argmax", ("wrong_outputs",), "before argmax"),
    Planted("Pair", ("wrong_outputs",), "not a tuple"),
    Planted("OneOutput", ("wrong_outputs",), "torch.cat([torch.zeros_like(z), z], 1)"),
    Planted("BatchMean", ("wrong_outputs",), "once for the whole batch"),
    Planted("Network", ("wrong_outputs",), "7 outputs, the dataset 10 classes", {"arguments": {"classes": 7}}),
    Planted("ChannelsLast", ("channels_last",), "layout: hwc"),
    Planted("FixedBatch", ("fixed_batch",), "inputs.shape[0]"),
    Planted("Squeezing", ("fixed_batch",), "squeeze no batch of one"),
    Planted("Flat", ("fails_on_inputs",), "inputs.flatten(1)"),
    Planted("Raising", ("fails_on_inputs",), "(batch, *shape)"),
    Planted("EvalLeft", ("training_mode",), "let eval() and train() reach every layer"),
    Planted("TrainInForward", ("training_mode",), "call train() nowhere in forward"),
    Planted("FunctionalDropout", ("answers_differ",), "F.dropout(x, p, self.training)"),
    Planted("Noisy", ("answers_differ",), "declare it"),
    Planted("NumpyNoise", ("answers_differ",), "declare it"),
    Planted("PythonNoise", ("answers_differ",), "declare it"),
    Planted("batch_statistics", ("depends_on_batch",), "running statistics"),
    Planted("Centred", ("depends_on_batch",), "running statistics"),
    Planted("BatchMaximum", ("depends_on_batch",), "running statistics"),
    Planted("Counter", ("weights_change",), "in training mode only"),
    Planted("Detached", ("no_gradients",), "leave out detach()"),
    Planted("NoGrad", ("no_gradients",), "no_grad"),
    Planted("Numpy", ("no_gradients",), "numpy"),
    Planted("Rounding", ("zero_gradients",), "BPDA"),
    Planted("Threshold", ("no_gradients",), "comparisons"),
    Planted("RootOfZero", ("nan_gradients",), "add a small number inside"),
    Planted("LogOfZero", ("no_answer",), "clamp before log"),
    Planted("Dead", ("does_not_learn",), "dead units"),
    Planted("Blind", ("does_not_learn",), "dead units"),
    Planted("DividedAgain", ("input_scale",), "divide by 255 what is in [0, 1] already"),
    Planted("Network", ("learning_rate",), "training: {lr: 0.001}", {"training": Training(lr=300.0)}),
    Planted("Network", ("learning_rate",), "training: {lr: 0.001}", {"training": Training(lr=1e-9)}),
    Planted("Network", ("learning_rate",), "training: {lr: ", {"training": Training(optimiser="sgd", lr=1e8)}),
    Planted("Half", ("coarse_logits",), "float32"),
    Planted("Forgetful", ("state_not_saved",), "parameters or buffers"),
    Planted("Unseeded", ("weights_unseeded",), "torch's generator"),
    Planted("self_seeded", ("weights_alike",), "leave out torch.manual_seed"),
    Planted("Diverging", ("training_diverges",), "clamped logarithms"),
    Planted("UntrainableLoss", ("cannot_be_trained",), "repair what the error names"),
    Planted("raising", ("cannot_be_built",), "'arguments'"),
    Planted("nothing", ("cannot_be_built",), "'arguments'"),
    Planted("Netwrok", ("code_missing",), "did you mean 'Network'?"),
    Planted(
        "Network", ("weights_refused",), "expected a file at", {"weights": Weights(path="nowhere", sha256="0" * 64)}
    ),
    Planted("Network", ("weights_refused",), "for this architecture", FROZEN | {"arguments": {"hidden": 32}}),
    Planted("Divided", ("input_scale",), "leave it out of the module", FROZEN),
    Planted("Network", ("input_scale",), "leave 'normalise' out", FROZEN, NORMALISED),
    Planted("Normalising", ("input_scale",), "leave 'normalise' out", FROZEN, NORMALISED),
    Planted("Network", ("input_scale",), "leave 'normalise' out", FROZEN, DARK),
    Planted("Inverted", ("input_scale",), "dark for bright", FROZEN),
    Planted("Transposed", ("input_scale",), "inputs.transpose(2, 3)", FROZEN),
    Planted("Permuted", ("classes_permuted",), "rename what the outputs mean: 0 → 1, 1 → 2", FROZEN),
    Planted("Constant", ("weights_at_chance", "constant_outputs"), "are these weights trained", FROZEN),
    Planted("Steep", ("saturated_logits",), "divide the logits by a temperature", FROZEN),
)


@pytest.mark.parametrize("planted", MODELS, ids=lambda each: f"{each.name}-{each.faults[0]}")
def test_a_mistake_of_a_model_is_found(planted: Planted, own: Own) -> None:
    start, chart = time.process_time(), Chart()
    examine_model(patient_of(own(planted.name, **planted.fields), planted.dataset), chart)
    assert tuple(each.fault for each in chart.seen) == planted.faults, chart.seen
    assert planted.remedy in chart.seen[0].remedy
    assert time.process_time() - start < 10, "seconds of a processor"


QNODES: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    ("angles", {"arguments": {"n_classes": 1}}, "cannot_be_built", "measure one observable a class"),
    ("deaf", {}, "cannot_be_built", "depend on 'inputs'"),
    ("unbatched", {}, "cannot_be_built", "batched: false"),
    ("shots", {}, "cannot_be_built", "no backpropagation"),
    ("detached", {}, "cannot_be_built", "gradients: false"),
    ("amplitudes", {"device": "lightning.qubit"}, "no_gradients", "device: default.qubit"),
)


@pytest.mark.parametrize(("name", "fields", "fault", "remedy"), QNODES, ids=[each[0] for each in QNODES])
def test_a_mistake_of_a_qnode_is_found(name: str, fields: dict[str, Any], fault: str, remedy: str) -> None:
    chart = Chart()
    part = PennyLane(factory=f"tests.models.user_qnodes:{name}", **fields)
    digits = Digits(transforms=(SelectClasses(classes=("0", "1", "2")), Subset(train=16, test=16)))
    examine_model(patient_of(part, digits), chart)
    assert [each.fault for each in chart.seen] == [fault], chart.seen
    assert remedy in chart.seen[0].remedy


ESTIMATORS: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    ("tests.doctor.networks:Guessing", {}, "answers_differ", "switch it off"),
    ("tests.models.own_estimators:Unrepeatable", {}, "state_not_saved", "'random_state'"),
    ("tests.models.own_estimators:Broken", {}, "cannot_be_trained", "'arguments'"),
    ("tests.models.own_estimators:Scores", {"factor": 2.0}, "cannot_be_trained", "'decision_function'"),
    ("tests.models.own_estimators:Centroids", {"answers": 3}, "does_not_learn", "shuffled labels"),
    ("tests.models.own_estimators:nothing", {}, "cannot_be_built", "'arguments'"),
)


@pytest.mark.parametrize(("factory", "arguments", "fault", "remedy"), ESTIMATORS)
def test_a_mistake_of_an_estimator_is_found(factory: str, arguments: dict[str, Any], fault: str, remedy: str) -> None:
    chart = Chart()
    examine_model(patient_of(Estimator(factory=factory, arguments=arguments), Digits()), chart)
    assert [each.fault for each in chart.seen] == [fault], chart.seen
    assert remedy in chart.seen[0].remedy


DATA: tuple[tuple[Mistake, str, str], ...] = (
    ("missing", "data_unreadable", "put it there"),
    ("raising", "data_unreadable", "QAML_DATA"),
    ("nan", "data_refused", "leave these examples out"),
    ("bytes", "data_refused", "divide by 255?"),
    ("tiny", "values_off_scale", "divide once and not twice"),
    ("channels_last", "data_refused", "channels last?"),
    ("class_missing", "data_refused", "leave the class out"),
    ("from_one", "data_refused", "they count from 1? subtract 1"),
    ("shuffled", "labels_unrelated", "shuffle and select both together"),
    ("shuffled_test", "labels_unrelated", "shuffle and select both together"),
    ("repeated", "test_in_training", "leave these examples out of one of the splits"),
    ("few_repeated", "test_in_training", "leave these examples out of one of the splits"),
    ("imbalanced", "imbalanced", "most frequent class"),
    ("changing", "data_changes", "seed what read() draws"),
)


@pytest.mark.parametrize(("mistake", "fault", "remedy"), DATA)
def test_a_mistake_of_a_dataset_is_found(mistake: Mistake, fault: str, remedy: str) -> None:
    chart = Chart()
    examine_dataset(Mistaken(mistake=mistake), chart)
    assert [each.fault for each in chart.seen] == [fault], chart.seen
    assert remedy in chart.seen[0].remedy
    assert (chart.seen[0].gravity == "note") == (mistake in ("few_repeated", "imbalanced"))


def test_too_little_memory_is_found(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "available", lambda: 16 * 2.0**20)
    chart = Chart()
    examine_model(patient_of(own("Greedy"), Digits()), chart)
    assert [each.fault for each in chart.seen] == ["not_enough_memory"]
    assert chart.numbers["memory"] > 128 * 64_000 * 4


def test_every_fault_is_planted() -> None:
    of_models = {name for planted in MODELS for name in planted.faults}
    of_processes = {"code_ended", "too_slow", "changes_process", "budget_too_small", "budget_not_reached"}  # test_visit
    assert of_models | {fault for _, fault, _ in DATA} | of_processes | {"not_enough_memory"} == set(FAULTS)
