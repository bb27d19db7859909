"""Quantum circuits as gates on wires."""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup

from qaml.outcome.drawings import CircuitDrawing
from qaml.report.figures import readout
from qaml.report.figures.svg import drawing, join, tag
from qaml.report.text.numbers import count

_LEFT, _COLUMN, _WIRE, _TOP = 62.0, 27.0, 26.0, 18.0
_SPACE, _LETTER = 9.0, 5.2
"""Space for the features of a gate, and the width of one of their letters."""
_MOST_COLUMNS = 25
_BOX = 20.0
_LABELS = {
    "hadamard": "H",
    "rot": "R",
    "phase": "P",
    "ising_xx": "XX",
    "ising_yy": "YY",
    "ising_zz": "ZZ",
    "pauli": "flip",
    "depolarising": "DP",
    "amplitude_damping": "AD",
    "bit_flip": "BF",
    "phase_flip": "PF",
}
_CHANNELS = {
    "pauli": "random flips",
    "depolarising": "depolarising",
    "amplitude_damping": "amplitude damping",
    "bit_flip": "bit flips",
    "phase_flip": "phase flips",
}
_CONTROLLED = {"cnot": "", "cz": "", "crx": "RX", "cry": "RY", "crz": "RZ"}


class _Placed(NamedTuple):
    column: int
    name: str
    wires: tuple[int, ...]
    is_drawn: bool
    features: str = ""


class _Grid(NamedTuple):
    """The distances of columns and wires, which are larger where gates have features beside them."""

    column: float
    wire: float
    top: float
    n_columns: int

    def x(self, column: int) -> float:
        return _LEFT + (column + 0.5) * self.column

    def y(self, wire: int) -> float:
        return self.top + wire * self.wire


def draw(circuit: CircuitDrawing, description: str) -> Markup:
    """A drawing with as many columns of gates as fit; gates whose angle is drawn at random are highlighted."""
    grid = _grid(circuit)
    placed = [gate for gate in _placed(circuit) if gate.column < grid.n_columns]
    is_whole = len(placed) == circuit.n_gates
    n_columns = max((gate.column for gate in placed), default=0) + 1
    end = _LEFT + n_columns * grid.column + 6
    height = grid.top + (circuit.n_wires - 1) * grid.wire + 20
    amplitudes = _amplitudes(circuit)
    wires = []
    for wire in range(circuit.n_wires):
        y = grid.y(wire)
        wires.append(tag("path", d=f"M{_LEFT - 14} {y}H{end}", class_="z"))
        start = "|ψ⟩" if wire in amplitudes else "|0⟩"
        wires.append(tag("text", f"{start} {wire}", x=_LEFT - 20, y=y + 4, class_="tk e"))
        if not is_whole:
            wires.append(tag("text", "…", x=end + 8, y=y + 4, class_="tk"))
    marks = readout.marks(readout.of(circuit), end + (20 if not is_whole else 6), grid.y)
    return drawing(
        "qc",
        f"0 0 {marks.end + 8:.0f} {height:.0f}",
        f"{circuit.model}: circuit",
        description,
        *wires,
        *marks.parts,
        join(_gate(gate, grid) for gate in placed),
        width=marks.end + 8,
    )


def sentence(circuit: CircuitDrawing) -> str:
    """A sentence about what the drawing shows, and how much of the circuit."""
    n_columns = _grid(circuit).n_columns
    placed = [gate for gate in _placed(circuit) if gate.column < n_columns]
    part = "" if len(placed) == circuit.n_gates else f", of which the first {len(placed)} are drawn"
    return (
        f"{_patch(circuit)}{_inputs(circuit)}; {count(circuit.n_gates, 'gate')}{part};"
        f" {readout.words(readout.of(circuit))}.{''.join(f' {each}.' for each in _key(placed))}"
    )


def _patch(circuit: CircuitDrawing) -> str:
    if circuit.patch is None:
        return ""
    channels, height, width = circuit.patch
    of_all = f" in {count(channels, 'channel')}" if channels > 1 else ""
    which = f"the first of {circuit.n_filters} circuits" if circuit.n_filters > 1 else "one circuit"
    return f"Each patch of {height}×{width} pixels{of_all} goes through {which}. "


def _inputs(circuit: CircuitDrawing) -> str:
    amplitudes = _amplitudes(circuit)
    if not amplitudes:
        return f"Inputs are angles of {count(circuit.n_wires, 'wire')}"
    place = count(circuit.n_wires, "wire")
    if len(amplitudes) < circuit.n_wires:
        place = f"{readout.wires_in_words(amplitudes)}, of {place}"
    also = ", and their features are angles, too" if any(circuit.features) else ""
    return f"Inputs are {'states' if circuit.encoding == 'state' else 'amplitudes'} of {place}{also}"


def _key(placed: list[_Placed]) -> list[str]:
    """What the marks of a drawing mean."""
    said = ["R is any rotation of one wire"] if any(gate.name == "rot" for gate in placed) else []
    if any(gate.features for gate in placed):
        said.append("Beside a gate are the features x in its angles")
    if any(gate.is_drawn and gate.name not in _CHANNELS for gate in placed):
        said.append("Filled gates are rotated by noise, anew for each example")
    channels = dict.fromkeys(gate.name for gate in placed if gate.name in _CHANNELS)
    if channels:
        named = ", ".join(f"{_LABELS[name]} {_CHANNELS[name]}" for name in channels)
        said.append(f"Filled boxes are channels of noise, averaged over: {named}")
    return said


def _amplitudes(circuit: CircuitDrawing) -> tuple[int, ...]:
    """The wires that hold an input from the beginning."""
    if circuit.amplitudes is not None:
        return circuit.amplitudes
    return tuple(range(circuit.n_wires)) if circuit.encoding in ("amplitude", "state") else ()


def _grid(circuit: CircuitDrawing) -> _Grid:
    longest = max(map(len, circuit.features), default=0)
    if not longest:
        return _Grid(_COLUMN, _WIRE, _TOP, _MOST_COLUMNS)
    column = max(_COLUMN, longest * _LETTER + 4)
    return _Grid(column, _WIRE + _SPACE, _TOP + _SPACE, max(int(_MOST_COLUMNS * _COLUMN / column), 1))


def _placed(circuit: CircuitDrawing) -> list[_Placed]:
    """Each gate in the first column in which its wires are free; gates of one wire and of two have separate columns."""
    free = [0] * circuit.n_wires
    sizes: dict[int, int] = {}
    placed = []
    for text, features in zip(circuit.gates, circuit.features or ("",) * len(circuit.gates), strict=True):
        name, *rest = text.removeprefix("~").split()
        wires = tuple(int(wire) for wire in rest)
        span = range(min(wires), max(wires) + 1)
        column = max(free[wire] for wire in span)
        while sizes.setdefault(column, len(wires)) != len(wires):
            column += 1
        for wire in span:
            free[wire] = column + 1
        placed.append(_Placed(column, name, wires, text.startswith("~"), features))
    return placed


def _gate(gate: _Placed, grid: _Grid) -> Markup:
    x = grid.x(gate.column)
    first, last = grid.y(gate.wires[0]), grid.y(gate.wires[-1])
    parts = [tag("path", d=f"M{x} {first}V{last}", class_="z")] if len(gate.wires) > 1 else []
    if gate.name in _CONTROLLED:
        parts.append(tag("circle", cx=x, cy=first, r=3.4, class_="on"))
        if gate.name == "cnot":
            parts.append(tag("circle", cx=x, cy=last, r=7, class_="bx"))
            parts.append(tag("path", d=f"M{x - 7} {last}h14M{x} {last - 7}v14", class_="z"))
        elif gate.name == "cz":
            parts.append(tag("circle", cx=x, cy=last, r=3.4, class_="on"))
        else:
            parts.append(_box(x, last, _CONTROLLED[gate.name], is_drawn=gate.is_drawn))
    elif gate.name == "swap":
        crosses = "".join(f"M{x - 5} {y - 5}l10 10M{x - 5} {y + 5}l10 -10" for y in (first, last))
        parts.append(tag("path", d=crosses, class_="z"))
    else:
        label = _LABELS.get(gate.name, gate.name.upper())
        parts += [_box(x, grid.y(wire), label, is_drawn=gate.is_drawn) for wire in gate.wires]
    if gate.features:
        parts.append(_features(gate, x, last, is_above=last <= first))
    return join(parts)


def _features(gate: _Placed, x: float, y: float, *, is_above: bool) -> Markup:
    """The features of a gate's angles at its last box, on the side to which no line leads."""
    baseline = y - _BOX / 2 - 2 if is_above else y + _BOX / 2 + 7
    return tag("text", readout.small(gate.features), x=x, y=baseline, class_="tk ft")


def _box(x: float, y: float, label: str, *, is_drawn: bool) -> Markup:
    look = "bx drawn" if is_drawn else "bx"
    corner = {"x": x - _BOX / 2 - 1, "y": y - _BOX / 2, "width": _BOX + 2, "height": _BOX}
    return tag("rect", **corner, class_=look) + tag("text", label, x=x, y=y + 4, class_="tk")
