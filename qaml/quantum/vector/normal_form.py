"""A circuit as layers of diagonals and real rotations, in a frame that permutations move instead of the amplitudes.

**Frame.** CNOT, SWAP and X permute the basis. Amplitude k of the circuit is stored at index F(k), an affine map over
GF(2), and these gates change F alone. A wire w is then two masks of the stored index: its *flip*, F(e_w) − F(0), which
changes the wire's bit, and its *parity*, the bits whose sum, up to a constant, is the wire's bit.

**Phases.** RZ(θ) multiplies by exp(−iθ/2·χ), χ = ±1 the sign of a parity. So do IsingZZ, controlled RZ and CZ, each as
one to three phases, since CZ = exp(iπ/4·(1 − Z_a − Z_b + Z_a Z_b)).

**Turns.** RY(θ) is a real rotation of the pairs of amplitudes that a flip exchanges. The other gates are those above:
RX = RZ(−π/2)·RY·RZ(π/2), H = RY(π/2)·Z, CRY(θ) = RY(θ/2)·CNOT·RY(−θ/2)·CNOT, and IsingXX is RX between two CNOTs.

**Layers.** A layer is phases, then turns of which none touches another's parity. Every gate goes into the earliest
layer that it can reach past gates with which it commutes; equal masks add up their angles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import pi
from typing import NamedTuple, TypeAlias

from qaml.quantum.circuit import Angle, Circuit, Gate, Source


class Sum:
    """An angle as a constant and a weighted sum over elements of arrays.

    Attributes:
        constant: radians.
        terms: factors by array and index.
    """

    def __init__(self, constant: float = 0.0) -> None:
        self.constant = constant
        self.terms: dict[tuple[Source, int], float] = {}

    def add(self, angle: Angle, factor: float) -> None:
        """Add factor times an angle of the circuit."""
        if angle.source == "fixed":
            self.constant += factor * angle.scale
        else:
            place = (angle.source, angle.index)
            self.terms[place] = self.terms.get(place, 0.0) + factor * angle.scale


class Turn(NamedTuple):
    """A rotation by RY's matrix of the pairs of stored amplitudes that ``flip`` exchanges.

    Attributes:
        flip: exclusive or of the two indices of a pair.
        parity: mask whose parity is 0 for the first of a pair.
        angle: θ in radians.
    """

    flip: int
    parity: int
    angle: Sum

    def is_apart_from(self, other: Turn) -> bool:
        """Whether the two act like rotations of different wires."""
        return not _odd(self.flip & other.parity) and not _odd(other.flip & self.parity)


class Layer(NamedTuple):
    """Phases by their masks, then turns that are apart from one another."""

    phases: dict[int, Sum]
    turns: list[Turn]


class NormalForm(NamedTuple):
    """A circuit's layers, and where its amplitudes are stored behind them.

    Attributes:
        n_wires: number of wires.
        layers: the layers in order; they begin in the frame F(k) = k.
        flips: F(e_w) − F(0) of every wire.
        constant: F(0).
        phase: the angle α of a factor exp(iα) of the final state.
    """

    n_wires: int
    layers: list[Layer]
    flips: list[int]
    constant: int
    phase: Sum


def normal_form(circuit: Circuit) -> NormalForm:
    """The layers of a circuit without channels."""
    builder = _Builder(circuit.n_wires)
    for gate in circuit.operations:
        assert isinstance(gate, Gate)
        _APPLY[gate.name](builder, gate.wires, gate.angles)
    return NormalForm(circuit.n_wires, builder.layers, builder.flips, builder.constant, builder.phase)


def _odd(mask: int) -> bool:
    return mask.bit_count() % 2 == 1


class _Builder:
    """Takes gates in order."""

    def __init__(self, n_wires: int) -> None:
        self.layers: list[Layer] = []
        self.flips = [1 << (n_wires - 1 - wire) for wire in range(n_wires)]
        self.parities = list(self.flips)
        self.constant = 0
        self.phase = Sum()

    def cnot(self, wires: Sequence[int]) -> None:
        control, target = wires
        self.flips[control] ^= self.flips[target]
        self.parities[target] ^= self.parities[control]

    def swap(self, wires: Sequence[int]) -> None:
        a, b = wires
        for masks in (self.flips, self.parities):
            masks[a], masks[b] = masks[b], masks[a]

    def x(self, wire: int) -> None:
        self.constant ^= self.flips[wire]

    def z(self, wire: int) -> None:
        self.rz(wire, _HALF_TURN, 1.0)
        self.phase.constant += pi / 2

    def rz(self, wire: int, angle: Angle, factor: float) -> None:
        self._multiply(self.parities[wire], angle, factor)

    def zz(self, wires: Sequence[int], angle: Angle, factor: float) -> None:
        """exp(−iθ/2 Z_a Z_b), θ = factor × angle."""
        a, b = wires
        self._multiply(self.parities[a] ^ self.parities[b], angle, factor)

    def _multiply(self, mask: int, angle: Angle, factor: float) -> None:
        position = len(self.layers)
        while position > 0 and not any(_odd(mask & turn.flip) for turn in self.layers[position - 1].turns):
            position -= 1
        if position == len(self.layers):
            self.layers.append(Layer({}, []))
        self.layers[position].phases.setdefault(mask, Sum()).add(angle, self._sign(mask) * factor)

    def ry(self, wire: int, angle: Angle, factor: float) -> None:
        turn = Turn(self.flips[wire], self.parities[wire], Sum())
        place: list[Turn] | None = None
        for layer in reversed(self.layers):
            same = [other for other in layer.turns if other[:2] == turn[:2]]
            if same:
                place, turn = layer.turns, same[0]
                break
            if not all(turn.is_apart_from(other) for other in layer.turns):
                break
            place = layer.turns
            if any(_odd(mask & turn.flip) for mask in layer.phases):
                break
        if place is None:
            self.layers.append(Layer({}, []))
            place = self.layers[-1].turns
        if turn not in place:
            place.append(turn)
        turn.angle.add(angle, self._sign(turn.parity) * factor)

    def _sign(self, mask: int) -> int:
        """−1 where the frame's constant exchanges the two halves that a mask's parity divides."""
        return -1 if _odd(mask & self.constant) else 1

    def rx(self, wire: int, angle: Angle, factor: float = 1.0) -> None:
        self.rz(wire, _HALF_TURN, 0.5)
        self.ry(wire, angle, factor)
        self.rz(wire, _HALF_TURN, -0.5)

    def controlled_ry(self, wires: Sequence[int], angle: Angle) -> None:
        for factor in (0.5, -0.5):
            self.ry(wires[1], angle, factor)
            self.cnot(wires)

    def xx(self, wires: Sequence[int], angle: Angle) -> None:
        """exp(−iθ/2 X_a X_b)."""
        self.cnot(wires)
        self.rx(wires[0], angle)
        self.cnot(wires)


_HALF_TURN = Angle("fixed", scale=pi)
_Wires: TypeAlias = tuple[int, ...]
_Angles: TypeAlias = tuple[Angle, ...]
_Apply: TypeAlias = Callable[[_Builder, _Wires, _Angles], None]


def _hadamard(build: _Builder, wires: _Wires, _: _Angles) -> None:
    build.z(wires[0])
    build.ry(wires[0], _HALF_TURN, 0.5)


def _y(build: _Builder, wires: _Wires, _: _Angles) -> None:
    """Y = i·X·Z."""
    build.z(wires[0])
    build.x(wires[0])
    build.phase.constant += pi / 2


def _phase(build: _Builder, wires: _Wires, angles: _Angles) -> None:
    build.rz(wires[0], angles[0], 1.0)
    build.phase.add(angles[0], 0.5)


def _rot(build: _Builder, wires: _Wires, angles: _Angles) -> None:
    build.rz(wires[0], angles[0], 1.0)
    build.ry(wires[0], angles[1], 1.0)
    build.rz(wires[0], angles[2], 1.0)


def _cz(build: _Builder, wires: _Wires, _: _Angles) -> None:
    for wire in wires:
        build.rz(wire, _HALF_TURN, 0.5)
    build.zz(wires, _HALF_TURN, -0.5)
    build.phase.constant += pi / 4


def _crx(build: _Builder, wires: _Wires, angles: _Angles) -> None:
    build.rz(wires[1], _HALF_TURN, 0.5)
    build.controlled_ry(wires, angles[0])
    build.rz(wires[1], _HALF_TURN, -0.5)


def _crz(build: _Builder, wires: _Wires, angles: _Angles) -> None:
    build.rz(wires[1], angles[0], 0.5)
    build.zz(wires, angles[0], -0.5)


def _ising_yy(build: _Builder, wires: _Wires, angles: _Angles) -> None:
    for wire in wires:
        build.rz(wire, _HALF_TURN, -0.5)
    build.xx(wires, angles[0])
    for wire in wires:
        build.rz(wire, _HALF_TURN, 0.5)


_APPLY: Mapping[str, _Apply] = {
    "hadamard": _hadamard,
    "x": lambda build, wires, _: build.x(wires[0]),
    "y": _y,
    "z": lambda build, wires, _: build.z(wires[0]),
    "rx": lambda build, wires, angles: build.rx(wires[0], angles[0]),
    "ry": lambda build, wires, angles: build.ry(wires[0], angles[0], 1.0),
    "rz": lambda build, wires, angles: build.rz(wires[0], angles[0], 1.0),
    "phase": _phase,
    "rot": _rot,
    "cz": _cz,
    "cnot": lambda build, wires, _: build.cnot(wires),
    "swap": lambda build, wires, _: build.swap(wires),
    "crx": _crx,
    "cry": lambda build, wires, angles: build.controlled_ry(wires, angles[0]),
    "crz": _crz,
    "ising_xx": lambda build, wires, angles: build.xx(wires, angles[0]),
    "ising_yy": _ising_yy,
    "ising_zz": lambda build, wires, angles: build.zz(wires, angles[0], 1.0),
}
