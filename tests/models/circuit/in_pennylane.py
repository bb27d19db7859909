"""Blocks read a second time, straight into PennyLane, by its templates, numbers in the order of their use."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pennylane as qml
import torch
from torch import Tensor

from tests.models.circuit.examples import node, stacked, z

GATES: Mapping[str, tuple[Any, int]] = {
    **{"rot": (qml.Rot, 3), "rx": (qml.RX, 1), "ry": (qml.RY, 1), "rz": (qml.RZ, 1), "phase": (qml.PhaseShift, 1)},
    **{"hadamard": (qml.Hadamard, 0), "cnot": (qml.CNOT, 0), "cz": (qml.CZ, 0), "swap": (qml.SWAP, 0)},
    **{"crx": (qml.CRX, 1), "cry": (qml.CRY, 1), "crz": (qml.CRZ, 1)},
    **{"ising_xx": (qml.IsingXX, 1), "ising_yy": (qml.IsingYY, 1), "ising_zz": (qml.IsingZZ, 1)},
}


class Reading:
    """A circuit in PennyLane for given numbers and inputs (batch, features)."""

    def __init__(self, n_wires: int, blocks: Sequence[Any], angles: Tensor, weights: Tensor, inputs: Tensor) -> None:
        self.n_wires, self.blocks, self.inputs = n_wires, blocks, inputs
        self.angles, self.weights = angles, weights

    def queue(self) -> None:
        self._angles, self._weights = iter(self.angles), iter(self.weights)
        self._next = 0
        self._run(self.blocks, 0)

    def _run(self, blocks: Sequence[Any], turn: int) -> None:
        for block in blocks:
            if "block" in block:
                for i in range(block["repeat"]):
                    self._run(block["block"], i)
            elif "encode" in block:
                self._encode(block)
            else:
                self._gates(block, turn)

    def _encode(self, block: Mapping[str, Any]) -> None:
        x, wires = self.inputs, range(self.n_wires)
        match block["encode"]:
            case "amplitude":
                qml.AmplitudeEmbedding(x, wires=wires, normalize=True, pad_with=0.0)
            case "angle":
                scaled = block.get("scale", 1.0) * x
                qml.AngleEmbedding(scaled, wires=wires, rotation=block.get("axis", "x").upper())
            case "iqp":
                qml.IQPEmbedding(x, wires=wires, n_repeats=block.get("repeat", 1))
            case "basis":
                for wire in range(x.shape[1]):
                    qml.RX(math.pi * x[:, wire], wires=wire)

    def _gates(self, block: Mapping[str, Any], turn: int) -> None:
        verb = next(name for name in block if name in GATES)
        gate, n_parameters = GATES[verb]
        settings = block.get("angles", {})
        taken = self._features(settings, len(self._on(block, verb, turn)) * n_parameters)
        shared: list[tuple[Any, Any]] = []
        for slot, wires in enumerate(self._on(block, verb, turn)):
            values = []
            for parameter in range(n_parameters):
                terms = next(taken)
                if slot and block.get("share") == "wires":
                    bias, weights = shared[parameter]
                else:
                    bias = settings["bias"] if "bias" in settings else next(self._angles)
                    weights = [settings["weight"] if "weight" in settings else next(self._weights) for _ in terms]
                    shared.append((bias, weights))
                angle = bias + sum(w * f for w, f in zip(weights, terms, strict=True))
                values.append(torch.as_tensor(angle, dtype=torch.float64))
            gate(*values, wires=wires)

    def _features(self, settings: Mapping[str, Any], count: int) -> Iterator[list[Tensor]]:
        chosen: Any = settings.get("features", "all")
        every = [self.inputs[:, i] for i in range(self.inputs.shape[1])]
        if isinstance(chosen, list):
            every = [self.inputs[:, term if isinstance(term, list) else [term]].prod(1) for term in chosen]
        for number in range(count):
            match settings.get("affine"):
                case None:
                    yield []
                case "dense":
                    yield every
                case _ if chosen == "next":
                    self._next += 1
                    yield [every[(self._next - 1) % len(every)]]
                case _:
                    yield every[number : number + 1]

    def _on(self, block: Mapping[str, Any], verb: str, turn: int) -> list[Any]:
        n, on = self.n_wires, block[verb]
        if not isinstance(on, str):
            return list(on)
        range_ = turn % max(n - 1, 1) + 1 if block.get("stride") == "cycle" else 1
        return {
            "all": [[i] for i in range(n)],
            "chain": [[i, i + 1] for i in range(n - 1)],
            "reverse_chain": [[i, i + 1] for i in reversed(range(n - 1))],
            "ring": [[i, (i + range_) % n] for i in range(n if n > 2 or "stride" in block else n - 1)],
            "all_to_all": [[i, j] for i in range(n) for j in range(i + 1, n)],
            "neighbours": [[i, i + 1] for first in (0, 1) for i in range(first, n - 1, 2)],
        }[on]

    def logits(self, readout: Mapping[str, Any], head: torch.nn.Linear | None) -> Tensor:
        """Logits of two classes."""

        def circuit() -> Any:
            self.queue()
            if "probabilities" in readout:
                return (qml.probs(wires=readout["probabilities"]),)
            if "parity" in readout:
                groups = [range(self.n_wires)] if readout["parity"] == "all" else readout["parity"]
                return [z(*group) for group in groups]
            return [z(wire) for wire in readout.get("z", range(self.n_wires))]

        found = node(self.n_wires, circuit)()
        values = found[0] if "probabilities" in readout else stacked(found)
        values = values.expand(len(self.inputs), -1) if values.ndim == 2 else values.expand(len(self.inputs), 1)
        if head is not None:
            return torch.nn.functional.linear(values, head.weight, head.bias)
        values = values if "parity" in readout or "z" in readout else values[:, :2]
        if readout.get("renormalise"):
            values = values / values.sum(1, keepdim=True)
        if values.shape[1] == 1:
            values = torch.cat((values, -values), 1)
            return ((1 + values) / 2).log() if readout.get("log") else values
        return values.log() if readout.get("log") else values
