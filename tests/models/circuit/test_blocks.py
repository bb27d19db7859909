"""Random circuits of encodings, blocks and readouts agree with a second reading in PennyLane."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pennylane as qml
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qaml.errors import Misfit
from qaml.models.circuit.lowering import lower
from tests.models.circuit.examples import info_of, module_of, node, part_of, stacked, z
from tests.models.circuit.in_pennylane import GATES, Reading
from tests.quantum.circuits import assert_same, gradients

N_WIRES = 3
CHANNEL = {"kind": "bit_flip", "probability": 0.1}
NOTHING = {"cnot": "ring", "on": 0}
PATTERNS = ("chain", "reverse_chain", "ring", "all_to_all", "neighbours", [[2, 0], [0, 1]])
ANGLES: tuple[dict[str, Any], ...] = (
    {},
    {"affine": "dense"},
    {"affine": "dense", "weight": 0.7, "bias": 0.2},
    {"affine": "dense", "features": [0, [0, 1], [2, 2, 1]]},
    {"affine": "each", "features": "next"},
    {"affine": "each", "features": [1, [0, 2]], "bias": 0.0},
)
ENCODINGS = (
    {"encode": "amplitude"},
    {"encode": "angle", "axis": "y", "scale": 1.5},
    {"encode": "iqp", "repeat": 2},
    {"encode": "basis"},
)
READOUTS: tuple[dict[str, Any], ...] = (
    {"parity": "all", "log": True},
    {"parity": [[0, 2], [1]]},
    {"z": [2, 0]},
    {"z": [1]},
    {"probabilities": [2, 0], "renormalise": True},
    {"probabilities": [1, 2], "log": True},
    {"head": True},
)


@st.composite
def blocks(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from([name for name in GATES if name != "hadamard"]))
    is_single = name in ("rot", "rx", "ry", "rz", "phase")
    block: dict[str, Any] = {name: "all" if is_single else draw(st.sampled_from(PATTERNS))}
    if block[name] == "ring" and draw(st.booleans()):
        block["stride"] = "cycle"
    if GATES[name][1]:
        angles = draw(st.sampled_from(ANGLES))
        block |= {"angles": angles} if angles else {}
        block |= {"share": "wires"} if draw(st.booleans()) and angles.get("affine") != "each" else {}
    return block


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(ENCODINGS),
    st.lists(blocks(), min_size=1, max_size=3),
    st.sampled_from(READOUTS),
    st.integers(0, 2**16),
)
def test_values_and_gradients(encoding: Any, inside: list[Any], readout: Any, seed: int) -> None:
    layers = [encoding, {"hadamard": [0, 1, 2]}, {"repeat": 2, "block": inside}, {"rot": "all"}]
    module = module_of({"wires": N_WIRES, "layers": layers, "readout": readout}, info_of(3), seed)
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.rand(2, 3, dtype=torch.float64, generator=generator).requires_grad_()
    arrays = [module.angles, module.weights_of_features, inputs]
    read = Reading(N_WIRES, layers, *arrays)
    ours, theirs = module(inputs), read.logits(readout, module.head)
    assert_same(ours, theirs)
    assert_same(gradients(ours, arrays), gradients(theirs, arrays))


def test_strongly_entangling_layers() -> None:
    layers = [{"encode": "amplitude"}, {"repeat": 4, "block": [{"rot": "all"}, {"cnot": "ring", "stride": "cycle"}]}]
    module = module_of({"wires": 4, "layers": layers}, info_of(16))
    inputs = torch.rand(2, 16, dtype=torch.float64)

    def circuit() -> Any:
        qml.AmplitudeEmbedding(inputs, wires=range(4), normalize=True)
        qml.StronglyEntanglingLayers(module.angles.reshape(4, 4, 3), wires=range(4))
        return z(0), z(1)

    assert_same(module(inputs), stacked(node(4, circuit)()))


@pytest.mark.parametrize(("share", "n_angles"), [(None, 12), ("wires", 4), ("layers", 6), ("both", 2)])
def test_shared_angles(share: str | None, n_angles: int) -> None:
    block = {"crx": "all_to_all"} | ({"share": share} if share else {})
    module = module_of({"layers": [{"encode": "angle"}, {"repeat": 2, "block": [block, block]}]}, info_of(3))
    assert module.angles.numel() == n_angles


@pytest.mark.parametrize("is_padded", [False, True])
def test_a_cursor_goes_around_the_features(is_padded: bool) -> None:
    angles = {"affine": "each", "features": "next", "padded": is_padded}
    module = module_of({"wires": 2, "layers": [{"repeat": 3, "block": [{"rot": "all", "angles": angles}]}]}, info_of(8))
    taken = [[product for (product,) in column.products] for column in module.lowered.columns]
    around = [[i % 8] for i in range(18)]
    assert [taken, module.angles.numel()] == [around[:8] + around[:6] if is_padded else around, 18]


@pytest.mark.parametrize("inside", [[{"rot": "all"}], [{"noise": [CHANNEL] * 30}], [{"cz": [[0, 1]]}], [NOTHING]])
def test_a_circuit_has_a_largest_size(inside: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qaml.models.circuit.lowering.MOST_GATES", 100)
    layers = [{"encode": "amplitude"}, {"repeat": 9999, "block": [{"repeat": 9999, "block": inside}]}]
    with pytest.raises(Misfit, match="more than 100") as error:
        part_of(wires=2, layers=layers).check(info_of(4))
    assert error.value.where[:2] == ("layers", 1)


def test_numbers_before_training() -> None:
    fields: dict[str, Any] = {
        "wires": 4,
        "layers": [{"repeat": 99, "block": [{"rot": "all", "angles": {"affine": "dense"}}]}],
    }
    module = module_of(fields, info_of(16))
    assert 0 <= module.angles.min() < 0.1
    assert 6.2 < module.angles.max() < 2 * torch.pi
    assert abs(module.weights_of_features.std() - 1 / 4) < 0.01
    fields |= {"initial_angles": {"distribution": "normal", "scale": 0.1}, "initial_weights": {"distribution": "zeros"}}
    module = module_of(fields, info_of(16))
    assert abs(module.angles.std() - 0.1) < 0.01
    assert not module.weights_of_features.any()


def test_gates_at_random_are_the_same_ones_for_good() -> None:
    """Chosen by Python's random(), whose sequence no version changes; in every repetition and variant others."""
    block = {"random": 6, "on": [0, 2], "seed": 5}
    part = part_of(wires=3, layers=[{"encode": "angle"}, {"repeat": 2, "block": [block]}])
    lowered = part.lowered(info_of(3))
    gates = [f"{gate.name} {' '.join(map(str, gate.wires))}" for gate in lowered.circuit.operations[3:]]
    assert gates[:7] == ["rx 0", "rz 2", "rz 2", "cnot 0 2", "rx 2", "cnot 0 2", "ry 2"]
    assert gates[7:] == ["rz 0", "rx 2", "cnot 2 0", "rz 2", "ry 2", "rz 0", "rx 0", "rx 2"]
    assert lowered.n_angles == 12
    other = lower(3, part.layers, part.readout, info_of(3), {}, variant=1)
    assert other.n_angles == 12
    assert other.circuit.operations[3:] != lowered.circuit.operations[3:]


def test_random_gates_have_their_shares() -> None:
    layers = [{"encode": "angle"}, {"random": 7000}]
    gates = part_of(wires=3, layers=layers).lowered(info_of(3)).circuit.operations[3:]
    counts = Counter(gate.name for gate in gates)
    assert counts["cnot"] / len(gates) == pytest.approx(0.3, abs=0.02)
    assert [counts[name] / 7000 for name in ("rx", "ry", "rz")] == pytest.approx([1 / 3] * 3, abs=0.02)
    pairs = Counter(gate.wires for gate in gates if gate.name == "cnot")
    assert len(pairs) == 6
    assert min(pairs.values()) > 400
    assert len(part_of(wires=1, layers=layers).lowered(info_of(1)).circuit.operations) == 7001
