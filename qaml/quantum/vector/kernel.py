"""Programs over vectors of LANES samples: evolution, adjoint backward (numba, one thread a call).

**State.** A block is LANES samples, one a lane. An amplitude is two vectors, real and imaginary parts, at the place
that ``program.py`` gives it. Gaps after each row of amplitudes keep strides of powers of two from competing for the
same few lines of the cache.

**A layer** is one table of factors for the batch and parts of factors for samples, then turns: a ← p·a − q·b,
b ← p·b + q·a, where p = 1 and q = tan(θ/2) as long as |q| ≤ STEEPEST, so that mostly p costs nothing; otherwise q = 1
and p = cot(θ/2). What is missing to RY, cos(θ/2) or sin(θ/2), is in a factor of the layer. Where any lane has p ≠ 1 the
block is multiplied by p, which changes no bit of the lanes whose p is 1. Turns go in groups, as many as fit into
registers, and groups in tiles, whose amplitudes stay in the first-level cache while their turns pass over them.

**Backward** (adjoint method, Jones & Gacon 2020, arXiv 2009.02823). State ψ and adjoint λ = ∂loss/∂Re ψ + i ∂loss/∂Im ψ
are uncomputed together by −q and conjugate factors. Before a group of turns is uncomputed, Σ λ₁ψ₀ − λ₀ψ₁ over a turn's
pairs, real and imaginary parts alike, is twice the gradient of its angle, times p² + q² of every turn that was
uncomputed before. Before the factors, Σ ±(Re λ·Im ψ − Im λ·Re ψ), signed by a phase's mask, is twice the gradient of
its angle.

A sample's arithmetic depends neither on its lane nor on its block nor on the other samples. Multiplication and addition
are fused by an explicit operation wherever the processor has it, so that the compiler chooses nothing.

numba has no vectors and unrolls no lists, so this file emits instructions itself. Everything that kernels call is
defined here, because numba notices changes of this file only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import product
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from llvmlite import ir
from numba import float32, float64, int32, int64, njit, types, void
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from qaml.compiled import compiled

Kernel: TypeAlias = Callable[..., None]


class _Registers(NamedTuple):
    """The capacity of the processor's vector registers.

    Attributes:
        lanes: float32 numbers in one.
        forward: turns of a group when a state evolves.
        backward: turns of a group in the backward pass, where state and adjoint share the registers.
    """

    lanes: int
    forward: int
    backward: int


_FEATURES = cpu_target.target_context.codegen().magic_tuple()[2].split(",")
_REGISTERS = _Registers(16, 4, 3) if "+avx512f" in _FEATURES else _Registers(8, 3, 2)
"""32 registers of 512 bits, or 16 of 256 bits."""
_FUSED = not {"+fma", "+avx512f", "+neon", "+fp-armv8"}.isdisjoint(_FEATURES)

LANES = _REGISTERS.lanes
"""Number of samples in a block."""

_FORWARD, _BACKWARD = _REGISTERS.forward, _REGISTERS.backward
_TILE = 6
"""Most turns of a tile: 64 amplitudes of state and adjoint are 16 kB of the first-level cache's 32 kB or more."""
_VECTOR_BYTES = 4 * LANES
_STATE_BYTES = 2 * _VECTOR_BYTES

STEEPEST = 64.0
"""Largest tangent: twelve turns then stretch a state by at most 2^72, within the range of float32."""


# ---------------------------------------------------------------------------------------------------------------------
# Emitting instructions; addresses are integers

_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_INDEX = ir.IntType(64)
_WORD = ir.IntType(32)

Values: TypeAlias = list[ir.Value]


class _Code:
    """Emits vector instructions."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self.builder = builder

    def at(self, address: ir.Value, offset: ir.Value | int) -> ir.Value:
        offset = ir.Constant(_INDEX, offset) if isinstance(offset, int) else offset
        return self.builder.add(address, offset)

    def load(self, address: ir.Value, offset: int = 0) -> ir.Value:
        return self.builder.load(self.builder.inttoptr(self.at(address, offset), _VECTOR.as_pointer()), align=4)

    def store(self, vector: ir.Value, address: ir.Value, offset: int = 0) -> None:
        pointer = self.builder.inttoptr(self.at(address, offset), _VECTOR.as_pointer())
        self.builder.store(vector, pointer, align=4)

    def load_pair(self, address: ir.Value) -> Values:
        return [self.load(address), self.load(address, _VECTOR_BYTES)]

    def store_pair(self, pair: Values, address: ir.Value) -> None:
        for vector, offset in zip(pair, (0, _VECTOR_BYTES), strict=True):
            self.store(vector, address, offset)

    def splat(self, address: ir.Value, offset: int) -> ir.Value:
        """A vector with one number in every lane."""
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        pointer = self.builder.inttoptr(self.at(address, offset), _FLOAT.as_pointer())
        first = self.builder.insert_element(undefined, self.builder.load(pointer), ir.Constant(_WORD, 0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_WORD, LANES), None))

    def place(self, frame: ir.Value, coordinates: ir.Value) -> ir.Value:
        """The place of an amplitude in a frame."""
        pointer = self.builder.inttoptr(self.at(frame, self.bytes_of(coordinates, 4)), _WORD.as_pointer())
        return self.builder.zext(self.builder.load(pointer), _INDEX)

    def amplitude(self, state: ir.Value, place: ir.Value) -> ir.Value:
        """The address of an amplitude."""
        return self.at(state, self.bytes_of(place, _STATE_BYTES))

    @contextmanager
    def where(self, *equal: tuple[ir.Value, int]) -> Iterator[None]:
        """Run only where integers have these values."""
        conditions = [self.builder.icmp_signed("==", x, ir.Constant(_INDEX, number)) for x, number in equal]
        condition = conditions[0]
        for other in conditions[1:]:
            condition = self.builder.and_(condition, other)
        with self.builder.if_then(condition):
            yield

    def mul(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.builder.fmul(x, y)

    def add(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.builder.fadd(x, y)

    def sub(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.builder.fsub(x, y)

    def plus(self, z: ir.Value, x: ir.Value, y: ir.Value) -> ir.Value:
        """The sum z + x·y."""
        if not _FUSED:
            return self.builder.fadd(z, self.builder.fmul(x, y))
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        fma = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.fma.v{LANES}f32")
        return self.builder.call(fma, [x, y, z])

    def minus(self, z: ir.Value, x: ir.Value, y: ir.Value) -> ir.Value:
        """The difference z − x·y."""
        return self.plus(z, self.builder.fneg(x), y)

    def times(self, x: Values, y: Values, conjugate: bool = False) -> Values:
        """The complex product x·y, or x·y*."""
        plus, minus = (self.minus, self.plus) if conjugate else (self.plus, self.minus)
        return [minus(self.mul(x[0], y[0]), x[1], y[1]), plus(self.mul(x[1], y[0]), x[0], y[1])]

    def total(self, start: ir.Value) -> ir.Value:
        """A variable for a sum, which LLVM keeps in a register."""
        return cgutils.alloca_once_value(self.builder, start)

    def add_to(self, total: ir.Value, value: ir.Value) -> None:
        self.builder.store(self.add(self.builder.load(total), value), total)

    @contextmanager
    def loop(self, count: ir.Value) -> Iterator[ir.Value]:
        with cgutils.for_range(self.builder, count, intp=_INDEX) as each:
            yield each.index

    def bytes_of(self, index: ir.Value, size: int) -> ir.Value:
        return self.builder.mul(index, ir.Constant(_INDEX, size))


def _emitted(emit: Callable[..., None], *arguments: Any) -> Any:
    """Type and emit a function of integers and arrays, whose addresses it takes; it returns nothing."""
    taken = [argument if isinstance(argument, types.Array) else int64 for argument in arguments]

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: list[ir.Value]) -> ir.Value:
        values = [
            builder.ptrtoint(context.make_array(kind)(context, builder, value).data, _INDEX)
            if isinstance(kind, types.Array)
            else value
            for kind, value in zip(signature.args, args, strict=True)
        ]
        emit(_Code(builder), *values)
        return context.get_dummy_value()

    return types.none(*taken), generate


class _Group(NamedTuple):
    """Turns that go through registers together, and the amplitudes of their tile.

    Attributes:
        size: number of turns.
        steep: 1 where any p is not 1, otherwise 0.
        frame: address of the layer's places.
        first: coordinates of the tile's first amplitude.
        low: number of coordinates behind the tile.
        split: number of the tile's coordinates behind the group.
        count: number of the tile's amplitudes with zeros in the group's coordinates.
        turns: address of the layer's p and q.
        start: number of the group's first turn.
    """

    size: ir.Value
    steep: ir.Value
    frame: ir.Value
    first: ir.Value
    low: ir.Value
    split: ir.Value
    count: ir.Value
    turns: ir.Value
    start: ir.Value

    def load(self, code: _Code, size: int, steep: int) -> tuple[Values, Values]:
        """All p, or none where they are 1, and all q."""
        at = code.amplitude(self.turns, self.start)
        p = [code.load(at, i * _STATE_BYTES) for i in range(size if steep else 0)]
        return p, [code.load(at, i * _STATE_BYTES + _VECTOR_BYTES) for i in range(size)]

    @contextmanager
    def amplitudes(self, code: _Code, size: int) -> Iterator[Values]:
        """Loop over the tile besides the group: places of the group's amplitudes."""
        builder, one = code.builder, ir.Constant(_INDEX, 1)
        mask = builder.sub(builder.shl(one, self.split), one)
        stride = builder.shl(one, builder.add(self.split, self.low))
        with code.loop(self.count) as i:
            below = builder.and_(i, mask)
            above = builder.shl(builder.sub(i, below), ir.Constant(_INDEX, size))
            first = builder.or_(builder.shl(builder.or_(above, below), self.low), self.first)
            coordinates = [builder.add(first, code.bytes_of(stride, j)) for j in range(2**size)]
            yield [code.place(self.frame, each) for each in coordinates]


def _pairs(n: int, bit: int) -> list[tuple[int, int]]:
    """Indices below n that differ in one bit, counted from the highest: (where it is 0, where it is 1)."""
    stride = n >> (bit + 1)
    return [(i, i + stride) for i in range(n) if not i & stride]


def _turned(code: _Code, values: Values, p: Values, q: Values) -> Values:
    """Real or imaginary parts of a group behind its turns; without p where all are 1."""
    values = list(values)
    for bit, tangent in enumerate(q):
        for i, j in _pairs(len(values), bit):
            a, b = values[i], values[j]
            scaled = [code.mul(p[bit], x) for x in (a, b)] if p else [a, b]
            values[i], values[j] = code.minus(scaled[0], tangent, b), code.plus(scaled[1], tangent, a)
    return values


def _emit_turn(code: _Code, state: ir.Value, *members: ir.Value) -> None:
    group = _Group(*members)
    for size, steep in product(range(1, _REGISTERS.forward + 1), (0, 1)):
        with code.where((group.size, size), (group.steep, steep)):
            p, q = group.load(code, size, steep)
            with group.amplitudes(code, size) as places:
                addresses = [code.amplitude(state, place) for place in places]
                for part in (0, _VECTOR_BYTES):
                    values = _turned(code, [code.load(address, part) for address in addresses], p, q)
                    for value, address in zip(values, addresses, strict=True):
                        code.store(value, address, part)


@intrinsic  # type: ignore[untyped-decorator]
def _turn(
    _: Any,
    state: Any,
    size: Any,
    steep: Any,
    frame: Any,
    first: Any,
    low: Any,
    split: Any,
    count: Any,
    turns: Any,
    start: Any,
) -> Any:
    """Apply a group of turns to a tile."""
    return _emitted(_emit_turn, state, size, steep, frame, first, low, split, count, turns, start)


def _generators(code: _Code, psi: Values, lam: Values, bit: int) -> ir.Value:
    """Σ λ₁ψ₀ − λ₀ψ₁ of a turn."""
    total = None
    for i, j in _pairs(len(psi), bit):
        total = code.mul(lam[j], psi[i]) if total is None else code.plus(total, lam[j], psi[i])
        total = code.minus(total, lam[i], psi[j])
    return total


def _emit_return(code: _Code, state: ir.Value, adjoint: ir.Value, sums: ir.Value, *members: ir.Value) -> None:
    group = _Group(*members)
    for size, steep in product(range(1, _REGISTERS.backward + 1), (0, 1)):
        with code.where((group.size, size), (group.steep, steep)):
            p, q = group.load(code, size, steep)
            own = code.at(sums, code.bytes_of(group.start, _VECTOR_BYTES))
            totals = [code.total(code.load(own, bit * _VECTOR_BYTES)) for bit in range(size)]
            with group.amplitudes(code, size) as places:
                for part in (0, _VECTOR_BYTES):
                    at = [[code.amplitude(base, place) for place in places] for base in (state, adjoint)]
                    psi, lam = ([code.load(address, part) for address in addresses] for addresses in at)
                    for bit, total in enumerate(totals):
                        code.add_to(total, _generators(code, psi, lam, bit))
                    for values, addresses in zip((psi, lam), at, strict=True):
                        for value, address in zip(_turned(code, values, p, q), addresses, strict=True):
                            code.store(value, address, part)
            for bit, total in enumerate(totals):
                code.store(code.builder.load(total), own, bit * _VECTOR_BYTES)


@intrinsic  # type: ignore[untyped-decorator]
def _return(
    _: Any,
    state: Any,
    adjoint: Any,
    sums: Any,
    size: Any,
    steep: Any,
    frame: Any,
    first: Any,
    low: Any,
    split: Any,
    count: Any,
    turns: Any,
    start: Any,
) -> Any:
    """Add what a group's gradients sum over a tile, then apply its turns to state and adjoint."""
    return _emitted(_emit_return, state, adjoint, sums, size, steep, frame, first, low, split, count, turns, start)


def _both(code: _Code, factor: Values, state: ir.Value, adjoint: ir.Value, place: ir.Value) -> ir.Value:
    """Multiply an amplitude of state and adjoint: Re λ·Im ψ − Im λ·Re ψ."""
    at = [code.amplitude(base, place) for base in (state, adjoint)]
    psi, lam = (code.times(code.load_pair(address), factor) for address in at)
    code.store_pair(psi, at[0])
    code.store_pair(lam, at[1])
    return code.minus(code.mul(lam[0], psi[1]), lam[1], psi[0])


def _factor(code: _Code, table: ir.Value, k: ir.Value, scale: ir.Value | None) -> Values:
    at = code.at(table, code.bytes_of(k, 8))
    factor = [code.splat(at, 0), code.splat(at, 4)]
    return factor if scale is None else [code.mul(x, scale) for x in factor]


def _emit_multiply(
    code: _Code, state: ir.Value, scaled: ir.Value, frame: ir.Value, table: ir.Value, scale: ir.Value, count: ir.Value
) -> None:
    for is_scaled in (0, 1):
        with code.where((scaled, is_scaled)):
            own = code.load(scale) if is_scaled else None
            with code.loop(count) as k:
                address = code.amplitude(state, code.place(frame, k))
                code.store_pair(code.times(code.load_pair(address), _factor(code, table, k, own)), address)


@intrinsic  # type: ignore[untyped-decorator]
def _multiply(_: Any, state: Any, scaled: Any, frame: Any, table: Any, scale: Any, count: Any) -> Any:
    """Multiply a state by a table, and where ``scaled`` is 1 by each sample's scale."""
    return _emitted(_emit_multiply, state, scaled, frame, table, scale, count)


def _emit_multiply_both(
    code: _Code,
    state: ir.Value,
    adjoint: ir.Value,
    currents: ir.Value,
    scaled: ir.Value,
    frame: ir.Value,
    table: ir.Value,
    scale: ir.Value,
    count: ir.Value,
) -> None:
    for is_scaled in (0, 1):
        with code.where((scaled, is_scaled)):
            own = code.load(scale) if is_scaled else None
            with code.loop(count) as k:
                place = code.place(frame, k)
                current = _both(code, _factor(code, table, k, own), state, adjoint, place)
                code.store(current, code.at(currents, code.bytes_of(place, _VECTOR_BYTES)))


@intrinsic  # type: ignore[untyped-decorator]
def _multiply_both(
    _: Any, state: Any, adjoint: Any, currents: Any, scaled: Any, frame: Any, table: Any, scale: Any, count: Any
) -> Any:
    """The same for state and adjoint, whose currents Re λ·Im ψ − Im λ·Re ψ are written at their places."""
    return _emitted(_emit_multiply_both, state, adjoint, currents, scaled, frame, table, scale, count)


@contextmanager
def _products(
    code: _Code, frame: ir.Value, high: ir.Value, entry: ir.Value, low: ir.Value, bits: ir.Value, count: ir.Value
) -> Iterator[tuple[ir.Value, Values]]:
    """Loop over the coordinates that share an entry of the high table: places and factors."""
    first = code.load_pair(code.amplitude(high, entry))
    own = code.at(frame, code.bytes_of(code.builder.mul(entry, count), 4))
    with code.loop(count) as i:
        other = code.amplitude(low, code.builder.lshr(i, bits))
        yield code.place(own, i), code.times(first, code.load_pair(other))


def _emit_shift(code: _Code, state: ir.Value, *part: ir.Value) -> None:
    with _products(code, *part) as (place, factor):
        address = code.amplitude(state, place)
        code.store_pair(code.times(code.load_pair(address), factor), address)


@intrinsic  # type: ignore[untyped-decorator]
def _shift(_: Any, state: Any, frame: Any, high: Any, entry: Any, low: Any, bits: Any, count: Any) -> Any:
    """Multiply amplitudes by an entry of the high table and each by one of the low table, 2^bits by the same."""
    return _emitted(_emit_shift, state, frame, high, entry, low, bits, count)


def _emit_shift_both(
    code: _Code, state: ir.Value, adjoint: ir.Value, currents: ir.Value, wanted: ir.Value, *part: ir.Value
) -> None:
    for is_wanted in (0, 1):
        with code.where((wanted, is_wanted)), _products(code, *part) as (place, factor):
            current = _both(code, factor, state, adjoint, place)
            if is_wanted:
                code.store(current, code.at(currents, code.bytes_of(place, _VECTOR_BYTES)))


@intrinsic  # type: ignore[untyped-decorator]
def _shift_both(
    _: Any,
    state: Any,
    adjoint: Any,
    currents: Any,
    wanted: Any,
    frame: Any,
    high: Any,
    entry: Any,
    low: Any,
    bits: Any,
    count: Any,
) -> Any:
    """The same for state and adjoint, whose currents are written where ``wanted`` is 1."""
    return _emitted(_emit_shift_both, state, adjoint, currents, wanted, frame, high, entry, low, bits, count)


def _emit_double(
    code: _Code, table: ir.Value, size: ir.Value, phases: ir.Value, number: ir.Value, direction: ir.Value
) -> None:
    builder, one = code.builder, ir.Constant(_INDEX, 1)
    re, im = code.load_pair(code.amplitude(phases, number))
    backwards = builder.icmp_signed("<", direction, ir.Constant(_INDEX, 0))
    unit = [re, builder.select(backwards, builder.fneg(im), im)]
    with code.loop(size) as i:
        k = builder.sub(builder.sub(size, one), i)
        x = code.load_pair(code.amplitude(table, k))
        even = builder.shl(k, one)
        code.store_pair(code.times(x, unit, conjugate=True), code.amplitude(table, even))
        code.store_pair(code.times(x, unit), code.amplitude(table, builder.add(even, one)))


@intrinsic  # type: ignore[untyped-decorator]
def _double(_: Any, table: Any, size: Any, phases: Any, number: Any, direction: Any) -> Any:
    """Double a table: its entries times exp(−iφ/2) and times exp(iφ/2), or the other way round in direction −1."""
    return _emitted(_emit_double, table, size, phases, number, direction)


def _emit_fold(
    code: _Code,
    source: ir.Value,
    frame: ir.Value,
    bits: ir.Value,
    count: ir.Value,
    target: ir.Value,
    sums: ir.Value,
    first: ir.Value,
) -> None:
    own = code.at(sums, code.bytes_of(first, _VECTOR_BYTES))
    for n_bits in (1, 2):
        with code.where((bits, n_bits)):
            totals = [code.total(ir.Constant(_VECTOR, [0.0] * LANES)) for _ in range(n_bits)]
            with code.loop(count) as i:
                coordinates = [code.builder.add(i, code.bytes_of(count, j)) for j in range(2**n_bits)]
                places = [code.place(frame, each) for each in coordinates]
                values = [code.load(code.at(source, code.bytes_of(place, _VECTOR_BYTES))) for place in places]
                for total in totals:
                    half = len(values) // 2
                    for x, y in zip(values[:half], values[half:], strict=True):
                        code.add_to(total, code.sub(x, y))
                    values = [code.add(x, y) for x, y in zip(values[:half], values[half:], strict=True)]
                code.store(values[0], code.at(target, code.bytes_of(i, _VECTOR_BYTES)))
            for bit, total in enumerate(totals):
                code.store(code.builder.load(total), own, bit * _VECTOR_BYTES)


@intrinsic  # type: ignore[untyped-decorator]
def _fold(_: Any, source: Any, frame: Any, bits: Any, count: Any, target: Any, sums: Any, first: Any) -> Any:
    """Sums signed by the highest one or two coordinates, and plain sums over these in ``target``, count of them."""
    return _emitted(_emit_fold, source, frame, bits, count, target, sums, first)


def _emit_probabilities(code: _Code, state: ir.Value, frame: ir.Value, count: ir.Value, target: ir.Value) -> None:
    with code.loop(count) as k:
        place = code.place(frame, k)
        re, im = code.load_pair(code.amplitude(state, place))
        code.store(code.plus(code.mul(re, re), im, im), code.at(target, code.bytes_of(place, _VECTOR_BYTES)))


@intrinsic  # type: ignore[untyped-decorator]
def _probabilities(_: Any, state: Any, frame: Any, count: Any, target: Any) -> Any:
    """|ψ|² of all amplitudes at their places."""
    return _emitted(_emit_probabilities, state, frame, count, target)


def _emit_weigh(
    code: _Code, weights: ir.Value, frame: ir.Value, count: ir.Value, state: ir.Value, target: ir.Value
) -> None:
    with code.loop(count) as k:
        place, weight = code.place(frame, k), code.load(code.at(weights, code.bytes_of(k, _VECTOR_BYTES)))
        weighed = [code.mul(weight, part) for part in code.load_pair(code.amplitude(state, place))]
        code.store_pair(weighed, code.amplitude(target, place))


@intrinsic  # type: ignore[untyped-decorator]
def _weigh(_: Any, weights: Any, frame: Any, count: Any, state: Any, target: Any) -> Any:
    """Amplitudes times each sample's real numbers."""
    return _emitted(_emit_weigh, weights, frame, count, state, target)


def _emit_sign(code: _Code, weights: ir.Value, number: ir.Value, half: ir.Value) -> None:
    y = code.load(number)
    with code.loop(half) as k:
        at = code.at(weights, code.bytes_of(k, _VECTOR_BYTES))
        x = code.load(at)
        code.store(code.sub(x, y), code.at(at, code.bytes_of(half, _VECTOR_BYTES)))
        code.store(code.add(x, y), at)


@intrinsic  # type: ignore[untyped-decorator]
def _sign(_: Any, weights: Any, number: Any, half: Any) -> Any:
    """Half of the weights plus a number, and behind them the same minus it."""
    return _emitted(_emit_sign, weights, number, half)


_SINE = (-1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4)
_COSINE = (4.166664568298827e-2, -1.388731625493765e-3, 2.443315711809948e-5)
"""Polynomials of Cephes' sinf and cosf between −π/4 and π/4."""


def _constant(number: float) -> ir.Value:
    return ir.Constant(_VECTOR, [number] * LANES)


def _circle(code: _Code, rest: ir.Value, quarters: ir.Value) -> Values:
    """Cosine and sine of rest + quarters · π/2; quarters are integers as float32, |rest| ≤ π/4."""
    square = code.mul(rest, rest)
    sine = code.plus(_constant(_SINE[1]), square, _constant(_SINE[2]))
    sine = code.plus(_constant(_SINE[0]), square, sine)
    sine = code.plus(rest, code.mul(square, rest), sine)
    cosine = code.plus(_constant(_COSINE[1]), square, _constant(_COSINE[2]))
    cosine = code.plus(_constant(_COSINE[0]), square, cosine)
    cosine = code.plus(code.minus(_constant(1.0), square, _constant(0.5)), code.mul(square, square), cosine)
    words = ir.VectorType(_WORD, LANES)
    ones, twos = (ir.Constant(words, [number] * LANES) for number in (1, 2))
    turned = code.builder.fptosi(quarters, words)
    is_odd = code.builder.icmp_signed("!=", code.builder.and_(turned, ones), ir.Constant(words, [0] * LANES))
    found = []
    for even, odd, quarter in ((cosine, sine, code.builder.add(turned, ones)), (sine, cosine, turned)):
        value = code.builder.select(is_odd, odd, even)
        is_negative = code.builder.icmp_signed("!=", code.builder.and_(quarter, twos), ir.Constant(words, [0] * LANES))
        found.append(code.builder.select(is_negative, code.builder.fneg(value), value))
    return found


def _emit_phase_factors(code: _Code, rest: ir.Value, quarters: ir.Value, count: ir.Value, target: ir.Value) -> None:
    with code.loop(count) as i:
        given = [code.load(code.at(base, code.bytes_of(i, _VECTOR_BYTES))) for base in (rest, quarters)]
        code.store_pair(_circle(code, *given), code.amplitude(target, i))


@intrinsic  # type: ignore[untyped-decorator]
def _phase_factors(_: Any, rest: Any, quarters: Any, count: Any, target: Any) -> Any:
    """Cosines and sines of rest + quarters · π/2."""
    return _emitted(_emit_phase_factors, rest, quarters, count, target)


def _emit_tangents(code: _Code, rest: ir.Value, quarters: ir.Value, count: ir.Value, target: ir.Value) -> None:
    kind = ir.FunctionType(_VECTOR, [_VECTOR])
    absolute = cgutils.get_or_insert_function(code.builder.module, kind, f"llvm.fabs.v{LANES}f32")
    with code.loop(count) as i:
        cosine, sine = _circle(
            code, *(code.load(code.at(base, code.bytes_of(i, _VECTOR_BYTES))) for base in (rest, quarters))
        )
        size, limit = (code.builder.call(absolute, [x]) for x in (sine, cosine))
        # unordered: NaN counts as steep, and makes p and q NaN
        steep = code.builder.fcmp_unordered(">", size, code.mul(limit, _constant(STEEPEST)))
        scale, other = code.builder.select(steep, sine, cosine), code.builder.select(steep, cosine, sine)
        ratio = code.builder.fdiv(other, scale)
        at = code.at(target, code.bytes_of(i, 3 * _VECTOR_BYTES))
        code.store(code.builder.select(steep, ratio, _constant(1.0)), at)
        code.store(code.builder.select(steep, _constant(1.0), ratio), at, _VECTOR_BYTES)
        code.store(scale, at, 2 * _VECTOR_BYTES)


@intrinsic  # type: ignore[untyped-decorator]
def _tangents(_: Any, rest: Any, quarters: Any, count: Any, target: Any) -> Any:
    """p, q and scale of turns by twice the angles rest + quarters · π/2."""
    return _emitted(_emit_tangents, rest, quarters, count, target)


# ---------------------------------------------------------------------------------------------------------------------
# Angles


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _reduce(values: Any, rest: Any, quarters: Any) -> None:
    """Angles as a multiple of π/2 and a rest, from float64, so that large ones lose nothing."""
    for i in range(len(values)):
        k = np.rint(values[i] * (2 / np.pi))
        quarters[i] = k
        rest[i] = values[i] - k * (np.pi / 2)


# ---------------------------------------------------------------------------------------------------------------------
# Layers


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _spread(i: int, low: int, width: int) -> int:
    """Insert ``width`` zero bits above the ``low`` lowest ones."""
    mask = i & ((1 << low) - 1)
    return ((i - mask) << width) | mask


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _collect(
    first: int, count: int, direction: int, numbers: Any, shared: Any, samples: Any, turns: Any, scale: Any
) -> int:
    """Write p and ±q of a layer's turns and the product of the samples' scales; bits of the turns with any p ≠ 1."""
    steep = 0
    n_samples = samples.shape[0]
    for lane in range(LANES):
        scale[lane] = 1
    for i in range(count):
        term = numbers[first + i]
        if term < n_samples:
            sample = samples[term]
            for lane in range(LANES):
                turns[i, 0, lane] = sample[0, lane]
                turns[i, 1, lane] = direction * sample[1, lane]
                scale[lane] *= sample[2, lane]
                if sample[0, lane] != 1:
                    steep |= 1 << i
        else:
            slot = term - n_samples
            for lane in range(LANES):
                turns[i, 0, lane] = shared[slot, 0]
                turns[i, 1, lane] = direction * shared[slot, 1]
            if shared[slot, 0] != 1:
                steep |= 1 << i
    return steep


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _evolve_turns(n: int, m: int, steep: int, state: Any, frame: Any, turns: Any) -> None:
    """Apply the m turns of a layer."""
    n_groups = -(-m // _FORWARD)
    group = 0
    while group < n_groups:
        start, after = m * group // n_groups, group + 1
        while after < n_groups and m * (after + 1) // n_groups - start <= _TILE:
            after += 1
        stop = m * after // n_groups
        for outer in range(1 << (n - stop + start)):
            first = _spread(outer, n - stop, stop - start)
            for g in range(group, after):
                a, b = m * g // n_groups, m * (g + 1) // n_groups
                any_steep = min((steep >> a) & ((1 << (b - a)) - 1), 1)
                count = 1 << (stop - start - b + a)
                _turn(state, b - a, any_steep, frame, first, n - stop, stop - b, count, turns, a)
        group = after


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _normalise(start: int, stop: int, turns: Any, sums: Any, norms: Any) -> None:
    """Divide the sums of a group of turns by norms, which the group's p² + q² then multiply."""
    for i in range(start, stop):
        for lane in range(LANES):
            sums[i, lane] /= norms[lane]
    for i in range(start, stop):
        for lane in range(LANES):
            norms[lane] *= turns[i, 0, lane] ** 2 + turns[i, 1, lane] ** 2


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _return_turns(
    n: int, m: int, steep: int, state: Any, adjoint: Any, frame: Any, turns: Any, sums: Any, norms: Any
) -> None:
    """Uncompute the m turns of a layer, and divide each one's sum by p² + q² of those uncomputed before it."""
    n_groups = -(-m // _BACKWARD)
    after = n_groups
    for lane in range(LANES):
        norms[lane] = 1
        for i in range(m):
            sums[i, lane] = 0
    while after > 0:
        group, stop = after - 1, m * after // n_groups
        while group > 0 and stop - m * (group - 1) // n_groups <= _TILE:
            group -= 1
        start = m * group // n_groups
        for outer in range(1 << (n - stop + start)):
            first = _spread(outer, n - stop, stop - start)
            for g in range(after - 1, group - 1, -1):
                a, b = m * g // n_groups, m * (g + 1) // n_groups
                any_steep = min((steep >> a) & ((1 << (b - a)) - 1), 1)
                count = 1 << (stop - start - b + a)
                _return(state, adjoint, sums, b - a, any_steep, frame, first, n - stop, stop - b, count, turns, a)
        for g in range(after - 1, group - 1, -1):
            _normalise(m * g // n_groups, m * (g + 1) // n_groups, turns, sums, norms)
        after = group


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _factors(part: Any, phases: Any, n_turns: int, direction: int, scale: Any, high: Any, low: Any) -> int:
    """Fill a part's two tables, (entries, 2, LANES), the first with the scale in it: how many masks that one has."""
    n_high: int = part[2] - part[2] // 2
    for lane in range(LANES):
        high[0, 0, lane], high[0, 1, lane] = scale[lane], 0
        low[0, 0, lane], low[0, 1, lane] = 1, 0
    for i in range(part[2]):
        table, done = (high, i) if i < n_high else (low, i - n_high)
        _double(table, 1 << done, phases, part[3 + i] - n_turns, direction)
    return n_high


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _return_part(
    n: int,
    n_high: int,
    bits: int,
    state: Any,
    adjoint: Any,
    currents: Any,
    wanted: int,
    places: Any,
    high: Any,
    low: Any,
) -> None:
    """Undo a part by its tables."""
    for i in range(1 << n_high):
        _shift_both(state, adjoint, currents, wanted, places, high, i, low, bits, 1 << (n - n_high))


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _copy(source: Any, target: Any) -> None:
    for i in range(len(source)):
        target[i] = source[i]


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _write(term: int, sums: Any, gradients: Any, totals: Any) -> None:
    """Write a term's gradients, half the sums of each sample, and their total."""
    total = 0.0
    for lane in range(LANES):
        gradient = np.float32(0.5) * sums[lane]
        if term < len(gradients):
            gradients[term, lane] = gradient
        total += np.float64(gradient)
    totals[term] = total


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _write_turns(numbers: Any, n_turns: int, sums: Any, gradients: Any, totals: Any) -> None:
    """The same for a layer's turns; those of the batch are numbered behind all terms of samples."""
    for i in range(len(numbers)):
        of_samples = numbers[i] < n_turns
        _write(numbers[i] if of_samples else numbers[i] + len(gradients) - n_turns, sums[i], gradients, totals)


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _add_elements(block: int, gradients: Any, terms: Any, elements: Any, factors: Any, of_samples: Any) -> None:
    """Add the gradients of a block's terms to those of the elements in them."""
    for lane in range(min(LANES, len(of_samples) - LANES * block)):
        row = of_samples[LANES * block + lane]
        for i in range(len(terms)):
            row[elements[i]] += np.float32(factors[i]) * gradients[terms[i], lane]


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _sum_signed(n: int, n_masks: int, values: Any, frame: Any, partial: Any, order: Any, sums: Any) -> None:
    """Σ ±value for every mask of a part; values at their places, order the numbers from 0 on."""
    bit = 0
    while bit < n_masks:
        bits = min(2, n_masks - bit)
        count = 1 << (n - bit - bits)
        if bit == 0:
            _fold(values, frame, bits, count, partial, sums, 0)
        else:
            _fold(partial, order, bits, count, partial, sums, bit)
        bit += bits


# ---------------------------------------------------------------------------------------------------------------------
# Kernels

_PLACES, _VECTOR_1 = int32[::1], float32[::1]
_CUBE = float32[:, :, ::1]
_BLOCKS = float32[:, ::1]
_SPAN = (int64, int64)
_PROGRAM = (int64, int64[:, ::1], int64[::1], int64[:, ::1], int32[:, ::1])
_BLOCKS_OF_TERMS = float32[:, :, :, ::1]
_ANGLES = (_BLOCKS, _BLOCKS, _BLOCKS_OF_TERMS, _BLOCKS_OF_TERMS)


@cache
def tabulate() -> Kernel:
    """Numbers of the samples' terms.

    Arguments: the samples' array (batch, elements), constants (terms,), entries: terms, elements and factors; turns
    (blocks, turns, 3, LANES): p, q and scale, phases (blocks, phases, 2, LANES): cosine and sine of φ/2, both filled;
    first and last block.
    """

    def run(
        samples: Any,
        constants: Any,
        terms: Any,
        elements: Any,
        factors: Any,
        turns: Any,
        phases: Any,
        first: int,
        last: int,
    ) -> None:
        n_turns, n_phases = turns.shape[1], phases.shape[1]
        values = np.empty((n_turns + n_phases) * LANES, np.float64)
        rest, quarters = np.empty(len(values), np.float32), np.empty(len(values), np.float32)
        for block in range(first, last):
            for term in range(n_turns + n_phases):
                for lane in range(LANES):
                    values[term * LANES + lane] = constants[term] / 2
            for lane in range(min(LANES, len(samples) - LANES * block)):
                row = samples[LANES * block + lane]
                for i in range(len(terms)):
                    values[terms[i] * LANES + lane] += factors[i] / 2 * row[elements[i]]
            _reduce(values, rest, quarters)
            _tangents(rest, quarters, n_turns, turns[block])
            _phase_factors(rest[n_turns * LANES :], quarters[n_turns * LANES :], n_phases, phases[block])

    entries = (float64[::1], int64[::1], int64[::1], float64[::1])
    kernel: Kernel = compiled(void(_BLOCKS, *entries, *[_BLOCKS_OF_TERMS] * 2, *_SPAN), nogil=True)(run)
    return kernel


@cache
def tables() -> Kernel:
    """Factors of the batch: scale · exp(iΣ value·(−1)^parity) for every coordinate.

    Arguments: masks (entries,) and values (entries,) of the phases, where each table's begin (tables + 1,), scales
    (tables,), tables (tables, 2 · 2^n), filled; first and last table.
    """

    def run(masks: Any, values: Any, starts: Any, scales: Any, made: Any, first: int, last: int) -> None:
        size = made.shape[1] // 2
        phases = np.empty(size, np.float64)
        n_vectors = -(-size // LANES)
        rest, quarters = np.empty(n_vectors * LANES, np.float32), np.empty(n_vectors * LANES, np.float32)
        factors = np.empty((n_vectors, 2, LANES), np.float32)
        for table in range(first, last):
            for k in range(size):
                phases[k] = 0
            for i in range(starts[table], starts[table + 1]):
                phases[masks[i]] = values[i]
            stride = 1
            while stride < size:
                for start in range(0, size, 2 * stride):
                    for k in range(start, start + stride):
                        x, y = phases[k], phases[k + stride]
                        phases[k], phases[k + stride] = x + y, x - y
                stride *= 2
            _reduce(phases, rest, quarters)
            scale = np.float32(scales[table])
            _phase_factors(rest, quarters, n_vectors, factors)
            for k in range(size):
                made[table, 2 * k] = scale * factors[k // LANES, 0, k % LANES]
                made[table, 2 * k + 1] = scale * factors[k // LANES, 1, k % LANES]

    arguments = (int64[::1], float64[::1], int64[::1], float64[::1], _BLOCKS)
    kernel: Kernel = compiled(void(*arguments, *_SPAN), nogil=True)(run)
    return kernel


@cache
def pack() -> Kernel:
    """Write rows as amplitudes; zeros beyond the last row and column.

    Arguments: rows (batch, columns, 1 real or 2 complex), places (2^n,), states (blocks, size), first and last block.
    """

    def run(rows: Any, places: Any, states: Any, first: int, last: int) -> None:
        for block in range(first, last):
            state = states[block]
            for i in range(len(state)):
                state[i] = 0
            for lane in range(min(LANES, len(rows) - LANES * block)):
                row = rows[LANES * block + lane]
                for k in range(rows.shape[1]):
                    for part in range(rows.shape[2]):
                        state[(2 * places[k] + part) * LANES + lane] = row[k, part]

    kernel: Kernel = compiled(void(_CUBE, _PLACES, _BLOCKS, *_SPAN), nogil=True)(run)
    return kernel


@cache
def unpack() -> Kernel:
    """Write amplitudes as rows; the arguments are those of ``pack``."""

    def run(rows: Any, places: Any, states: Any, first: int, last: int) -> None:
        for block in range(first, last):
            state = states[block]
            for lane in range(min(LANES, len(rows) - LANES * block)):
                row = rows[LANES * block + lane]
                for k in range(rows.shape[1]):
                    for part in range(rows.shape[2]):
                        row[k, part] = state[(2 * places[k] + part) * LANES + lane]

    kernel: Kernel = compiled(void(_CUBE, _PLACES, _BLOCKS, *_SPAN), nogil=True)(run)
    return kernel


@cache
def measure() -> Kernel:
    """⟨Z⟩ of every wire.

    Arguments: states, places by the circuit's amplitudes, numbers from 0 on, means (blocks · LANES, wires), first and
    last block.
    """

    def run(states: Any, places: Any, order: Any, means: Any, first: int, last: int) -> None:
        n = means.shape[1]
        sums = np.empty((n, LANES), np.float32)
        values = np.empty((states.shape[1] // 2,), np.float32)
        partial = np.empty((len(places) * LANES,), np.float32)
        for block in range(first, last):
            _probabilities(states[block], places, len(places), values)
            _sum_signed(n, n, values, places, partial, order, sums)
            for wire in range(n):
                for lane in range(LANES):
                    means[LANES * block + lane, wire] = sums[wire, lane]

    kernel: Kernel = compiled(void(_BLOCKS, _PLACES, _PLACES, _BLOCKS, *_SPAN), nogil=True)(run)
    return kernel


@cache
def seed() -> Kernel:
    """λ_k = 2 Σ_wires ±cotangent · ψ_k.

    Arguments: states, places, cotangents (blocks · LANES, wires), adjoints (blocks, size), first and last block.
    """

    def run(states: Any, places: Any, cotangents: Any, adjoints: Any, first: int, last: int) -> None:
        n = cotangents.shape[1]
        numbers = np.empty((LANES,), np.float32)
        weights = np.empty((len(places), LANES), np.float32)
        for block in range(first, last):
            for lane in range(LANES):
                weights[0, lane] = 0
            for wire in range(n - 1, -1, -1):
                for lane in range(LANES):
                    numbers[lane] = 2 * cotangents[LANES * block + lane, wire]
                _sign(weights, numbers, 1 << (n - 1 - wire))
            _weigh(weights, places, len(places), states[block], adjoints[block])

    kernel: Kernel = compiled(void(_BLOCKS, _PLACES, _BLOCKS, _BLOCKS, *_SPAN), nogil=True)(run)
    return kernel


@cache
def evolve() -> Kernel:
    """Take states through the layers, or back through them.

    Arguments: the program (number of wires, layers, turns, parts, frames), its angles, the direction (1 or −1), states
    (blocks, size), first and last block. The angles are tables (tables, 2 · 2^n), already conjugate on the way back,
    shared turns (turns, 2): p and q, turns of samples (blocks, turns, 3, LANES): p, q and scale, phases of samples
    (blocks, phases, 2, LANES): cosines and sines of φ/2.
    """

    def run(
        n: int,
        layers: Any,
        numbers: Any,
        parts: Any,
        frames: Any,
        tables: Any,
        shared_turns: Any,
        sample_turns: Any,
        sample_phases: Any,
        direction: int,
        states: Any,
        first: int,
        last: int,
    ) -> None:
        turns, scale = np.empty((n, 2, LANES), np.float32), np.empty(LANES, np.float32)
        ones = np.ones(LANES, np.float32)
        entries = 1 << ((n + 1) // 2)
        high, low = np.empty((entries, 2, LANES), np.float32), np.empty((entries, 2, LANES), np.float32)
        for block in range(first, last):
            state, n_turns = states[block], sample_turns.shape[1]
            for step in range(len(layers)):
                layer = layers[step if direction > 0 else len(layers) - 1 - step]
                frame = frames[layer[0]]
                steep = _collect(
                    layer[1], layer[2], direction, numbers, shared_turns, sample_turns[block], turns, scale
                )
                if direction < 0:
                    _evolve_turns(n, layer[2], steep, state, frame, turns)
                if layer[3] >= 0:
                    _multiply(state, layer[4], frame, tables[layer[3]], scale, 1 << n)
                for index in range(layer[5], layer[5] + layer[6]):
                    part = parts[index]
                    if part[2] > 0:
                        factor = scale if index == layer[5] else ones
                        n_high = _factors(part, sample_phases[block], n_turns, direction, factor, high, low)
                        places = frames[part[0]]
                        for i in range(1 << n_high):
                            _shift(state, places, high, i, low, n - part[2], 1 << (n - n_high))
                if direction > 0:
                    _evolve_turns(n, layer[2], steep, state, frame, turns)

    kernel: Kernel = compiled(void(*_PROGRAM, *_ANGLES, int64, _BLOCKS, *_SPAN), nogil=True)(run)
    return kernel


@cache
def backward() -> Kernel:
    """Take states and adjoints back through the layers, with the gradients of all terms.

    Arguments: as ``evolve`` but the direction, with adjoints (blocks, size) behind the states, which are overwritten;
    then totals (blocks, terms) in float64, gradients summed over a block's samples, numbers from 0 on, the gradient of
    the samples' array (batch, elements), with the entries: terms, elements and factors; first and last block. Totals
    and gradient are zero at first; states are not changed.
    """

    def run(
        n: int,
        layers: Any,
        numbers: Any,
        parts: Any,
        frames: Any,
        tables: Any,
        shared_turns: Any,
        sample_turns: Any,
        sample_phases: Any,
        states: Any,
        adjoints: Any,
        totals: Any,
        order: Any,
        of_samples: Any,
        terms: Any,
        elements: Any,
        factors: Any,
        first: int,
        last: int,
    ) -> None:
        turns, scale = np.empty((n, 2, LANES), np.float32), np.empty(LANES, np.float32)
        ones = np.ones(LANES, np.float32)
        entries = 1 << ((n + 1) // 2)
        high, low = np.empty((entries, 2, LANES), np.float32), np.empty((entries, 2, LANES), np.float32)
        psi = np.empty(states.shape[1], np.float32)
        currents = np.empty(states.shape[1] // 2, np.float32)
        partial = np.empty((1 << n) * LANES, np.float32)
        sums, norms = np.empty((n, LANES), np.float32), np.empty(LANES, np.float32)
        n_turns = sample_turns.shape[1]
        gradients = np.zeros((n_turns + sample_phases.shape[1], LANES), np.float32)
        for block in range(first, last):
            _copy(states[block], psi)
            state, adjoint = psi, adjoints[block]
            for step in range(len(layers) - 1, -1, -1):
                layer = layers[step]
                frame = frames[layer[0]]
                steep = _collect(layer[1], layer[2], -1, numbers, shared_turns, sample_turns[block], turns, scale)
                _return_turns(n, layer[2], steep, state, adjoint, frame, turns, sums, norms)
                _write_turns(numbers[layer[1] : layer[1] + layer[2]], n_turns, sums, gradients, totals[block])
                for index in range(layer[5] + layer[6] - 1, layer[5] - 1, -1):
                    part = parts[index]
                    if part[2] > 0:
                        n_high = _factors(
                            part, sample_phases[block], n_turns, -1, scale if index == layer[5] else ones, high, low
                        )
                        wanted = int(index == layer[5] and layer[3] < 0)
                        _return_part(
                            n, n_high, n - part[2], state, adjoint, currents, wanted, frames[part[0]], high, low
                        )
                if layer[3] >= 0:
                    _multiply_both(state, adjoint, currents, layer[4], frame, tables[layer[3]], scale, 1 << n)
                for index in range(layer[5], layer[5] + layer[6]):
                    part = parts[index]
                    _sum_signed(n, part[1], currents, frames[part[0]], partial, order, sums)
                    for i in range(part[1]):
                        _write(part[3 + i], sums[i], gradients, totals[block])
            _add_elements(block, gradients, terms, elements, factors, of_samples)

    outputs = (_BLOCKS, _BLOCKS, float64[:, ::1], _PLACES, _BLOCKS, int64[::1], int64[::1], float64[::1])
    kernel: Kernel = compiled(void(*_PROGRAM, *_ANGLES, *outputs, *_SPAN), nogil=True)(run)
    return kernel
