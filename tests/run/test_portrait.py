"""Portraits: what is drawn of two features, of states in Hilbert space, and of a circuit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qaml.data.base import load
from qaml.data.moons import Moons
from qaml.models.base import ModelPart
from qaml.models.linear.part import Linear
from qaml.models.noise_layers.part import NoiseLayers
from qaml.models.qnn.part import QNN
from qaml.outcome.drawings import CircuitDrawing
from qaml.quantum.channels import Depolarising
from qaml.report.figures.circuit import sentence
from qaml.run.arrays import write_arrays
from qaml.run.job import Job
from qaml.run.steps import portrait
from qaml.spec.suite import Inference
from tests.models.circuit.examples import info_of, module_of

MOONS = Moons()


def drawn(folder: Path, monkeypatch: pytest.MonkeyPatch, part: ModelPart, **inference: Any) -> dict[str, Any]:
    """Execute the step for an untrained model and eight examples, moved to the right; the content of its file."""
    test = load(MOONS).test
    start, labels = test.inputs[:8], test.labels[:8]
    moved = start + np.array([0.1, 0.0], dtype=np.float32)
    made = {"start": start, "adversarials": moved[None], "labels": labels, "epsilons": np.array([0.1])}
    module = part.build(MOONS.info, 3).eval().requires_grad_(False)
    monkeypatch.setattr(portrait, "trained", lambda *_: module)
    write_arrays(folder / "adversarials.npz", made)
    description = {"dataset": MOONS, "model": part, "inference": Inference(**inference), "defences": []}
    payload = {"classifier": description, "count": 6, "trained_from": 3}
    portrait.execute(Job("k", payload, 0, {}, lambda _, name: folder / name, folder, folder, lambda *_: None))
    content: dict[str, Any] = json.loads((folder / "portrait.json").read_text())
    return content


def test_regions_are_the_models_answers_on_a_grid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = Linear()
    content = drawn(tmp_path, monkeypatch, part)
    (panel,) = content["scatters"]
    low, high = MOONS.info.bounds
    assert len(panel["regions"]) == portrait.CELLS
    corners = torch.tensor([[low, high], [high, high], [low, low], [high, low]])  # from the top
    wanted = torch.softmax(part.build(MOONS.info, 3)(corners).double(), 1)[:, 1]
    seen = [panel["regions"][row][column] for row in (0, -1) for column in (0, -1)]
    assert [int(digit) for digit in seen] == [min(int(10 * p), 9) for p in wanted.tolist()]
    assert len(content["labels"]) == 6
    moved = np.array(panel["attacked"][0]) - np.array(panel["clean"][0])
    np.testing.assert_allclose(moved, 0.1, atol=1e-4)
    assert content["circuit"] is None


def test_a_noisy_circuit_shows_its_states_and_its_gates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = QNN(wires=2, layers=2, noise_layers=NoiseLayers())
    content = drawn(tmp_path, monkeypatch, part, decision="exact")
    titles = [panel["title"] for panel in content["scatters"]]
    assert titles[0] == "decision regions"
    assert [title for title in titles if title.startswith("measured wire")] == [
        "measured wire, before training",
        "measured wire, after training",
    ]
    before, after = content["scatters"][-2:]
    assert before["attacked"] is None
    assert before["clean"] == after["clean"]  # the same weights and draws: it was never trained
    lengths = np.linalg.norm(after["clean"], axis=0)
    assert lengths.max() <= 1 + 1e-5
    gates = content["circuit"]["gates"]
    assert gates[:5] == ["~ry 0", "~ry 1", "rot 0", "rot 1", "cnot 0 1"]
    assert content["circuit"]["n_gates"] == len(gates) == 10
    assert content["circuit"]["measured"] == [0]


def test_a_circuit_behind_channels_has_no_pure_state_to_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = QNN(wires=2, layers=2, channels=(Depolarising(probability=0.1),))
    titles = [panel["title"] for panel in drawn(tmp_path, monkeypatch, part)["scatters"]]
    assert titles == ["decision regions", "states in Hilbert space, principal components"]


RING = [{"rot": "all"}, {"cnot": "ring"}]
AMPLITUDES = {"encode": "amplitude"}
BESIDE = {"ry": [2, 0], "angles": {"affine": "each", "features": [0, [1, 4]], "weight": 1.0, "bias": 0.0}}
DENSE = {"rz": 1, "angles": {"affine": "dense", "features": [1, 2, 3, 5, [0, 0], 7, 6]}}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"layers": [AMPLITUDES]}, "Inputs are amplitudes of 3 wires; 0 gates; Z is measured on wires 0 and 1."),
        (
            {"layers": [AMPLITUDES], "readout": {"parity": "all", "log": True}},
            "the parity ⟨Z₀Z₁Z₂⟩ of wires 0 to 2 is measured; logits are log (1 ± v)/2 of its value v.",
        ),
        ({"layers": [AMPLITUDES], "readout": {"parity": [[2, 0], [1]]}}, "the parities ⟨Z₂Z₀⟩, ⟨Z₁⟩ are measured."),
        (
            {
                "wires": {"data": 3, "ancilla": 2},
                "layers": [AMPLITUDES | {"on": "data"}, *RING],
                "readout": {"probabilities": "ancilla", "renormalise": True},
            },
            "Inputs are amplitudes of wires 0 to 2, of 5 wires; 10 gates; the probabilities of outcomes 0 and 1 of"
            " wires 3 and 4, the first the most significant bit, are measured, divided by their sum. R is",
        ),
        (
            {"layers": [AMPLITUDES], "readout": {"probabilities": [1], "log": True}},
            "the probabilities of outcomes 0 and 1 of wire 1 are measured; logits are their logarithms.",
        ),
        (
            {"layers": [AMPLITUDES], "readout": {"probabilities": [2, 0], "head": True}},
            "outcomes 0 to 3 of wires 2 and 0, the first the most significant bit, are measured; a trained linear layer"
            " W makes the logits of these values.",
        ),
        ({"layers": [AMPLITUDES], "readout": {"head": True}}, "Z is measured on wires 0 to 2; a trained linear layer"),
    ],
)
def test_what_is_measured_is_said(fields: dict[str, Any], said: str) -> None:
    recorded = portrait._circuit(module_of(fields, info_of(8)))
    assert said in sentence(CircuitDrawing.model_validate_json(json.dumps({"model": "m", **(recorded or {})})))


def test_features_beside_amplitudes_are_no_noise() -> None:
    layers = [AMPLITUDES, BESIDE, DENSE, {"noise": [{"kind": "bit_flip", "probability": 0.1}], "on": [1]}]
    recorded = portrait._circuit(module_of({"layers": layers}, info_of(8)))
    assert recorded is not None
    assert recorded["gates"] == ["ry 2", "ry 0", "rz 1", "~bit_flip 1"]
    assert recorded["features"] == ["x0", "x1·x4", "x1–3 x5 x0·x0 …", ""]
    said = sentence(CircuitDrawing.model_validate_json(json.dumps({"model": "m", **recorded})))
    assert "and their features are angles, too; 4 gates" in said
    assert said.endswith("in its angles. Filled boxes are channels of noise, averaged over: BF bit flips.")


def test_an_angle_encoding_names_its_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = QNN(wires=2, layers=1, encoding="angle", noise_layers=NoiseLayers())
    content = drawn(tmp_path, monkeypatch, part)["circuit"]
    assert content["gates"][:4] == ["rx 0", "rx 1", "~ry 0", "~ry 1"]
    assert content["features"][:4] == ["x0", "x1", "", ""]


def test_principal_components_are_those_of_density_matrices() -> None:
    generator = np.random.default_rng(0)
    states = generator.standard_normal((7, 3)) + 1j * generator.standard_normal((7, 3))
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    rows = np.stack([np.outer(state, state.conj()).ravel() for state in states])
    rows = np.concatenate([rows.real, rows.imag], 1)
    _, singular, axes = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    wanted = (rows - rows.mean(0)) @ axes[:2].T
    clean, same, explained = portrait.principal_components(states, -1j * states)
    np.testing.assert_allclose(np.abs(clean), np.abs(wanted), atol=1e-9)
    np.testing.assert_allclose(same, clean, atol=1e-9)  # a phase is no difference
    np.testing.assert_allclose(explained, (singular**2 / (singular**2).sum())[:2], atol=1e-9)


def test_states_without_variance_stand_at_one_point() -> None:
    states = np.ones((4, 2)) / np.sqrt(2)
    clean, attacked, explained = portrait.principal_components(states, np.eye(2))
    assert not clean.any()
    assert not attacked.any()
    assert not explained.any()
