"""Values of a program's terms and the numbers that the kernel makes of them.

**Turns.** RY(θ) = cos(θ/2)·[[1, −t], [t, 1]] with t = tan(θ/2), or, where |t| > STEEPEST,
sin(θ/2)·[[1/t, −1], [1, 1/t]]. The factor of samples is theirs, that of the batch goes into a table of phases.

**Tables.** A layer's phases of the batch have the angle Σ −θ/2·(−1)^parity at every amplitude, a Walsh–Hadamard
transform of angles by masks.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from qaml.quantum.blocks import share
from qaml.quantum.vector import kernel
from qaml.quantum.vector.kernel import LANES, STEEPEST
from qaml.quantum.vector.program import Program
from qaml.types import BoolArray, DoubleArray, FloatArray


class Angles(NamedTuple):
    """What the kernel takes for a program's angles.

    Attributes:
        tables: (tables, 2 · 2^wires), real and imaginary parts in turn.
        shared_turns: (turns, 2): p and q.
        sample_turns: (blocks, turns, 3, LANES): p, q and scale.
        sample_phases: (blocks, phases, 2, LANES): cosine and sine of φ/2.
    """

    tables: FloatArray
    shared_turns: FloatArray
    sample_turns: FloatArray
    sample_phases: FloatArray

    def conjugate(self) -> Angles:
        """The same with conjugate tables."""
        return self._replace(tables=self.tables.view(np.complex64).conj().view(np.float32))


def angles(program: Program, shared: DoubleArray, samples: FloatArray) -> Angles:
    """Numbers of the terms.

    Args:
        program: the program.
        shared: (elements,), the batch's array.
        samples: (batch, elements), the samples' array.
    """
    terms, elements, factors = program.shared
    values = program.constants + np.bincount(terms, shared[elements] * factors, len(program.constants))
    n_blocks, n = -(-len(samples) // LANES), program.n_sample_turns
    sample_turns = np.empty((n_blocks, n, 3, LANES), np.float32)
    sample_phases = np.empty((n_blocks, program.n_sample_terms - n, 2, LANES), np.float32)
    if program.n_sample_terms:
        work = partial(kernel.tabulate(), samples, values, *program.samples, sample_turns, sample_phases)
        share(n_blocks, work)
    shared_turns, scales = _turns(values[program.n_sample_terms :][: program.n_shared_turns] / 2)
    return Angles(_tables(program, values, scales), shared_turns, sample_turns, sample_phases)


def gradient(program: Program, totals: DoubleArray, n_shared: int) -> DoubleArray:
    """The gradient of the batch's array, (n_shared,), from those of the terms, (terms,), summed over samples."""
    terms, elements, factors = program.shared
    return np.asarray(np.bincount(elements, totals[terms] * factors, n_shared), np.float64)


def _turns(halves: DoubleArray) -> tuple[FloatArray, DoubleArray]:
    """The numbers p and q, and the scale that they miss."""
    cosines, sines = np.cos(halves), np.sin(halves)
    # NaN counts as steep, and is NaN in p and q
    steep: BoolArray = ~(np.abs(sines) <= STEEPEST * np.abs(cosines))
    scales = np.where(steep, sines, cosines)
    ratios = np.where(steep, cosines, sines) / scales
    ones = np.ones_like(ratios)
    return np.stack([np.where(steep, ratios, ones), np.where(steep, ones, ratios)], 1).astype(np.float32), scales


def _tables(program: Program, values: DoubleArray, scales: DoubleArray) -> FloatArray:
    made = np.empty((program.n_tables, 2 * 2**program.n_wires), np.float32)
    if program.n_tables:
        of_tables, masks, terms = program.table_phases
        starts = np.searchsorted(of_tables, np.arange(program.n_tables + 1))
        products = np.ones(program.n_tables)
        of_tables, turns = program.table_turns
        np.multiply.at(products, of_tables, scales[turns])
        share(program.n_tables, partial(kernel.tables(), masks, -0.5 * values[terms], starts, products, made))
    return made
