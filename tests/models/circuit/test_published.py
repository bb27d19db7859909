"""Weights that PennyLane, Qiskit and TorchQuantum wrote give what these compute, and those that do not fit say why."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pennylane as qml
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import Tensor

from qaml.errors import Misfit, PartError
from qaml.models.base import MODELS
from qaml.models.weights_part import MOST_HEADER
from qaml.plan.canonical import canonical
from qaml.spec.problems import Problems
from qaml.spec.reader import read
from qaml.testing.material import Recorder, blobs
from qaml.types import InputInfo
from tests.docs.fences import DOCS, fences
from tests.models.circuit.examples import Fields, info_of, node, part_of
from tests.models.published import in_qugap

PUBLISHED = Path(in_qugap.__file__).parent
EXPECTED: dict[str, dict[str, Any]] = json.loads((PUBLISHED / "expected.json").read_text())
RING = [{"rot": "all"}, {"cnot": "ring"}]
QUGAP: Fields = {
    "wires": {"data": 8, "ancilla": 1},
    "layers": [{"encode": "amplitude", "on": "data"}, {"repeat": 10, "block": RING}],
    "readout": {"probabilities": "ancilla", "renormalise": True},
}


def file(path: Path, **fields: Any) -> dict[str, Any]:
    """The field ``weights`` of a file."""
    content = (DOCS.parent / path).read_bytes()
    return {"path": str(path), "sha256": hashlib.sha256(content).hexdigest(), **fields}


class Case(NamedTuple):
    """A file's numbers: the field ``weights`` beside the file, the circuit, and its data."""

    file: str
    weights: Fields
    circuit: Fields
    info: InputInfo


CASES = {
    "qugap": Case("qugap", {"names": {"angles": "q_params"}}, QUGAP, info_of(256)),
    "real_amplitudes": Case(
        "qiskit",
        {"names": {"angles": "real_amplitudes"}},
        {
            "layers": [
                {"encode": "zz", "repeat": 2, "pairs": "chain"},
                {"repeat": 3, "block": [{"ry": "all"}, {"cnot": "reverse_chain"}]},
                {"ry": "all"},
            ],
            "readout": {"z": [0, 1]},
        },
        info_of(4),
    ),
    "u": Case(
        "qiskit",
        {"names": {"angles": "u"}, "rotation": "u3"},
        {
            "layers": [
                {"encode": "amplitude", "on": [2, 1, 0]},
                {"repeat": 2, "block": [{"rot": "all"}, {"cnot": "chain"}]},
            ],
            "readout": {"probabilities": [2, 0]},
        },
        info_of(8, 4),
    ),
    "efficient_su2": Case(
        "qiskit",
        {"names": {"angles": "efficient_su2"}},
        {
            "layers": [
                {"encode": "angle"},
                {"repeat": 2, "block": [{"ry": "all"}, {"rz": "all"}, {"cnot": [[2, 0], [0, 1], [1, 2]]}]},
                {"ry": "all"},
                {"rz": "all"},
            ],
            "readout": {"parity": [[0, 2], [1]]},
        },
        info_of(3),
    ),
    "layered": Case(
        "torchquantum",
        {"names": {"angles": "layered.u3_layers.*.ops_all.*.params"}, "rotation": "u3"},
        {"layers": [{"encode": "angle", "axis": "y"}, {"repeat": 2, "block": RING}], "readout": {"z": "all"}},
        info_of(3, 3),
    ),
    "named": Case(
        "torchquantum",
        {"names": {"angles": [f"named.{gate}.params" for gate in ("rot0", "rot2", "rx0", "ry1", "crx0")]}},
        {
            "layers": [{"encode": "amplitude"}, {"rot": [0, 2]}, {"rx": 0}, {"ry": 1}, {"crx": [[2, 0]]}],
            "readout": {"probabilities": [0, 1]},
        },
        info_of(8, 4),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_logits_are_those_of_the_program_that_wrote_the_weights(name: str) -> None:
    case, expected = CASES[name], EXPECTED[name]
    part = part_of(**case.circuit, weights=file(PUBLISHED / f"{case.file}.safetensors", **case.weights))
    part.check(case.info)
    inputs = torch.tensor(expected.get("inputs", in_qugap.inputs().tolist()))
    module: Any = part.build(case.info, 0)
    with torch.no_grad():
        logits, exact = module(inputs), module.to(torch.float64)(inputs.double())
    values = torch.tensor(expected["values"], dtype=torch.float64)
    torch.testing.assert_close(exact, values, rtol=0, atol=1e-6)
    torch.testing.assert_close(logits.double(), values, rtol=0, atol=3e-6)
    assert part.is_trained
    assert part.fit(module, blobs(case.info), case.info, Recorder(), 0) == {}


def test_the_page_names_the_public_weights() -> None:
    text = next(fence.text for fence in fences(DOCS / "circuits.md") if "weights:\n" in fence.text)
    fields = read(text, Problems("page", [])).plain()
    path = PUBLISHED / "qugap.safetensors"
    own = file(path.relative_to(DOCS.parent), **CASES["qugap"].weights)
    assert fields == {"kind": "circuit", **QUGAP, "weights": own}


def test_public_weights_give_what_pennylane_computes_with_them() -> None:
    case = CASES["qugap"]
    part = part_of(**case.circuit, weights=file(PUBLISHED / "qugap.safetensors", **case.weights))
    module: Any = part.build(case.info, 0)
    weights, inputs = module.angles.detach().double().reshape(10, 9, 3), torch.from_numpy(in_qugap.inputs()).double()

    def circuit() -> Any:
        qml.AmplitudeEmbedding(inputs, wires=range(8), normalize=True, pad_with=0)
        for layer in weights:
            for wire in range(9):
                qml.Rot(*layer[wire], wires=wire)
            for wire in range(9):
                qml.CNOT(wires=[wire, (wire + 1) % 9])
        return qml.probs(wires=[8])

    with torch.no_grad():
        torch.testing.assert_close(module.double()(inputs), node(9, circuit)(), rtol=0, atol=1e-10)


def test_a_qnode_with_weights_of_features_and_a_linear_layer(tmp_path: Path) -> None:
    """Axes by name, and every group of numbers: what a person saves of a TorchLayer and a Linear behind it."""
    random = torch.Generator().manual_seed(0)
    scales, shifts = torch.randn(3, 2, 4, generator=random), torch.randn(3, 2, 4, generator=random)
    linear, path = torch.nn.Linear(3, 4), tmp_path / "qnode.safetensors"
    arrays = {"w": scales, "b": shifts, "linear.weight": linear.weight, "linear.bias": linear.bias}
    save_file({name: value.detach().clone() for name, value in arrays.items()}, path)
    inputs = torch.rand(5, 3, dtype=torch.float64, generator=random)

    def circuit() -> Any:
        for layer in range(4):
            for wire in range(3):
                x = inputs[:, wire]
                qml.RY(scales[wire, 0, layer] * x + shifts[wire, 0, layer], wires=wire)
                qml.RZ(scales[wire, 1, layer] * x + shifts[wire, 1, layer], wires=wire)
            qml.CNOT(wires=[0, 1])
            qml.CNOT(wires=[1, 2])
        return [qml.expval(qml.PauliZ(wire)) for wire in range(3)]

    each = {"affine": "each", "features": [0, 1, 2]}
    block = [{"ry": "all", "angles": each}, {"rz": "all", "angles": each}, {"cnot": "chain"}]
    names = {"angles": "b", "weights_of_features": "w", "head.weight": "linear.weight", "head.bias": "linear.bias"}
    axes = {group: ["wire", "block", "layer"] for group in ("angles", "weights_of_features")}
    fields = {"wires": 3, "layers": [{"repeat": 4, "block": block}], "readout": {"head": True}}
    module = part_of(**fields, weights=file(path, names=names, axes=axes)).build(info_of(3, 4), 0)
    with torch.no_grad():
        values: Tensor = torch.stack(node(3, circuit)(), -1)
        torch.testing.assert_close(module.double()(inputs), linear.double()(values), rtol=0, atol=1e-10)
    with pytest.raises(Misfit) as error:
        part_of(**fields, weights=file(path, names=names)).check(info_of(3, 4))
    assert error.value.where == ("weights", "names", "angles")
    assert error.value.what == "the circuit has angles of shape (4, 2, 3), 'b' has shape (3, 2, 4)"


def made(kind: str, fields: Fields) -> Any:
    return MODELS.load(kind).model_validate_json(json.dumps({"kind": kind, **fields}))


@pytest.mark.parametrize("kind", ["qvc", "qnn", "qcnn"])
def test_other_circuits_take_their_numbers_from_a_file(kind: str, tmp_path: Path) -> None:
    fields = {"qvc": {"layers": 3, "wires": 3}, "qnn": {"layers": 3, "wires": 3}, "qcnn": {"wires": 5}}[kind]
    path, info = tmp_path / "own.safetensors", info_of(8)
    trained = made(kind, fields).build(info, 1)
    angles = trained.get_parameter("angles").detach()
    save_file({"flat": angles.flatten()}, path)
    part = made(kind, {**fields, "weights": file(path, names={"angles": "flat"})})
    part.check(info)
    assert torch.equal(part.build(info, 0).get_parameter("angles"), angles)
    assert part.is_trained


def test_fine_tuning_starts_at_the_file(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    save_file({"angles": torch.arange(9.0)}, path)
    part = part_of(layers=[{"encode": "angle"}, *RING], weights=file(path), fine_tune=True, training={"epochs": 1})
    module = part.build(info_of(3), 0)
    assert torch.equal(module.get_parameter("angles"), torch.arange(9.0))
    assert len(part.fit(module, blobs(info_of(3)), info_of(3), Recorder(), 0)["loss"]) == 1
    assert not torch.equal(module.get_parameter("angles"), torch.arange(9.0))


@pytest.mark.parametrize("header", ["[]", '{"angles": {"shape": [1e999]}}', '{"angles": 1}', "[" * 9999, '{"a": {}}'])
def test_a_header_that_says_nothing_is_not_believed(header: str, tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header.encode())
    part = part_of(layers=[{"encode": "angle"}, *RING], weights=file(path))
    part.check(info_of(3))
    with pytest.raises(PartError, match="no safetensors file"):
        part.build(info_of(3), 0)


def test_a_name_has_few_stars() -> None:
    weights = {"path": "a.safetensors", "sha256": "0" * 64}
    with pytest.raises(ValidationError, match="pattern"):
        part_of(layers=[{"encode": "angle"}, *RING], weights=weights | {"names": {"angles": "*" * 5}})


def test_numbers_that_are_used_unchanged_have_no_settings_of_a_training() -> None:
    fields: Fields = {"layers": [{"encode": "angle"}, *RING], "weights": {"path": "a.safetensors", "sha256": "0" * 64}}
    set_to, default = (part_of(**fields, **other) for other in ({"training": {"lr": 0.5}}, {}))
    assert "training" not in canonical(default)
    assert canonical(set_to) == canonical(default)
    assert '"lr":0.5' in canonical(set_to.model_copy(update={"fine_tune": True})).replace(" ", "")


def test_a_file_of_many_arrays_is_read_when_it_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    content = {"angles": torch.arange(9.0)}
    save_file(content, path, {"notes": " " * MOST_HEADER})
    assert path.stat().st_size > MOST_HEADER
    part = part_of(layers=[{"encode": "angle"}, *RING], weights=file(path))
    part.check(info_of(3))
    assert torch.equal(part.build(info_of(3), 0).get_parameter("angles").flatten(), content["angles"])


def test_a_file_without_its_first_bytes_is_refused_when_it_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    path.write_bytes(np.arange(100).tobytes())
    fields = {"layers": [{"encode": "angle"}, *RING], "weights": file(path)}
    part_of(**fields).check(info_of(3))
    with pytest.raises(PartError, match="no safetensors file"):
        part_of(**fields).build(info_of(3), 0)
    for number in (torch.nan, 1e300):  # the second one is finite in float64 alone
        save_file({"angles": torch.full((9,), number, dtype=torch.float64)}, path)
        with pytest.raises(PartError, match="no finite numbers"):
            part_of(**fields | {"weights": file(path)}).build(info_of(3), 0)
    path.unlink()
    part_of(**fields).check(info_of(3))
    with pytest.raises(PartError, match=r"cannot read weights .*No such file"):
        part_of(**fields).build(info_of(3), 0)
