"""Circuits of papers, small, each beside the same circuit as a person would write it in PennyLane."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import pennylane as qml
import torch
from torch import Tensor

from qaml.models.circuit.network import CircuitClassifier
from qaml.models.circuit.part import CircuitModel
from qaml.types import Bounds, InputInfo

Fields = Mapping[str, Any]
Logits = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Angles, weights of features and inputs → logits."""


class Example(NamedTuple):
    fields: Fields
    info: InputInfo
    logits: Logits


def info_of(n_features: int, n_classes: int = 2) -> InputInfo:
    return InputInfo((n_features,), tuple("abcdefghijkl"[:n_classes]), Bounds(0.0, 1.0))


def part_of(**fields: Any) -> CircuitModel:
    return CircuitModel.model_validate_json(json.dumps({"kind": "circuit", **fields}))


def module_of(fields: Fields, info: InputInfo, seed: int = 0) -> CircuitClassifier:
    module = part_of(**fields).build(info, seed)
    assert isinstance(module, CircuitClassifier)
    return module.double()


def device(n_wires: int) -> Any:
    return qml.device("default.qubit", wires=n_wires)


def node(n_wires: int, function: Callable[..., Any]) -> Callable[..., Any]:
    made: Callable[..., Any] = qml.QNode(function, device(n_wires), interface="torch", diff_method="backprop")
    return made


def z(*wires: int) -> Any:
    return qml.expval(qml.prod(*(qml.PauliZ(wire) for wire in wires)) if len(wires) > 1 else qml.PauliZ(wires[0]))


def stacked(values: Any) -> Tensor:
    return torch.stack(list(values), -1)


def ring(n: int) -> None:
    for wire in range(n):
        qml.CNOT([wire, (wire + 1) % n])


def _qugap(angles: Tensor, _: Tensor, inputs: Tensor) -> Tensor:
    def circuit() -> Any:
        qml.AmplitudeEmbedding(inputs, wires=range(3), normalize=True, pad_with=0.0)
        for layer in angles.reshape(2, 5, 3):
            for wire in range(5):
                qml.Rot(*layer[wire], wires=wire)
            ring(5)
        return qml.probs(wires=[3, 4])

    kept = node(5, circuit)()[:, :3]
    shares: Tensor = kept / kept.sum(1, keepdim=True)
    return shares


def _reuploading(angles: Tensor, weights: Tensor, inputs: Tensor) -> Tensor:
    turns = angles.reshape(3, 3, 3) + torch.einsum("lwpf,bf->blwp", weights.reshape(3, 3, 3, 2), inputs)

    def circuit() -> Any:
        for layer in range(3):
            for wire in range(3):
                qml.Rot(*turns[:, layer, wire].T, wires=wire)
            ring(3)
        return z(0, 1, 2)

    value = node(3, circuit)()
    return stacked((value, -value))


def _zz(angles: Tensor, _: Tensor, inputs: Tensor) -> Tensor:
    blocks = angles.reshape(4, 4)

    def circuit() -> Any:
        for _ in range(2):
            for wire in range(4):
                qml.Hadamard(wire)
                qml.PhaseShift(2 * inputs[:, wire], wires=wire)
            for one, other in pairwise(range(4)):
                qml.CNOT([one, other])
                qml.PhaseShift(2 * (math.pi - inputs[:, one]) * (math.pi - inputs[:, other]), wires=other)
                qml.CNOT([one, other])
        for layer in range(4):
            for wire in range(4):
                qml.RY(blocks[layer, wire], wires=wire)
            for pair in reversed(list(pairwise(range(4)))) if layer < 3 else ():
                qml.CNOT(pair)
        return z(0), z(1)

    return stacked(node(4, circuit)())


def _qcnn(angles: Tensor, _: Tensor, inputs: Tensor) -> Tensor:
    def convolve(turns: Tensor, pair: tuple[int, int]) -> None:
        for start, wire in zip((0, 3), pair, strict=True):
            qml.Rot(*turns[start : start + 3], wires=wire)
        for gate, turn in zip((qml.IsingXX, qml.IsingYY, qml.IsingZZ), turns[12:], strict=True):
            gate(turn, wires=pair)
        for start, wire in zip((6, 9), pair, strict=True):
            qml.Rot(*turns[start : start + 3], wires=wire)

    def pool(turns: Tensor, goes: int, stays: int) -> None:
        qml.ctrl(qml.RX(turns[0], wires=stays), control=goes, control_values=0)
        qml.CRZ(turns[1], wires=[goes, stays])

    def circuit() -> Any:
        qml.AmplitudeEmbedding(inputs, wires=range(4), normalize=True, pad_with=0.0)
        for pair in ((0, 1), (2, 3), (1, 2)):
            convolve(angles[:15], pair)
        pool(angles[15:17], 0, 1)
        pool(angles[15:17], 2, 3)
        convolve(angles[17:32], (1, 3))
        pool(angles[32:], 1, 3)
        return z(3)

    value = node(4, circuit)()
    return stacked((value, -value))


def _pixels(angles: Tensor, weights: Tensor, inputs: Tensor) -> Tensor:
    def circuit() -> Any:
        for turn in range(4 * 3 * 3):  # 16 features, 36 angles: the third pass ends early
            if turn % 3 == 0:
                first = slice(turn, turn + 3)
                features = inputs[:, [i % 16 for i in range(turn, turn + 3)]]
                qml.Rot(*(angles[first] + weights[first] * features).T, wires=turn // 3 % 3)
            if turn % 9 == 8:
                ring(3)
        return z(0), z(1), z(2)

    return stacked(node(3, circuit)())


_RING = {"cnot": "ring"}
EXAMPLES: Mapping[str, Example] = {
    "universal perturbations": Example(
        {
            "wires": {"data": 3, "ancilla": 2},
            "layers": [{"encode": "amplitude", "on": "data"}, {"repeat": 2, "block": [{"rot": "all"}, _RING]}],
            "readout": {"probabilities": "ancilla", "renormalise": True},
        },
        info_of(7, 3),
        _qugap,
    ),
    "re-uploading": Example(
        {
            "wires": 3,
            "layers": [{"repeat": 3, "block": [{"rot": "all", "angles": {"affine": "dense"}}, _RING]}],
            "readout": {"parity": "all"},
        },
        info_of(2),
        _reuploading,
    ),
    "zz feature map": Example(
        {
            "layers": [
                {"encode": "zz", "repeat": 2, "pairs": "chain"},
                {"repeat": 3, "block": [{"ry": "all"}, {"cnot": "reverse_chain"}]},
                {"ry": "all"},
            ]
        },
        info_of(4),
        _zz,
    ),
    "qcnn": Example(
        {
            "layers": [
                {"encode": "amplitude"},
                {
                    "until": 1,
                    "block": [
                        {"su4": "neighbours", "share": "wires"},
                        {"pool": "crx_crz", "keep": "odd", "share": "wires"},
                    ],
                },
            ]
        },
        info_of(16),
        _qcnn,
    ),
    "pixels": Example(
        {
            "wires": 3,
            "layers": [
                {"repeat": 4, "block": [{"rot": "all", "angles": {"affine": "each", "features": "next"}}, _RING]}
            ],
        },
        info_of(16, 3),
        _pixels,
    ),
}
"""The five shapes of circuits that papers on robustness have."""
