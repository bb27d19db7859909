"""Makes ``torchquantum.safetensors`` and outputs in ``expected.json`` with TorchQuantum, which the tests do without.

``python -m tests.models.published.in_torchquantum`` in an environment with torchquantum (0.1.8 made the files).
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
import torchquantum as tq
from safetensors.torch import save_file
from torch import Tensor, nn

HERE = Path(__file__).parent


class Layered(nn.Module):
    """RY(x_i) on wire i, then twice U3 on every wire and a ring of CNOT; ⟨Z⟩ of all wires."""

    n_features = 3

    def __init__(self) -> None:
        super().__init__()
        trained = {"n_wires": 3, "has_params": True, "trainable": True}
        self.u3_layers = nn.ModuleList(tq.Op1QAllLayer(op=tq.U3, **trained) for _ in range(2))
        self.ring = tq.Op2QAllLayer(op=tq.CNOT, n_wires=3, jump=1, circular=True)

    def forward(self, inputs: Tensor) -> Tensor:
        device = tq.QuantumDevice(n_wires=3, bsz=len(inputs))
        for wire in range(3):
            tq.functional.ry(device, wires=wire, params=inputs[:, wire])
        for layer in self.u3_layers:
            layer(device)
            self.ring(device)
        values: Tensor = tq.MeasureAll(tq.PauliZ)(device)
        return values


class Named(nn.Module):
    """Amplitudes, gates that are attributes, and the probabilities of wires 0 and 1; wire 0 is the first axis."""

    n_features = 8

    def __init__(self) -> None:
        super().__init__()
        trained: dict[str, Any] = {"has_params": True, "trainable": True}
        self.rot0: Any = tq.Rot(**trained)
        self.rx0: Any = tq.RX(**trained)
        self.ry1: Any = tq.RY(**trained)
        self.rot2: Any = tq.Rot(**trained)
        self.crx0: Any = tq.CRX(**trained)

    def forward(self, inputs: Tensor) -> Tensor:
        device = tq.QuantumDevice(n_wires=3, bsz=len(inputs))
        tq.StateEncoder()(device, inputs)
        self.rot0(device, wires=0)
        self.rot2(device, wires=2)
        self.rx0(device, wires=0)
        self.ry1(device, wires=1)
        self.crx0(device, wires=[2, 0])
        states: Any = device.get_states_1d()
        probabilities: Tensor = states.abs().square().reshape(-1, 2, 2, 2).sum(3).flatten(1)
        return probabilities


def main() -> None:
    torch.manual_seed(18)
    arrays: dict[str, Tensor] = {}
    path = HERE / "expected.json"
    expected = json.loads(path.read_text()) if path.exists() else {}
    models: dict[str, Layered | Named] = {"layered": Layered(), "named": Named()}
    for name, model in models.items():
        for parameter in model.parameters():
            nn.init.uniform_(parameter, -math.pi, math.pi)
        arrays |= {f"{name}.{key}": value for key, value in model.state_dict().items()}
        inputs = torch.rand(3, model.n_features)
        with torch.no_grad():
            expected[name] = {"inputs": inputs.tolist(), "values": model(inputs).tolist()}
    save_file({key: value.clone() for key, value in arrays.items()}, HERE / "torchquantum.safetensors")
    path.write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
