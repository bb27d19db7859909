"""What is measured at a circuit's end, in words and as marks behind its wires."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from qaml.outcome.drawings import CircuitDrawing, CircuitReadout
from qaml.report.figures.svg import tag

MOST_NAMED = 4
"""Largest number of products of Z that are drawn, and named in a sentence."""
_SMALL = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_LETTER, _MARK, _HALF_BOX = 6.0, 3.5, 11.0

Group = tuple[int, ...]


class Marks(NamedTuple):
    """Marks behind the wires, and the coordinate at which they end."""

    parts: Sequence[Markup]
    end: float


def of(circuit: CircuitDrawing) -> CircuitReadout:
    """The circuit's readout; Z of each measured wire, where its record says no more."""
    return circuit.readout or CircuitReadout(groups=tuple((wire,) for wire in circuit.measured))


def words(readout: CircuitReadout) -> str:
    """What is measured, and how it becomes logits."""
    return f"{_values(readout)}{_logits(readout)}"


def wires_in_words(wires: Sequence[int]) -> str:
    """``wire 1``, ``wires 0 and 2``, ``wires 0 to 7``."""
    return f"wire{'s' if len(wires) > 1 else ''} {_listed(wires)}"


def small(text: str) -> str:
    """Digits as indices: x₀."""
    return text.translate(_SMALL)


def marks(readout: CircuitReadout, start: float, y: Callable[[int], float]) -> Marks:
    """⟨Z⟩ at each wire, or a line along wires that are measured together; a box over all of them is a linear layer.

    Args:
        readout: what is measured.
        start: the first free coordinate behind the wires.
        y: the coordinate of a wire.
    """
    are_single = not readout.n_outcomes and all(len(group) == 1 for group in readout.groups)
    found = _each_alone(readout, start, y) if are_single else _together(readout, start, y)
    if not readout.has_head:
        return found
    heights = [y(wire) for group in readout.groups for wire in group]
    top, bottom = min(heights) - _HALF_BOX, max(heights) + _HALF_BOX
    box = tag("rect", x=found.end, y=top, width=2 * _HALF_BOX, height=bottom - top, class_="bx")
    letter = tag("text", "W", x=found.end + _HALF_BOX, y=(top + bottom) / 2 + 4, class_="tk bold")
    return Marks([*found.parts, box, letter], found.end + 2 * _HALF_BOX)


def _each_alone(readout: CircuitReadout, start: float, y: Callable[[int], float]) -> Marks:
    wires = dict.fromkeys(wire for group in readout.groups for wire in group)
    return Marks([tag("text", "⟨Z⟩", x=start + 12, y=y(wire) + 4, class_="tk bold") for wire in wires], start + 28)


def _together(readout: CircuitReadout, start: float, y: Callable[[int], float]) -> Marks:
    """A line with a square at each wire of a group; groups whose lines would cross each other are side by side."""
    parts: list[Markup] = []
    shown = readout.groups[:MOST_NAMED]
    labels = [_label(readout, group) for group in shown]
    width = _LETTER * max(map(len, labels)) + 14
    columns: list[set[int]] = []
    for group, label in zip(shown, labels, strict=True):
        span = set(range(min(group), max(group) + 1))
        column = next((i for i, taken in enumerate(columns) if not taken & span), len(columns))
        if column == len(columns):
            columns.append(set())
        columns[column] |= span
        x, heights = start + 4 + column * width, [y(wire) for wire in group]
        parts.append(tag("path", d=f"M{x} {min(heights)}V{max(heights)}", class_="z"))
        parts += [
            tag("rect", x=x - _MARK, y=height - _MARK, width=2 * _MARK, height=2 * _MARK, class_="on")
            for height in heights
        ]
        middle = (min(heights) + max(heights)) / 2
        parts.append(tag("text", label, x=x + 7, y=middle + 4, class_="tk bold st"))
    end = start + 4 + len(columns) * width
    if len(readout.groups) > len(shown):
        parts.append(tag("text", "…", x=end, y=y(min(readout.groups[len(shown)])) + 4, class_="tk"))
        end += 12
    return Marks(parts, end)


def _label(readout: CircuitReadout, group: Group) -> str:
    if not readout.n_outcomes:
        return _product(group) if len(group) <= 3 else "⟨Z…Z⟩"
    return f"{'log ' if readout.is_log else ''}P{'/ΣP' if readout.is_renormalised else ''}"


def _product(group: Group) -> str:
    return f"⟨{''.join(f'Z{small(str(wire))}' for wire in group)}⟩"


def _values(readout: CircuitReadout) -> str:
    groups = readout.groups
    if readout.n_outcomes:
        last = readout.n_outcomes - 1
        outcomes = "outcome 0" if not last else f"outcomes 0 {'and' if last == 1 else 'to'} {last}"
        order = ", the first the most significant bit," if len(groups[0]) > 1 else ""
        divided = ", divided by their sum" if readout.is_renormalised else ""
        return f"the probabilities of {outcomes} of {wires_in_words(groups[0])}{order} are measured{divided}"
    if all(len(group) == 1 for group in groups):
        return f"Z is measured on {wires_in_words([wire for group in groups for wire in group])}"
    if len(groups) == 1:
        return f"the parity {_product(groups[0])} of {wires_in_words(groups[0])} is measured"
    named = ", ".join(_product(group) for group in groups[:MOST_NAMED])
    more = len(groups) - MOST_NAMED
    return f"the parities {named}{f' and {more} more' if more > 0 else ''} are measured"


def _logits(readout: CircuitReadout) -> str:
    if readout.has_head:
        return "; a trained linear layer W makes the logits of these values"
    if not readout.is_log:
        return ""
    return "; logits are their logarithms" if readout.n_outcomes else "; logits are log (1 ± v)/2 of its value v"


def _listed(wires: Sequence[int]) -> str:
    if len(wires) > 2 and list(wires) == list(range(wires[0], wires[0] + len(wires))):
        return f"{wires[0]} to {wires[-1]}"
    *others, last = map(str, wires)
    return f"{', '.join(others)} and {last}" if others else last
