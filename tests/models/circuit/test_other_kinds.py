"""Kinds of qaml, written out: a ``circuit`` with the weights of a ``qvc`` or a ``qnn`` gives the same logits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from qaml.identical import Identical
from qaml.models.base import MODELS
from qaml.quantum import execute
from qaml.quantum.statevector.network import final_states
from tests.models.circuit.examples import info_of, module_of
from tests.quantum.circuits import features_of, gradients

TOGETHER: Mapping[str, Any] = {"rtol": 0, "atol": 1e-12}


def other(kind: str, n_features: int, **fields: object) -> Any:
    part = MODELS.load(kind).model_validate_json(json.dumps({"kind": kind, **fields}))
    return part.build(info_of(n_features), 3).double()


def assert_equal(ours: Any, theirs: Any, inputs: Tensor) -> None:
    inputs.requires_grad_()
    with torch.no_grad():
        ours.angles.copy_(theirs.angles.flatten())
    one, other = ours(inputs), theirs(inputs)
    torch.testing.assert_close(one, other, **TOGETHER)
    found, expected = gradients(one, [inputs, ours.angles]), gradients(other, [inputs, theirs.angles])
    torch.testing.assert_close(found, [expected[0], expected[1].flatten()], **TOGETHER)


def test_a_qvc_and_its_observables() -> None:
    layers = [{"encode": "amplitude"}, {"repeat": 5, "block": [{"rot": "all"}, {"cz": "chain"}]}]
    ours: Any = module_of({"wires": 4, "layers": layers, "logit_scale": 3.0}, info_of(11))
    theirs = other("qvc", 11, wires=4, layers=5, logit_scale=3.0)
    assert_equal(ours, theirs, features_of(3, 11))
    torch.testing.assert_close(ours.observables(), theirs.observables(), **TOGETHER)


@pytest.mark.parametrize("encoding", ["amplitude", "angle"])
@pytest.mark.parametrize(("entangler", "pattern"), [("cnot_chain", "chain"), ("cnot_ring", "ring")])
def test_a_qnn(encoding: str, entangler: str, pattern: str) -> None:
    n_features = 7 if encoding == "amplitude" else 3
    layers = [{"encode": encoding}, {"repeat": 3, "block": [{"rot": "all"}, {"cnot": pattern}]}]
    ours = module_of({"wires": 3, "layers": layers, "readout": {"z": 1, "log": True}}, info_of(n_features))
    theirs = other("qnn", n_features, wires=3, layers=3, entangler=entangler, encoding=encoding, readout=1)
    assert_equal(ours, theirs, features_of(3, n_features))


def test_a_qcnn() -> None:
    block = [{"su4": "neighbours", "share": "wires"}, {"pool": "crx_crz", "share": "wires"}]
    layers = [{"encode": "amplitude"}, {"until": 1, "block": block}]
    ours = module_of({"layers": layers, "readout": {"log": True}}, info_of(30))
    assert_equal(ours, other("qcnn", 30), features_of(3, 30))


@pytest.mark.parametrize(("gate", "pattern"), [("cz", "chain"), ("cnot", "chain"), ("cnot", "ring")])
def test_layers_take_the_fast_way(gate: str, pattern: str) -> None:
    layers = [{"encode": "amplitude"}, {"repeat": 2, "block": [{"rot": "all", "share": "layers"}, {gate: pattern}]}]
    module = module_of({"wires": 3, "layers": layers}, info_of(8))
    circuit = module.described()
    assert execute._family(Identical(circuit)) is not None
    assert execute._family(Identical(circuit._replace(operations=circuit.operations[1:]))) is None
    arrays = (module.weights, features_of(2, 8))
    torch.testing.assert_close(execute.states(circuit, *arrays), final_states(circuit, *arrays), **TOGETHER)


def test_single_precision_takes_the_kernel_of_layers() -> None:
    layers = [{"encode": "amplitude"}, {"repeat": 3, "block": [{"rot": "all"}, {"cz": "chain"}]}]
    module = module_of({"wires": 4, "layers": layers}, info_of(16))
    inputs = features_of(5, 16).requires_grad_()
    exact, single = module(inputs), module.float()(inputs.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), exact, rtol=0, atol=1e-6)
