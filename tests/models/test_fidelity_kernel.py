"""The quantum kernel against PennyLane's circuits and adjoints, and closed forms of amplitudes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pennylane as qml
import pytest
import torch
from torch import Tensor

from qaml.attacks.exact_l2.projection import exact_distances
from qaml.errors import DataError, Misfit
from qaml.models.base import Hooks
from qaml.models.kernel_svm import network
from qaml.models.kernel_svm.part import KernelSVM
from qaml.spec.load import load_text
from qaml.testing.material import blobs
from qaml.testing.models import check_model
from qaml.types import Split
from tests.docs.fences import DOCS, fences
from tests.models.circuit.examples import info_of, node, ring
from tests.quantum.circuits import assert_same, gradients

Layers = list[dict[str, Any]]
FIXED = {"affine": "each", "features": "next", "weight": 0.7, "bias": [0.1, 0.2, 0.3]}
DENSE = {"affine": "dense", "weight": 0.5, "bias": 0.4}
ZZ: Layers = [{"encode": "zz", "repeat": 2, "pairs": "chain"}]
UPLOADS: Layers = [{"repeat": 2, "block": [{"rot": "all", "angles": FIXED}, {"cnot": "ring"}]}]
BESIDE: Layers = [{"encode": "amplitude"}, {"ry": "all", "angles": DENSE}, {"cz": "chain"}]
AMPLITUDES: Layers = [{"encode": "amplitude"}, {"ry": "all", "angles": {"bias": 0.3}}, {"cnot": "ring"}]


def part(layers: Layers, **fields: Any) -> KernelSVM:
    kernel = {"kind": "fidelity", "layers": layers, **fields}
    return KernelSVM.model_validate_json(json.dumps({"kind": "kernel_svm", "kernel": kernel}))


def _zz(x: Tensor) -> None:
    for _ in range(2):
        for wire in range(3):
            qml.Hadamard(wire)
            qml.PhaseShift(2 * x[:, wire], wires=wire)
        for one, other in pairwise(range(3)):
            qml.CNOT([one, other])
            qml.PhaseShift(2 * (math.pi - x[:, one]) * (math.pi - x[:, other]), wires=other)
            qml.CNOT([one, other])


def _uploads(x: Tensor) -> None:
    for layer in range(2):
        for wire in range(3):
            angles = [b + 0.7 * x[:, (9 * layer + 3 * wire + i) % 5] for i, b in enumerate((0.1, 0.2, 0.3))]
            qml.Rot(*angles, wires=wire)
        ring(3)


def _amplitudes(x: Tensor) -> None:
    qml.AmplitudeEmbedding(x, wires=range(3), normalize=True, pad_with=0.0)


def _iqp(x: Tensor) -> None:
    qml.IQPEmbedding(x, wires=range(3), n_repeats=2)


def _beside(x: Tensor) -> None:
    _amplitudes(x)
    for wire in range(3):
        qml.RY(0.4 + 0.5 * x.sum(1), wires=wire)
    for pair in pairwise(range(3)):
        qml.CZ(pair)


CIRCUITS: dict[str, tuple[Layers, int, Callable[[Tensor], None], dict[str, Any]]] = {
    "zz feature map": (ZZ, 3, _zz, {}),
    "iqp": ([{"encode": "iqp", "repeat": 2}], 3, _iqp, {}),
    "re-uploading": (UPLOADS, 5, _uploads, {"wires": 3}),
    "angles beside amplitudes": (BESIDE, 7, _beside, {}),
    "amplitudes": (AMPLITUDES, 7, _amplitudes, {}),
}


def _of_states(circuit: Callable[[Tensor], None], one: Tensor, other: Tensor) -> Tensor:
    """The overlaps of PennyLane's states; its adjoint circuit, as on hardware, has no adjoint of amplitudes."""

    def state(inputs: Tensor) -> Any:
        circuit(inputs)
        return qml.state()

    overlaps: Tensor = (node(3, state)(one) @ node(3, state)(other).mH).abs().square()
    return overlaps


@pytest.mark.parametrize("name", CIRCUITS)
def test_values_and_gradients_are_pennylanes(name: str) -> None:
    layers, n, circuit, fields = CIRCUITS[name]
    kernel, info = part(layers, **fields).kernel, info_of(n)
    generator = torch.Generator().manual_seed(1)
    one, other = (torch.rand(m, n, dtype=torch.float64, generator=generator).requires_grad_() for m in (3, 2))
    states = kernel.feature_map(info)
    assert states is not None
    ours, theirs = kernel.matrix(states(one), states(other), kernel.learned(one)), _of_states(circuit, one, other)
    assert_same(ours, theirs)
    assert_same(gradients(ours, [one, other]), gradients(theirs, [one, other]))


def test_it_is_the_probability_that_the_adjoint_circuit_returns_to_zero() -> None:
    states = part(ZZ).kernel.feature_map(info_of(3))
    assert states is not None
    inputs = torch.rand(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))

    def overlap(x: Any, y: Any) -> float:
        def circuit() -> Any:
            _zz(torch.as_tensor(x)[None])
            qml.adjoint(_zz)(torch.as_tensor(y)[None])
            return qml.probs(wires=range(3))

        return float(node(3, circuit)()[0, 0])

    found = part(ZZ).kernel.matrix(states(inputs), states(inputs), inputs)
    assert_same(found, torch.as_tensor(qml.kernels.kernel_matrix(inputs.numpy(), inputs.numpy(), overlap)))


def test_amplitudes_have_a_closed_form_and_exact_distances() -> None:
    model, info = part(AMPLITUDES), info_of(7, 3)
    data = blobs(info)
    module: Any = model.build(info, 0)
    model.fit(module, data, info, Hooks(), 0)
    flat = torch.from_numpy(data.inputs).double()
    unit = torch.nn.functional.normalize(flat)
    assert_same(model.kernel.matrix(module.feature_map(flat), module.compared, flat), (unit @ module.compared.T) ** 2)
    forms = module.observables()
    assert_same(module(flat), torch.einsum("na,kab,nb->nk", unit, forms, unit))
    assert model.has_exact_distances
    assert np.isfinite(exact_distances(module, torch.from_numpy(data.inputs), module(flat).argmax(1)).norms).all()
    assert not part(BESIDE).has_exact_distances
    assert not part(ZZ).capabilities


def test_states_of_support_vectors_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "CHUNK", 20)
    model, info = part(ZZ), info_of(3, 3)
    module: Any = model.build(info, 0)
    model.fit(module, blobs(info), info, Hooks(), 0)
    assert module.state_dict().keys() == {"support", "coefficients", "biases", "learned"}
    assert_same(module.compared, module.feature_map(module.support))
    seen: list[int] = []
    module.feature_map.register_forward_hook(lambda _, given, __: seen.append(len(given[0])))
    inputs = torch.from_numpy(blobs(info).inputs[:5])
    before = module(inputs)
    assert torch.equal(module.double().float()(inputs), before)
    assert module.compared.dtype == torch.complex128
    assert seen == [5, 5]


def test_it_holds_to_what_every_model_does() -> None:
    check_model(part(UPLOADS, wires=3), info_of(5))


TRAINED = "layers.1.block.0: the angles of 'rot' would be trained, which a kernel's are not"
MISTAKES: dict[str, tuple[Layers, str, str]] = {
    "bias": ([{"encode": "angle"}, {"repeat": 2, "block": [{"rot": "all"}]}], TRAINED, "'angles: {bias: 0}'"),
    "weight": ([{"rx": "all", "angles": {"affine": "each", "bias": 0}}], "the angles of 'rx'", "weight: 1, bias: 0}'"),
    "pool": ([{"encode": "angle"}, {"pool": "cnot"}], "layers.1: a kernel compares the states of all wires", ""),
    "noise": (
        [{"encode": "angle"}, {"noise": [{"kind": "bit_flip", "probability": 0.1}]}],
        "layers.1: a kernel",
        "noise",
    ),
    "nothing": ([{"cnot": "ring"}], "layers: no block takes features", "encode them"),
    "features": ([{"encode": "zz", "on": [0, 1]}], "layers.0: 'zz' takes a feature a wire", "give it 3 wires"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_named_at_the_block(name: str) -> None:
    layers, message, hint = MISTAKES[name]
    with pytest.raises(Misfit, match=message) as error:
        part(layers, wires=3).check(info_of(3))
    assert error.value.where[0] == "kernel"
    assert hint in error.value.hint


def test_the_suite_on_the_page_loads() -> None:
    (suite,) = (each.text for each in fences(DOCS / "circuits.md") if each.text.startswith("suite: quantum-kernels"))
    assert [claim.id for claim in load_text(suite, "page.yaml", "quick").claims] == ["vulnerable", "augmentation-helps"]


def test_gates_without_angles_are_nothing_to_train() -> None:
    part([{"hadamard": "all"}, {"encode": "angle"}, {"cnot": "ring"}], wires=3).check(info_of(3))


def test_amplitudes_that_are_all_zero_are_refused() -> None:
    info = info_of(4)
    data = blobs(info)
    nothing = Split(np.zeros_like(data.inputs), data.labels, data.indices)
    with pytest.raises(DataError, match="zero everywhere"):
        part(AMPLITUDES).fit(part(AMPLITUDES).build(info, 0), nothing, info, Hooks(), 0)
