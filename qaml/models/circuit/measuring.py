"""The wires of every value that a readout asks for."""

from __future__ import annotations

from typing import TypeAlias

from qaml.errors import Misfit
from qaml.models.circuit.readout import Readout
from qaml.models.circuit.wiring import Wiring

Group: TypeAlias = tuple[int, ...]


def measured(readout: Readout, wiring: Wiring, n_classes: int) -> tuple[Group, ...]:
    """The wires of each value: one group for probabilities, otherwise a group for each product of Z.

    Raises:
        Misfit: there are no such wires, or not as many values as classes.
    """
    if readout.probabilities is not None:
        wires = wiring.wires(readout.probabilities, ("readout", "probabilities"))
        if 2 ** len(wires) < n_classes and not readout.head:
            needed = (n_classes - 1).bit_length()
            message = f"{len(wires)} wires have {2 ** len(wires)} outcomes, the data has {n_classes} classes"
            raise Misfit(("readout",), message, f"measure {needed} wires, or give it 'head: true'")
        return (tuple(wires),)
    if readout.parity is not None:
        groups = tuple(tuple(wiring.wires(group, ("readout", "parity"))) for group in readout.groups)
        return _one_a_class(groups, readout, n_classes, is_exact=True)
    targets = readout.z or ("all",)
    groups = tuple((wire,) for wire in wiring.wires(targets, ("readout", "z")))
    return _one_a_class(groups, readout, n_classes, is_exact=any(isinstance(target, int) for target in targets))


def _one_a_class(groups: tuple[Group, ...], readout: Readout, n_classes: int, *, is_exact: bool) -> tuple[Group, ...]:
    """The first groups, one a class, where all of them need not be taken; one of two classes."""
    if readout.head:
        return groups
    is_single = n_classes == 2 and (len(groups) == 1 or (readout.log and not is_exact))
    if readout.log and not is_single:
        message = f"'log' takes one value of two classes, got {len(groups)} of {n_classes}"
        raise Misfit(("readout",), message, "read 'probabilities', or leave 'log' out")
    n_values = 1 if is_single else n_classes
    if len(groups) < n_values or (is_exact and len(groups) > n_values):
        message = f"{len(groups)} values are measured, the data has {n_classes} classes"
        raise Misfit(("readout",), message, "measure one value a class, read 'probabilities', or give it 'head: true'")
    return groups[:n_values]
