"""A circuit as plain data: how inputs become a state, the gates and channels in order, and which wires are measured.

Wire 0 is the most significant bit of the basis index, as in PennyLane, and gates mean what PennyLane's of that name do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple, TypeAlias, get_args

from qaml.identical import Identical

Source = Literal["weight", "feature", "draw", "fixed"]
Encoding = Literal["amplitude", "state", "zero"]
Entangler = Literal["cz_chain", "cnot_chain", "cnot_ring"]
GateName = Literal[
    "rot",
    "rx",
    "ry",
    "rz",
    "phase",
    "hadamard",
    "x",
    "cnot",
    "cz",
    "swap",
    "crx",
    "cry",
    "crz",
    "ising_xx",
    "ising_yy",
    "ising_zz",
]
"""A gate of which circuits that a spec writes out consist."""


class Arity(NamedTuple):
    """The number of wires of a gate or channel, and of its angles or probabilities."""

    n_wires: int
    n_parameters: int


GATES: Mapping[str, Arity] = {
    **dict.fromkeys(("hadamard", "x", "y", "z"), Arity(1, 0)),
    **dict.fromkeys(("rx", "ry", "rz", "phase"), Arity(1, 1)),
    "rot": Arity(1, 3),
    **dict.fromkeys(("cz", "cnot", "swap"), Arity(2, 0)),
    **dict.fromkeys(("crx", "cry", "crz", "ising_xx", "ising_yy", "ising_zz"), Arity(2, 1)),
}
"""Every gate by name. ``rot`` is Rot(φ, θ, ω) = RZ(ω) RY(θ) RZ(φ); controlled gates name the control wire first."""

CHANNELS: Mapping[str, Arity] = {
    **dict.fromkeys(("depolarising", "amplitude_damping", "bit_flip", "phase_flip"), Arity(1, 1)),
    "pauli": Arity(1, 3),
}
"""Every channel by name.

``depolarising`` of p is X, Y or Z with p/3 each (so the state is replaced by the maximally mixed one with probability
4p/3); ``amplitude_damping`` of γ decays |1⟩ to |0⟩; ``bit_flip`` and ``phase_flip`` of p apply X and Z; ``pauli`` of
(p_x, p_y, p_z) applies X, Y, Z.
"""


class Angle(NamedTuple):
    """An angle in radians: scale × array[index], the array chosen by ``source``; for ``fixed`` the scale itself."""

    source: Source
    index: int = 0  # type: ignore[assignment]  # hides tuple.index, which an angle does not need
    scale: float = 1.0


class Gate(NamedTuple):
    """A unitary by its name in ``GATES``, on wires, with angles."""

    name: str
    wires: tuple[int, ...]
    angles: tuple[Angle, ...] = ()


class Channel(NamedTuple):
    """Noise by its name in ``CHANNELS``, on one wire, with its probabilities."""

    name: str
    wires: tuple[int, ...]
    probabilities: tuple[float, ...]


Operation: TypeAlias = Gate | Channel


class Circuit(NamedTuple):
    """A circuit whose outputs are the expectation values of Z on the wires ``observables``.

    Encodings: ``amplitude`` divides a real input vector by its norm and pads it with zeros to 2**n_wires amplitudes
    (zeros stay zeros, and every output is 0); ``state`` takes the 2**n_wires amplitudes as they are, real or complex;
    ``zero`` starts at |0…0⟩, so inputs enter through angles alone.
    """

    n_wires: int
    encoding: Encoding
    operations: tuple[Operation, ...]
    observables: tuple[int, ...]

    @property
    def n_weights(self) -> int:
        """Length of the flat vector of weights."""
        return _length(self.operations, "weight")

    @property
    def n_features(self) -> int:
        """Smallest number of features of an input, so that every angle has its own; all 2**n_wires of a state."""
        return 2**self.n_wires if self.encoding == "state" else _length(self.operations, "feature")

    @property
    def n_draws(self) -> int:
        """Length of the vector of random draws."""
        return _length(self.operations, "draw")

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The noise, in order; without any the circuit keeps pure states pure."""
        return _channels(Identical(self.operations))


def layered(n_wires: int, n_layers: int, n_observables: int, entangler: Entangler = "cz_chain") -> Circuit:
    """Amplitude encoding, then layers of Rot on every wire and an entangler, then Z on the first wires.

    The weights (φ, θ, ω) of layer l and wire w begin at ((l·n_wires) + w)·3: a flat tensor (n_layers, n_wires, 3).
    With ``cz_chain`` it is the classifier of West et al. 2022 (Methods; figure S1c): on 10 wires a layer has 39 gates,
    a Rot counting as three.
    """
    rotations = [
        Gate("rot", (wire,), tuple(Angle("weight", 3 * wire + i) for i in range(3))) for wire in range(n_wires)
    ]
    layer = (*rotations, *entangling_gates(entangler, n_wires))
    return Circuit(n_wires, "amplitude", repeated(layer, n_layers), tuple(range(n_observables)))


def entangling_gates(entangler: Entangler, n_wires: int) -> tuple[Gate, ...]:
    """CZ or CNOT on neighbours (0, 1), (1, 2), …; a ring of three wires or more closes with (n_wires − 1, 0)."""
    pairs = list(pairwise(range(n_wires)))
    if entangler == "cnot_ring" and n_wires > 2:
        pairs.append((n_wires - 1, 0))
    return tuple(Gate("cz" if entangler == "cz_chain" else "cnot", pair) for pair in pairs)


def repeated(block: Sequence[Operation], times: int) -> tuple[Operation, ...]:
    """The block several times over, each with weights and draws of its own, and the same features every time."""
    n_weights, n_draws = _length(block, "weight"), _length(block, "draw")
    return tuple(
        _shifted(operation, {"weight": i * n_weights, "draw": i * n_draws}) for i in range(times) for operation in block
    )


def disturbed(circuit: Circuit, after: Mapping[str, Sequence[tuple[str, tuple[float, ...]]]]) -> Circuit:
    """The circuit with channels behind every gate of a name, on its wires, after those that follow it already.

    Args:
        circuit: a circuit.
        after: gate → names of channels with their probabilities, in order.
    """
    operations: list[Operation] = []
    added: list[Operation] = []
    for operation in circuit.operations:
        if isinstance(operation, Gate):
            operations += added
            new = after.get(operation.name, ())
            added = [Channel(name, (wire,), chances) for name, chances in new for wire in operation.wires]
        operations.append(operation)
    return circuit._replace(operations=(*operations, *added))


def gate_angles(operations: Iterable[Operation]) -> Iterator[Angle]:
    """Every angle of the gates, in order."""
    return (angle for operation in operations if isinstance(operation, Gate) for angle in operation.angles)


@lru_cache(maxsize=128)
def _channels(operations: Identical[tuple[Operation, ...]]) -> tuple[Channel, ...]:
    return tuple(operation for operation in operations.value if isinstance(operation, Channel))


def _shifted(operation: Operation, offsets: Mapping[Source, int]) -> Operation:
    if isinstance(operation, Channel):
        return operation
    angles = (angle._replace(index=angle.index + offsets.get(angle.source, 0)) for angle in operation.angles)
    return operation._replace(angles=tuple(angles))


def _length(operations: Sequence[Operation], source: Source) -> int:
    return _lengths(Identical(operations)).get(source, 0)


@lru_cache(maxsize=128)
def _lengths(operations: Identical[Sequence[Operation]]) -> Mapping[Source, int]:
    lengths: dict[Source, int] = {}
    for angle in gate_angles(operations.value):
        lengths[angle.source] = max(lengths.get(angle.source, 0), angle.index + 1)
    return lengths


SOURCES: tuple[Source, ...] = get_args(Source)
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)
