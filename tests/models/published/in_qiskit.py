"""Makes ``qiskit.safetensors`` and its outputs in ``expected.json`` with Qiskit, which the tests do without.

``python -m tests.models.published.in_qiskit`` in an environment with qiskit (2.6.2 made the files) and safetensors.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2, real_amplitudes, zz_feature_map
from qiskit.quantum_info import SparsePauliOp, Statevector
from safetensors.numpy import save_file

HERE = Path(__file__).parent


def bound(circuit: Any, values: Any) -> Any:
    """The circuit with its parameters in Qiskit's own order, which sorts θ[2] before θ[10]."""
    return circuit.assign_parameters(list(map(float, values)))


def z_values(state: Any, labels: list[str]) -> list[float]:
    """Labels as Qiskit writes them: the last letter is qubit 0."""
    return [float(state.expectation_value(SparsePauliOp(label)).real) for label in labels]


def zz_real_amplitudes(x: Any, theta: Any) -> list[float]:
    """⟨Z⟩ of qubits 0 and 1 behind the ZZ feature map and RealAmplitudes."""
    first = bound(zz_feature_map(4, reps=2, entanglement="linear"), x)
    state = Statevector(first.compose(bound(real_amplitudes(4, reps=3, entanglement="reverse_linear"), theta)))
    return z_values(state, ["IIIZ", "IIZI"])


def amplitudes_and_u(x: Any, theta: Any) -> list[float]:
    """Probabilities of qubits 0 and 2, qubit 0 the least significant bit, behind amplitudes and gates U."""
    circuit = QuantumCircuit(3)
    circuit.initialize(x / np.linalg.norm(x))
    for layer in theta:
        for qubit, angles in enumerate(layer):
            circuit.u(*map(float, angles), qubit)
        circuit.cx(0, 1)
        circuit.cx(1, 2)
    return [float(p) for p in Statevector(circuit).probabilities([0, 2])]


def efficient(x: Any, theta: Any) -> list[float]:
    """Z of qubits 0 and 2 together, and of qubit 1, behind RX(x_i) and EfficientSU2."""
    circuit = QuantumCircuit(3)
    for qubit, angle in enumerate(x):
        circuit.rx(float(angle), qubit)
    ansatz = bound(efficient_su2(3, reps=2, entanglement="circular"), theta)
    return z_values(Statevector(circuit.compose(ansatz)), ["ZIZ", "IZI"])


def main() -> None:
    random = np.random.default_rng(18)
    weights = {
        "real_amplitudes": random.uniform(-np.pi, np.pi, 16),
        "u": random.uniform(-np.pi, np.pi, (2, 3, 3)),
        "efficient_su2": random.uniform(-np.pi, np.pi, 18),
    }
    functions = {"real_amplitudes": zz_real_amplitudes, "u": amplitudes_and_u, "efficient_su2": efficient}
    inputs = {"real_amplitudes": 4, "u": 8, "efficient_su2": 3}
    save_file(weights, HERE / "qiskit.safetensors")
    path = HERE / "expected.json"
    expected = json.loads(path.read_text()) if path.exists() else {}
    for name, function in functions.items():
        xs = random.uniform(0, 1, (3, inputs[name]))
        expected[name] = {"inputs": xs.tolist(), "values": [function(x, weights[name]) for x in xs]}
    path.write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
