"""The wires of a circuit by the names that a spec gives them, and the pairs of patterns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import Final, TypeAlias

from qaml.errors import Misfit
from qaml.models.circuit.blocks import Block, Encode, Pairs, Targets
from qaml.models.circuit.readout import Readout
from qaml.types import InputInfo

MOST_WIRES: Final = 12
_WIRES = "'all', a register, a wire's number, or a list of them"

Place: TypeAlias = tuple[int | str, ...]
Pair: TypeAlias = tuple[int, int]


class Wiring:
    """The registers, and the wires that pooling has left.

    Args:
        registers: the wires of each register; one without a name where only a number was given.
    """

    def __init__(self, registers: Mapping[str, range]) -> None:
        self.registers = registers
        self.n_wires = max(wires.stop for wires in registers.values())
        self.active = list(range(self.n_wires))

    def wires(self, targets: Targets, here: Place) -> list[int]:
        """The wires that a block names.

        Raises:
            Misfit: there is no such register or wire, or pooling has left none of them.
        """
        found: list[int] = []
        for target in targets:
            if isinstance(target, int):
                self._check_wire(target, here)
                found.append(target)
            elif target == "all":
                found += self.active
            elif target in self.registers:
                found += [wire for wire in self.registers[target] if wire in self.active]
            else:
                named = ", ".join(name for name in self.registers if name)
                hint = f"registers: {named}" if named else "name registers by 'wires: {data: 8, ancilla: 2}'"
                raise Misfit(here, f"expected {_WIRES}, got {target!r}", hint)
        if len(set(found)) < len(found):
            raise Misfit(here, f"expected every wire once, got {', '.join(map(str, found))}")
        if not found:
            raise Misfit(here, f"no wire is left of {', '.join(map(str, targets))}", "pool fewer of them")
        return found

    def _check_wire(self, wire: int, here: Place) -> None:
        if wire >= self.n_wires:
            raise Misfit(here, f"there is no wire {wire}: the circuit has {self.n_wires}, counted from 0")
        if wire not in self.active:
            raise Misfit(here, f"wire {wire} is pooled away", f"left are {', '.join(map(str, self.active))}")

    def pairs(self, pairs: Pairs, wires: Sequence[int], stride: int | str | None, turn: int, here: Place) -> list[Pair]:
        """The pairs of a pattern among some wires, or of a list.

        Args:
            pairs: the pattern, or the list.
            wires: the wires of a pattern, in order.
            stride: distance of a ring's pairs; ``None``: 1, and two wires have one pair.
            turn: number of the repetition, from 0 on, by which a stride cycles.
            here: place of the block, for messages.

        Raises:
            Misfit: there is no such pair.
        """
        n, chain = len(wires), list(pairwise(wires))
        match pairs:
            case "chain":
                return chain
            case "reverse_chain":
                return chain[::-1]
            case "neighbours":
                return chain[::2] + chain[1::2]
            case "all_to_all":
                return list(combinations(wires, 2))
            case "ring" if stride is None:
                return [*chain, (wires[-1], wires[0])] if n > 2 else chain
            case "ring":
                step = turn % max(n - 1, 1) + 1 if isinstance(stride, str) else stride or 1
                if step >= n > 1:
                    raise Misfit(here, f"the stride of a ring of {n} wires is at most {n - 1}, got {step}")
                return [(wires[i], wires[(i + step) % n]) for i in range(n)] if n > 1 else []
        for one, other in pairs:
            self._check_wire(one, here)
            self._check_wire(other, here)
            if one == other:
                raise Misfit(here, f"expected two different wires in a pair, got {one} twice")
        return list(pairs)


def registers_of(
    wires: int | Mapping[str, int] | None, layers: Sequence[Block], readout: Readout, info: InputInfo, remedy: str
) -> dict[str, range]:
    """The wires of each register, in the order of the registers; one without a name where only a number is given.

    Raises:
        Misfit: the number of wires is open, or too large.
    """
    sizes = dict(wires) if isinstance(wires, Mapping) else {"": wires or _fewest(layers, readout, info)}
    registers: dict[str, range] = {}
    first = 0
    for name, size in sizes.items():
        if name == "all":
            raise Misfit(("wires",), "a register cannot be called 'all', which is the name of all wires")
        registers[name] = range(first, first + size)
        first += size
    if first > MOST_WIRES:
        raise Misfit(("wires",), f"a circuit has at most {MOST_WIRES} wires, got {first}", remedy)
    return registers


def _fewest(layers: Sequence[Block], readout: Readout, info: InputInfo) -> int:
    """As few wires as the first block needs for the inputs, and more than two classes for a value each."""
    first = layers[0]
    if isinstance(first, Encode) and first.encode == "amplitude":
        return max((info.n_features - 1).bit_length(), info.n_classes if _needs_wires(readout, info) else 1)
    if isinstance(first, Encode) and first.features != "next":
        return info.n_features
    raise Misfit(("layers",), "without an encoding in the first block the number of wires is open", "add 'wires: 8'")


def _needs_wires(readout: Readout, info: InputInfo) -> bool:
    return info.n_classes > 2 and not (readout.head or readout.parity or readout.probabilities)
