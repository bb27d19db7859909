"""Quantum circuits as gates on wires."""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup

from qaml.outcome.drawings import CircuitDrawing
from qaml.report.figures.svg import drawing, join, tag
from qaml.report.text.numbers import count

_LEFT, _COLUMN, _WIRE, _TOP = 62.0, 27.0, 26.0, 18.0
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
}
_CONTROLLED = {"cnot": "", "cz": "", "crx": "RX", "cry": "RY", "crz": "RZ"}


class _Placed(NamedTuple):
    column: int
    name: str
    wires: tuple[int, ...]
    is_drawn: bool


def draw(circuit: CircuitDrawing, description: str) -> Markup:
    """A drawing with as many columns of gates as fit; gates whose angle is drawn at random are highlighted."""
    placed = [gate for gate in _placed(circuit) if gate.column < _MOST_COLUMNS]
    is_whole = len(placed) == circuit.n_gates
    n_columns = max((gate.column for gate in placed), default=0) + 1
    end = _LEFT + n_columns * _COLUMN + 6
    height = _TOP + (circuit.n_wires - 1) * _WIRE + 20
    start = "|ψ⟩" if circuit.encoding in ("amplitude", "state") else "|0⟩"
    wires = []
    for wire in range(circuit.n_wires):
        y = _y(wire)
        wires.append(tag("path", d=f"M{_LEFT - 14} {y}H{end}", class_="z"))
        wires.append(tag("text", f"{start} {wire}", x=_LEFT - 20, y=y + 4, class_="tk e"))
        if not is_whole:
            wires.append(tag("text", "…", x=end + 8, y=y + 4, class_="tk"))
        if wire in circuit.measured:
            wires.append(tag("text", "⟨Z⟩", x=end + (32 if not is_whole else 18), y=y + 4, class_="tk bold"))
    return drawing(
        "qc",
        f"0 0 {end + 50:.0f} {height:.0f}",
        f"{circuit.model}: circuit",
        description,
        *wires,
        join(_gate(gate) for gate in placed),
        width=end + 50,
    )


def sentence(circuit: CircuitDrawing) -> str:
    """A sentence about what the drawing shows, and how much of the circuit."""
    shown = sum(gate.column < _MOST_COLUMNS for gate in _placed(circuit))
    part = "" if shown == circuit.n_gates else f", of which the first {shown} are drawn"
    drawn = " Filled gates are rotated by noise, anew for each example." if "~" in "".join(circuit.gates) else ""
    measured = ", ".join(str(wire) for wire in circuit.measured)
    encoding = {"amplitude": "Inputs are amplitudes", "state": "Inputs are states"}.get(
        circuit.encoding, "Inputs are angles"
    )
    return (
        f"{encoding} of {count(circuit.n_wires, 'wire')}; {count(circuit.n_gates, 'gate')}{part};"
        f" Z is measured on wire {measured}. R is any rotation of one wire.{drawn}"
    )


def _placed(circuit: CircuitDrawing) -> list[_Placed]:
    """Each gate in the first column in which its wires are free; gates of one wire and of two have separate columns."""
    free = [0] * circuit.n_wires
    sizes: dict[int, int] = {}
    placed = []
    for text in circuit.gates:
        name, *rest = text.removeprefix("~").split()
        wires = tuple(int(wire) for wire in rest)
        span = range(min(wires), max(wires) + 1)
        column = max(free[wire] for wire in span)
        while sizes.setdefault(column, len(wires)) != len(wires):
            column += 1
        for wire in span:
            free[wire] = column + 1
        placed.append(_Placed(column, name, wires, text.startswith("~")))
    return placed


def _gate(gate: _Placed) -> Markup:
    x = _LEFT + (gate.column + 0.5) * _COLUMN
    first, last = _y(gate.wires[0]), _y(gate.wires[-1])
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
    else:
        label = _LABELS.get(gate.name, gate.name.upper())
        parts += [_box(x, _y(wire), label, is_drawn=gate.is_drawn) for wire in gate.wires]
    return join(parts)


def _box(x: float, y: float, label: str, *, is_drawn: bool) -> Markup:
    look = "bx drawn" if is_drawn else "bx"
    corner = {"x": x - _BOX / 2 - 1, "y": y - _BOX / 2, "width": _BOX + 2, "height": _BOX}
    return tag("rect", **corner, class_=look) + tag("text", label, x=x, y=y + 4, class_="tk")


def _y(wire: int) -> float:
    return _TOP + wire * _WIRE
