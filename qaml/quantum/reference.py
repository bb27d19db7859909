"""Circuits as PennyLane quantum functions, in float64 with gradients in torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import pennylane as qml
import torch
from torch import Tensor
from torch.nn.functional import pad

from qaml.errors import PartError
from qaml.quantum.checks import check, check_shapes
from qaml.quantum.circuit import Angle, Channel, Circuit, Operation

Reference: TypeAlias = Callable[..., Tensor]

_SIMULATORS_IN_TORCH = ("default.qubit", "default.mixed")

_OPERATIONS: Mapping[str, Any] = {
    "hadamard": qml.Hadamard,
    "x": qml.PauliX,
    "y": qml.PauliY,
    "z": qml.PauliZ,
    "rx": qml.RX,
    "ry": qml.RY,
    "rz": qml.RZ,
    "phase": qml.PhaseShift,
    "rot": qml.Rot,
    "cz": qml.CZ,
    "cnot": qml.CNOT,
    "swap": qml.SWAP,
    "crx": qml.CRX,
    "cry": qml.CRY,
    "crz": qml.CRZ,
    "ising_xx": qml.IsingXX,
    "ising_yy": qml.IsingYY,
    "ising_zz": qml.IsingZZ,
    "depolarising": qml.DepolarizingChannel,
    "amplitude_damping": qml.AmplitudeDamping,
    "bit_flip": qml.BitFlip,
    "phase_flip": qml.PhaseFlip,
}


def reference(circuit: Circuit, device: Any = None) -> Reference:
    """The circuit as a function (weights, inputs, draws=None) → ⟨Z⟩, of the shapes of ``statevector.network.run``.

    Args:
        circuit: a circuit with or without channels.
        device: a PennyLane device or the name of one; by default ``default.qubit``, or ``default.mixed`` for channels.

    Returns:
        A function whose result is (batch, n_observables) in float64. On the two default devices it is differentiable in
        all its arguments; on another by that device's best method, which reaches angles but no encoded amplitudes.

    Raises:
        PartError: for a mistake in the circuit, and when called with shapes that do not fit or for gradients that the
            device does not have.
    """
    check(circuit)
    node = _node(circuit, device)

    def expectations(weights: Tensor, inputs: Tensor, draws: Tensor | None = None) -> Tensor:
        check_shapes(circuit, tuple(weights.shape), tuple(inputs.shape), None if draws is None else tuple(draws.shape))
        if inputs.requires_grad and circuit.encoding != "zero" and node.diff_method != "backprop":
            # lightning.qubit's adjoint method answers with NaN
            raise PartError(
                f"expected inputs that need no gradient, since {node.device.name} has none for encoded amplitudes",
                "detach the inputs, or run on default.qubit",
            )
        arrays = {
            "weight": weights.double(),
            "feature": inputs.to(torch.complex128) if inputs.is_complex() else inputs.double(),
        }
        if draws is not None:
            arrays["draw"] = draws.double()
        with _default_double():
            measured = node(arrays)
        values = torch.stack([_expectation(torch.as_tensor(value)) for value in measured], -1)
        return values.expand(len(inputs), len(circuit.observables))

    return expectations


def tape_of(circuit: Circuit, arrays: Mapping[str, Tensor], wires: Sequence[int], shots: int) -> Any:
    """One input's circuit with counts of some wires, for any device.

    Args:
        circuit: a circuit without channels.
        arrays: ``weight`` (n_weights,), ``feature`` (n_features,), and ``draw`` (n_draws,) if it has draws.
        wires: the wires that are counted.
        shots: number of shots.

    Returns:
        A tape whose parameters are plain numbers.

    Raises:
        PartError: for a mistake in the circuit, or features that are zero everywhere where they are amplitudes.
    """
    check(circuit)
    if circuit.encoding == "amplitude" and not arrays["feature"].any():
        raise PartError("an input is zero everywhere: amplitude encoding has no state for it")
    arrays = {name: array.detach().double().cpu() for name, array in arrays.items()}
    with qml.queuing.AnnotatedQueue() as queue:
        _encode(circuit, arrays["feature"])
        for operation in circuit.operations:
            _queue(operation, arrays)
        qml.counts(wires=list(wires))
    tape = qml.tape.QuantumScript.from_queue(queue, shots=shots)
    (plain,), _ = qml.transforms.convert_to_numpy_parameters(tape)
    return plain


def draw(circuit: Circuit) -> str:
    """The circuit as text, one line a wire, gates by PennyLane's names."""
    check(circuit)
    arrays = {
        "weight": torch.zeros(circuit.n_weights, dtype=torch.float64),
        "feature": torch.ones(1, max(circuit.n_features, 1), dtype=torch.float64),
        "draw": torch.zeros(circuit.n_draws, dtype=torch.float64),
    }
    drawn: str = qml.draw(_node(circuit, "default.qubit"), decimals=None, show_matrices=False)(arrays)
    return drawn


def _node(circuit: Circuit, device: Any) -> Any:
    if device is None:
        device = "default.mixed" if circuit.channels else "default.qubit"
    if isinstance(device, str):
        device = qml.device(device, wires=circuit.n_wires)
    method = "backprop" if device.name in _SIMULATORS_IN_TORCH else "best"
    # default.mixed takes roots of probabilities for an expectation: NaN gradients (or values) where one of them is zero
    measure = qml.density_matrix if device.name == "default.mixed" else _z

    def quantum_function(arrays: Mapping[str, Tensor]) -> list[Any]:
        _encode(circuit, arrays["feature"])
        for operation in circuit.operations:
            _queue(operation, arrays)
        return [measure(wire) for wire in circuit.observables]

    return qml.QNode(quantum_function, device, interface="torch", diff_method=method)


@contextmanager
def _default_double() -> Iterator[None]:
    """PennyLane's constants and results have torch's default type: in float32 RZ on default.mixed is wrong by 1e-8."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(default)


def _z(wire: int) -> Any:
    return qml.expval(qml.PauliZ(wire))


def _expectation(measured: Tensor) -> Tensor:
    """⟨Z⟩ of one wire from itself, (batch,), or from the wire's density matrix, (batch, 2, 2)."""
    if measured.is_complex():
        measured = (measured[..., 0, 0] - measured[..., 1, 1]).real
    return measured.double()


def _encode(circuit: Circuit, inputs: Tensor) -> None:
    if circuit.encoding == "zero":
        return
    states = inputs
    if circuit.encoding == "amplitude":
        norms = torch.linalg.vector_norm(inputs, dim=-1, keepdim=True)
        states = pad(
            inputs / norms.clamp_min(torch.finfo(torch.float64).tiny), (0, 2**circuit.n_wires - inputs.shape[-1])
        )
    # a zero input has no direction: its state is zero, which PennyLane's own normalisation would turn into NaN
    qml.StatePrep(states.to(torch.complex128), wires=range(circuit.n_wires), validate_norm=False)


def _queue(operation: Operation, arrays: Mapping[str, Tensor]) -> None:
    if isinstance(operation, Channel):
        if operation.name == "pauli":
            qml.QubitChannel(_pauli_kraus(operation.probabilities), wires=operation.wires)
        else:
            _OPERATIONS[operation.name](*operation.probabilities, wires=operation.wires)
    else:
        _OPERATIONS[operation.name](*(_value(angle, arrays) for angle in operation.angles), wires=operation.wires)


def _value(angle: Angle, arrays: Mapping[str, Tensor]) -> Tensor:
    if angle.source == "fixed":
        return torch.tensor(angle.scale, dtype=torch.float64)
    return angle.scale * arrays[angle.source][..., angle.index]


def _pauli_kraus(probabilities: tuple[float, ...]) -> list[Tensor]:
    shares = (max(0.0, 1 - sum(probabilities)), *probabilities)
    matrices = (qml.matrix(pauli(0)) for pauli in (qml.Identity, qml.PauliX, qml.PauliY, qml.PauliZ))
    return [
        share**0.5 * torch.as_tensor(pauli, dtype=torch.complex128)
        for share, pauli in zip(shares, matrices, strict=True)
    ]
