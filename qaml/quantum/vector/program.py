"""A circuit's normal form as the arrays that the kernel takes.

A *term* is one angle: of a turn, or of a phase. Terms with an element of a per-sample array have a value for every
sample, the others one for the batch. They are numbered: turns and phases of samples, then turns and phases of the
batch.

The kernel visits amplitudes in coordinates of its own: a *frame* is the places of all amplitudes by their coordinates.
In a layer's frame the first coordinates are its turns' pairs. The phases of samples, and all those that want a
gradient, are cut into *parts* of independent masks, and in a part's frame each of these is one coordinate: a product
over masks is then one of two small tables, and a sum signed by every mask a few additions an amplitude.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from math import isclose, pi
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qaml.identical import Identical
from qaml.quantum.circuit import Circuit, Source
from qaml.quantum.vector.normal_form import Layer, Sum, normal_form
from qaml.types import DoubleArray, IntArray

Places = NDArray[np.int32]


class Entries(NamedTuple):
    """A sparse matrix: factors of elements of an array in terms, sorted by term."""

    terms: IntArray
    elements: IntArray
    factors: DoubleArray


class Program(NamedTuple):
    """The work of the kernel for a circuit, of any angles.

    Attributes:
        n_wires: number of wires.
        n_sample_turns: number of turns with a value for each sample.
        n_sample_terms: number of terms with a value for each sample.
        n_shared_turns: number of turns with one value for the batch.
        constants: (terms,), what is added to every term.
        shared: elements of the batch's array (weights, then draws of the batch) in terms.
        samples: elements of the samples' array (features, then draws of samples) in terms.
        layers: (layers, 7): frame, first turn, number of turns, table of phases or −1, whether turns of samples scale
            that table, first part, number of parts.
        turns: every turn's number among turns: those of samples, then those of the batch, as their terms are ordered.
        parts: (parts, 3 + n_wires): frame, number of masks, how many of them are phases of samples, their terms.
        frames: (frames, 2^n_wires): places by coordinates.
        n_tables: number of tables of phases.
        table_phases: (3, entries): table, mask in coordinates of the layer, term.
        table_turns: (2, entries): table, and which turn of the batch its scale contains.
        start: the places of the amplitudes before the first layer.
        stop: the places of the amplitudes behind the last layer.
        order: the numbers from 0 to 2^n_wires − 1.
        phase: constant of the angle of a factor that all amplitudes of the final state have.
        phase_terms: what else it depends on: whether on the samples' array, the element, its factor.
        n_measured: number of layers that Z notices: phases at the end change none.
    """

    n_wires: int
    n_sample_turns: int
    n_sample_terms: int
    n_shared_turns: int
    constants: DoubleArray
    shared: Entries
    samples: Entries
    layers: IntArray
    turns: IntArray
    parts: IntArray
    frames: Places
    n_tables: int
    table_phases: IntArray
    table_turns: IntArray
    start: Places
    stop: Places
    order: Places
    phase: float
    phase_terms: tuple[tuple[bool, int, float], ...]
    n_measured: int


def program(circuit: Circuit, draws_differ: bool) -> Program:
    """The program of a circuit without channels; whether samples have draws of their own is part of it."""
    return _same_program(Identical(circuit), draws_differ)


@lru_cache(maxsize=128)
def _same_program(circuit: Identical[Circuit], draws_differ: bool) -> Program:
    return _equal_program(circuit.value, draws_differ)


@lru_cache(maxsize=128)
def _equal_program(circuit: Circuit, draws_differ: bool) -> Program:
    return _Assembly(circuit, draws_differ).program()


def n_places(n_wires: int) -> int:
    """Number of amplitudes for which a state has room: one is left free after each row."""
    return int(_place(np.array(2**n_wires), n_wires))


def _place(index: IntArray, n_wires: int) -> IntArray:
    return index + (index >> (n_wires - n_wires // 2))


class _Assembly:
    """Numbers terms, frames and parts."""

    def __init__(self, circuit: Circuit, draws_differ: bool) -> None:
        self.n_wires = circuit.n_wires
        self.form = normal_form(circuit)
        self.of_samples = {"feature", "draw"} if draws_differ else {"feature"}
        n_features = 0 if circuit.encoding == "state" else circuit.n_features
        self.offsets = {("draw", True): n_features, ("draw", False): circuit.n_weights}
        for layer in self.form.layers:
            for mask in [mask for mask, angle in layer.phases.items() if _is_whole(angle)]:
                self.form.phase.constant += layer.phases.pop(mask).constant / 2
        self.layers = [layer for layer in self.form.layers if layer.phases or layer.turns]
        turns = [turn.angle for layer in self.layers for turn in layer.turns]
        phases = [angle for layer in self.layers for angle in layer.phases.values()]
        groups = [
            [a for a in angles if self.differs(a) == differs] for differs in (True, False) for angles in (turns, phases)
        ]
        self.sums = list(chain(*groups))
        self.numbers = {id(angle): number for number, angle in enumerate(self.sums)}
        self.sizes = [len(group) for group in groups]
        self.frames: dict[tuple[int, ...], int] = {}
        self.table_phases: list[tuple[int, int, int]] = []
        self.table_turns: list[tuple[int, int]] = []
        self.n_tables = 0
        self.parts: list[list[int]] = []

    def differs(self, angle: Sum) -> bool:
        """Whether an angle has a value for each sample."""
        return any(source in self.of_samples for source, _ in angle.terms)

    def program(self) -> Program:
        rows = [self.row(layer) for layer in self.layers]
        first = 0
        for row, layer in zip(rows, self.layers, strict=True):
            row[1], first = first, first + len(layer.turns)
        units = _units(self.n_wires)
        n_measured = len(rows) - bool(self.layers and not self.layers[-1].turns)
        stop = _span(self.form.flips) ^ self.form.constant
        return Program(
            n_wires=self.n_wires,
            n_sample_turns=self.sizes[0],
            n_sample_terms=self.sizes[0] + self.sizes[1],
            n_shared_turns=self.sizes[2],
            constants=np.array([angle.constant for angle in self.sums], float),
            shared=self.entries(False),
            samples=self.entries(True),
            layers=np.array(rows, np.int64).reshape(-1, 7),
            turns=np.array([self.turn_number(t.angle) for layer in self.layers for t in layer.turns], np.int64),
            parts=np.array(self.parts, np.int64).reshape(-1, 3 + self.n_wires),
            frames=np.array([self.places(_span(vectors)) for vectors in (self.frames or {tuple(units): 0})], np.int32),
            n_tables=self.n_tables,
            table_phases=np.ascontiguousarray(np.array(self.table_phases, np.int64).reshape(-1, 3).T),
            table_turns=np.ascontiguousarray(np.array(self.table_turns, np.int64).reshape(-1, 2).T),
            start=self.places(_span(units)),
            stop=self.places(stop),
            order=np.arange(2**self.n_wires, dtype=np.int32),
            phase=self.form.phase.constant,
            phase_terms=tuple(
                (source in self.of_samples, self.element(source, index), factor)
                for (source, index), factor in self.form.phase.terms.items()
            ),
            n_measured=n_measured,
        )

    def number(self, angle: Sum) -> int:
        return self.numbers[id(angle)]

    def turn_number(self, angle: Sum) -> int:
        number = self.number(angle)
        return number if number < self.sizes[0] else number - self.sizes[1]

    def places(self, index: IntArray) -> Places:
        return _place(index, self.n_wires).astype(np.int32)

    def frame(self, vectors: Sequence[int]) -> int:
        return self.frames.setdefault(tuple(vectors), len(self.frames))

    def element(self, source: Source, index: int) -> int:
        """An element's position in the array of the batch or of the samples."""
        return index + self.offsets.get((source, source in self.of_samples), 0)

    def entries(self, of_samples: bool) -> Entries:
        found = [
            (number, self.element(source, index), factor)
            for number, angle in enumerate(self.sums)
            for (source, index), factor in angle.terms.items()
            if (source in self.of_samples) == of_samples
        ]
        terms, elements, factors = zip(*found, strict=True) if found else ((), (), ())
        return Entries(np.array(terms, np.int64), np.array(elements, np.int64), np.array(factors, float))

    def row(self, layer: Layer) -> list[int]:
        """The layer's row but for its first turn, which is numbered afterwards."""
        vectors = _turn_coordinates([t.flip for t in layer.turns], [t.parity for t in layer.turns], self.n_wires)
        shared = [mask for mask, angle in layer.phases.items() if not self.differs(angle)]
        samples = [mask for mask in layer.phases if mask not in shared]
        scaled = any(self.differs(turn.angle) for turn in layer.turns)
        shared_turns = [self.number(turn.angle) for turn in layer.turns if not self.differs(turn.angle)]
        table = -1
        if shared or shared_turns or (scaled and not samples):
            table, self.n_tables = self.n_tables, self.n_tables + 1
            for mask in shared:
                self.table_phases.append((table, _coordinates(mask, vectors), self.number(layer.phases[mask])))
            self.table_turns += [(table, number - self.sizes[0] - self.sizes[1]) for number in shared_turns]
        first_part = len(self.parts)
        for masks, n_samples in _partition(samples, [m for m in shared if layer.phases[m].terms], self.n_wires):
            terms = [self.number(layer.phases[mask]) for mask in masks]
            terms += [-1] * (self.n_wires - len(masks))
            self.parts.append([self.frame(_dual(masks, self.n_wires)), len(masks), n_samples, *terms])
        n_parts = len(self.parts) - first_part
        return [self.frame(vectors), 0, len(layer.turns), table, int(scaled and not samples), first_part, n_parts]


def _is_whole(angle: Sum) -> bool:
    """Whether a phase is 1 or −1 at every amplitude."""
    turns = angle.constant / (2 * pi)
    return not angle.terms and isclose(turns, round(turns), abs_tol=1e-12)


# ---------------------------------------------------------------------------------------------------------------------
# Vectors over GF(2) as integers


def _odd(mask: int) -> bool:
    return mask.bit_count() % 2 == 1


def _units(n_wires: int) -> list[int]:
    return [1 << (n_wires - 1 - i) for i in range(n_wires)]


def _span(vectors: Iterable[int]) -> IntArray:
    """Sums of vectors by coordinates, the first vector's coordinate the highest bit."""
    sums = np.zeros(1, np.int64)
    for vector in reversed(list(vectors)):
        sums = np.concatenate([sums, sums ^ vector])
    return sums


def _reduced(vector: int, echelon: dict[int, int]) -> int:
    """What is left of a vector modulo others, which are kept by their highest bits; 0 where it depends on them."""
    while vector and vector.bit_length() in echelon:
        vector ^= echelon[vector.bit_length()]
    return vector


def _is_new(vector: int, echelon: dict[int, int]) -> bool:
    """Whether a vector is independent of others, to which it is added."""
    rest = _reduced(vector, echelon)
    if rest:
        echelon[rest.bit_length()] = rest
    return bool(rest)


def _turn_coordinates(flips: list[int], parities: list[int], n_wires: int) -> list[int]:
    """The flips, and vectors without any of the parities that complete them to a basis."""
    vectors, echelon = list(flips), dict[int, int]()
    for flip in flips:
        _is_new(flip, echelon)
    for unit in _units(n_wires):
        rest = unit
        for flip, parity in zip(flips, parities, strict=True):
            rest ^= flip if _odd(parity & unit) else 0
        if _is_new(rest, echelon):
            vectors.append(rest)
    return vectors


def _coordinates(mask: int, vectors: list[int]) -> int:
    """A mask as it reads coordinates: bit i is its parity of vector i."""
    return sum(1 << (len(vectors) - 1 - i) for i, vector in enumerate(vectors) if _odd(mask & vector))


def _dual(masks: Sequence[int], n_wires: int) -> list[int]:
    """The basis in which coordinate i is the parity of mask i, for independent masks."""
    echelon = dict[int, int]()
    for mask in masks:
        _is_new(mask, echelon)
    rows = [*masks, *(unit for unit in _units(n_wires) if _is_new(unit, echelon))]
    units = _units(n_wires)
    inverse = list(units)  # row operations that turn rows into units, applied to units
    for i, pivot in enumerate(units):
        j = next(j for j in range(i, n_wires) if rows[j] & pivot)
        for matrix in (rows, inverse):
            matrix[i], matrix[j] = matrix[j], matrix[i]
        for k in range(n_wires):
            if k != i and rows[k] & pivot:
                rows[k], inverse[k] = rows[k] ^ rows[i], inverse[k] ^ inverse[i]
    return [sum(units[k] for k in range(n_wires) if inverse[k] & unit) for unit in units]


def _partition(first: list[int], others: list[int], n_wires: int) -> list[tuple[list[int], int]]:
    """Sets of independent masks, each with the number of ``first`` masks in it, which come before the others."""
    sets: list[tuple[list[int], dict[int, int]]] = []
    for mask in [*first, *others]:
        for members, echelon in sets:
            if len(members) < n_wires and _is_new(mask, echelon):
                members.append(mask)
                break
        else:
            sets.append(([mask], {mask.bit_length(): mask}))
    return [(members, len(set(members).intersection(first))) for members, _ in sets]
