"""A circuit that was trained without noise, with channels behind its gates at inference."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from qaml.plan.words import model_in_words
from qaml.quantum.circuit import Channel, Gate
from qaml.run.classifier import as_asked
from qaml.spec.load import load_text
from qaml.spec.suite import Inference
from tests.models.circuit.examples import info_of, module_of, part_of
from tests.models.circuit.test_noise import CHANNELS
from tests.quantum.circuits import assert_same

AFTER = {"cnot": CHANNELS[:2], "ry": CHANNELS[5:]}
LAYERS: list[Any] = [{"repeat": 2, "block": [{"ry": "all", "angles": {"affine": "dense"}}, {"cnot": "ring"}]}]
INPUTS = torch.rand(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(4))


def _at_inference(module: Any, fields: Any) -> Any:
    inference = Inference.model_validate_json(json.dumps({"channels": AFTER}))
    return as_asked(module, {"model": part_of(**fields), "inference": inference})


@pytest.mark.parametrize("layers", [LAYERS, [{"encode": "amplitude"}, {"ry": "all"}, {"cnot": "chain"}, {"ry": "all"}]])
def test_it_is_the_circuit_with_these_channels(layers: list[Any]) -> None:
    fields = {"wires": 3, "layers": layers, "readout": {"z": [0, 2]}}
    module = module_of(fields, info_of(4)).eval().requires_grad_(False)
    before = module(INPUTS)
    noisy, trained = _at_inference(module, fields), module_of({**fields, "channels": AFTER}, info_of(4)).eval()
    trained.load_state_dict(module.state_dict())
    assert_same(noisy(INPUTS.repeat(2, 1)), trained.requires_grad_(False)(INPUTS.repeat(2, 1)))
    assert_same(module(INPUTS), before)
    assert float((noisy(INPUTS) - before).abs().max()) > 0.01
    assert not noisy.is_randomised


def test_on_more_wires_it_is_drawn() -> None:
    fields = {"wires": 7, "layers": LAYERS, "readout": {"z": [0, 2]}, "trajectories": 3}
    noisy = _at_inference(module_of(fields, info_of(4)).eval(), fields)
    assert noisy.is_randomised
    assert noisy.noise.count == 3


def test_channels_of_inference_are_behind_those_of_training() -> None:
    layers: list[Any] = [{"encode": "amplitude"}, {"cz": [[0, 1]]}, {"hadamard": 0}]
    fields = {"layers": layers, "channels": {"cz": CHANNELS[2:3]}}
    found = module_of(fields, info_of(4)).disturbed({"cz": [("phase_flip", (0.1,))]}).described().operations
    flips = [Channel("bit_flip", (wire,), (0.05,)) for wire in (0, 1)]
    phases = [Channel("phase_flip", (wire,), (0.1,)) for wire in (0, 1)]
    assert list(found) == [Gate("cz", (0, 1)), *flips, *phases, Gate("hadamard", (0,))]


def test_the_report_says_what_attacks_see() -> None:
    text = """
suite: noisy
datasets: {points: {kind: moons}}
models:
  clean: {kind: circuit, dataset: points, wires: 2, layers: [{ry: all, angles: {affine: dense}}, {cnot: chain}]}
  noisy: {derive: {from: clean, inference: {channels: {cnot: [{kind: depolarising, probability: 0.01}]}}}}
attacks:
  pgd: {kind: pgd, epsilon: 0.1}
  made-on-clean: {kind: transfer, surrogate: clean, attack: pgd}
claims:
  - {id: c, statement: s, kind: bound, metric: accuracy_under_attack, of: {model: noisy, attack: made-on-clean},
     at_least: 0.1}
"""
    suite = load_text(text, "noisy.yaml", "quick")
    said = model_in_words(suite.models["noisy"])
    assert said.endswith(
        "At inference with channels (cnot (kind depolarising, probability 0.01)), which training did not have; "
        "attacks on it see this noise"
    )
    assert "At inference" not in model_in_words(suite.models["clean"])
