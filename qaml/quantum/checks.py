"""Mistakes in a circuit and in its arguments, found before anything is computed."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TypeAlias

from qaml.errors import PartError
from qaml.identical import Identical
from qaml.quantum.circuit import CHANNELS, ENCODINGS, GATES, SOURCES, Angle, Channel, Circuit, Gate, Operation

MAX_WIRES = 12
"""Largest number of wires, as in West et al. 2022: a state has 4,096 amplitudes, a unitary 16 million."""

Shape: TypeAlias = tuple[int, ...]


def check(circuit: Circuit) -> None:
    """Raise a PartError for the first mistake, with the operation's position, counted from 0."""
    _check(Identical(circuit))


@lru_cache(maxsize=128)
def _check(same: Identical[Circuit]) -> None:
    circuit = same.value
    if not 1 <= circuit.n_wires <= MAX_WIRES:
        raise PartError(f"expected a circuit of 1 to {MAX_WIRES} wires, got {circuit.n_wires}")
    if circuit.encoding not in ENCODINGS:
        raise PartError(f"expected an encoding among {', '.join(ENCODINGS)}, got {circuit.encoding!r}")
    for position, operation in enumerate(circuit.operations):
        mistake = _mistake(operation, circuit)
        if mistake:
            raise PartError(f"operation {position} ({operation.name}): {mistake}")
    if not circuit.observables:
        raise PartError("expected at least one observable, got none", "name the wires whose Z is measured")
    mistake = _wires_mistake(circuit.observables, circuit.n_wires)
    if mistake:
        raise PartError(f"observables: {mistake}")


def check_shapes(circuit: Circuit, weights: Shape, inputs: Shape, draws: Shape | None) -> None:
    """Raise a PartError unless the shapes fit: (n_weights,), (batch, n_features), (n_draws,) or (batch, n_draws)."""
    if weights != (circuit.n_weights,):
        raise PartError(
            f"expected weights of shape ({circuit.n_weights},), got {weights}", "a tensor a layer is passed flattened"
        )
    if len(inputs) != 2:
        raise PartError(f"expected inputs of shape (batch, n_features), got {inputs}")
    _check_features(circuit, inputs[1])
    if draws is None and circuit.n_draws:
        raise PartError(f"expected draws of shape ({circuit.n_draws},) or (batch, {circuit.n_draws}), got none")
    if draws is not None and draws not in ((circuit.n_draws,), (inputs[0], circuit.n_draws)):
        raise PartError(
            f"expected draws of shape ({circuit.n_draws},) or ({inputs[0]}, {circuit.n_draws}), got {draws}"
        )


def _check_features(circuit: Circuit, n_features: int) -> None:
    n_states = 2**circuit.n_wires
    if circuit.encoding == "state" and n_features != n_states:
        raise PartError(f"expected states of {n_states} amplitudes on {circuit.n_wires} wires, got {n_features}")
    if circuit.encoding == "amplitude" and not 1 <= n_features <= n_states:
        needed = max(n_features - 1, 1).bit_length()
        raise PartError(
            f"expected at most {n_states} features on {circuit.n_wires} wires, and one or more, got {n_features}",
            f"{n_features} features need {needed} wires" if n_features else "",
        )
    if n_features < circuit.n_features:
        raise PartError(f"expected at least {circuit.n_features} features, got {n_features}")


def _mistake(operation: Operation, circuit: Circuit) -> str:
    table, kind, word = (
        (GATES, "gate", "angles") if isinstance(operation, Gate) else (CHANNELS, "channel", "probabilities")
    )
    if operation.name not in table:
        return f"unknown {kind}; expected one of {', '.join(table)}"
    n_wires, n_parameters = table[operation.name]
    parameters = operation.angles if isinstance(operation, Gate) else operation.probabilities
    if len(operation.wires) != n_wires:
        return f"expected {n_wires} wires, got {operation.wires}"
    if len(parameters) != n_parameters:
        return f"expected {n_parameters} {word}, got {len(parameters)}"
    return _wires_mistake(operation.wires, circuit.n_wires) or (
        _probabilities_mistake(operation)
        if isinstance(operation, Channel)
        else next(filter(None, (_angle_mistake(angle, circuit) for angle in operation.angles)), "")
    )


def _wires_mistake(wires: tuple[int, ...], n_wires: int) -> str:
    for wire in wires:
        if not 0 <= wire < n_wires:
            return f"expected wires from 0 to {n_wires - 1}, got {wire}"
    return f"expected each wire once, got {wires}" if len(set(wires)) < len(wires) else ""


def _probabilities_mistake(channel: Channel) -> str:
    # written so that NaN is a mistake too; three thirds may add up to a hair more than one
    if not (all(0 <= p <= 1 for p in channel.probabilities) and sum(channel.probabilities) <= 1 + 1e-12):
        return f"expected probabilities in [0, 1] with a sum of at most 1, got {channel.probabilities}"
    return ""


def _angle_mistake(angle: Angle, circuit: Circuit) -> str:
    if angle.source not in SOURCES:
        return f"expected an angle from {', '.join(SOURCES)}, got {angle.source!r}"
    if angle.index < 0:
        return f"expected an index of 0 or more, got {angle.index}"
    if not math.isfinite(angle.scale):
        return f"expected a finite scale, got {angle.scale}"
    if angle.source == "feature" and circuit.encoding == "state":
        return "expected no angle from features, since the inputs of this circuit are states"
    return ""
