"""Layered circuits over vectors of LANES samples: forward, adjoint backward (numba, one thread a call).

**State.** A block is LANES samples, one a lane. Amplitude k of a block is two vectors, real and imaginary parts; the
bits of k are wires, wire 0 the highest. ``place`` leaves gaps between rows of amplitudes: with strides of powers of two
alone, the amplitudes of a gate would fight for the same few lines of the cache.

**A layer** is a diagonal, shared by all samples, then on every wire a rotation without its cosine,
a ← a − t·b, b ← b + t·a with |t| ≤ 1: one fused multiply–add a real number. ``tables.py`` makes both from angles.

**Order.** Wires go in groups, as many as fit into registers, and groups in tiles, whose amplitudes stay in the
first-level cache while each group's rotations pass over them. A sample's arithmetic depends neither on its lane nor on
its block.

**Backward** (adjoint method, Jones & Gacon 2020, arXiv 2009.02823). State ψ and adjoint λ = ∂loss/∂Re ψ + i ∂loss/∂Im ψ
are uncomputed together, so memory does not grow with depth. With D the layer's diagonal, both become D*·R(−t) of what
they were. Before a group is uncomputed, Σ λ₁ψ₀ − λ₀ψ₁ over the pairs of a wire, real and imaginary parts alike, is
twice the gradient of its angle, times 1 + t² for every wire uncomputed before. After D*, Σ ±(Re λ·Im ψ − Im λ·Re ψ) is
twice the gradient of the wire's angle in D.

numba has no vectors and unrolls no lists, so this file emits a layer's instructions itself, for each number of wires at
its first use. Compiled code is cached beside this file, and everything that kernels call is defined here, because numba
notices changes of this file only. Each number of wires has a name, hence a cache file, of its own: processes that
compile different ones at once would otherwise exchange theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from llvmlite import ir
from numba import float32, float64, int64, njit, types, void
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic, register_jitable

from qaml.compiled import compiled

Kernel: TypeAlias = Callable[..., None]


class _Registers(NamedTuple):
    """The capacity of the processor's vector registers.

    Attributes:
        lanes: float32 numbers in one.
        forward_first, forward: wires of a group in the forward pass; the first group applies the diagonal.
        backward_first, backward: the same in the backward pass, where state and adjoint share the registers.
    """

    lanes: int
    forward_first: int
    forward: int
    backward_first: int
    backward: int


_WIDE = "+avx512f" in cpu_target.target_context.codegen().magic_tuple()[2]
_REGISTERS = _Registers(16, 3, 4, 2, 3) if _WIDE else _Registers(8, 2, 3, 1, 2)
"""32 registers of 512 bits, or 16 of 256 bits."""
_TILE = 6
"""Most wires of a tile: 64 amplitudes of state and adjoint are 16 kB of the first-level cache's 32 kB or more."""

LANES = _REGISTERS.lanes
"""Number of samples in a block."""

Group: TypeAlias = range
"""Neighbouring wires whose rotations are applied in registers."""


def _groups(n_wires: int, first: int, most: int) -> list[Group]:
    """Cut the wires into a first group of ``first`` and as few others of ``most`` as will do, of about equal size."""
    first = min(first, n_wires)
    n_others = -(-(n_wires - first) // most)
    edges = [0] + [first + (n_wires - first) * i // n_others for i in range(n_others)] + [n_wires]
    return [range(start, stop) for start, stop in pairwise(edges)]


def forward_groups(n_wires: int) -> list[Group]:
    """Groups in the order in which the forward pass applies them."""
    return _groups(n_wires, _REGISTERS.forward_first, _REGISTERS.forward)


def backward_groups(n_wires: int) -> list[Group]:
    """Groups in the order in which the full backward pass uncomputes them, the one with the diagonal last."""
    return _groups(n_wires, _REGISTERS.backward_first, _REGISTERS.backward)[::-1]


def _tiles(groups: list[Group]) -> list[list[Group]]:
    """Neighbouring groups of at most _TILE wires together."""
    tiles: list[list[Group]] = [[]]
    for group in groups:
        if sum(map(len, tiles[-1])) + len(group) > _TILE:
            tiles.append([])
        tiles[-1].append(group)
    return tiles


@register_jitable  # type: ignore[untyped-decorator]
def place(n_wires: int, k: int) -> int:
    """Where amplitude k begins in a state, in float32 numbers: one amplitude's room is left free after each row."""
    return 2 * LANES * (k + (k >> (n_wires - n_wires // 2)))


def state_size(n_wires: int) -> int:
    """The size of a block's state, as a number of float32 numbers."""
    size: int = place(n_wires, 2**n_wires)
    return size


# ---------------------------------------------------------------------------------------------------------------------
# Emitting instructions

_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_INDEX = ir.IntType(64)
_WORD = ir.IntType(32)
_ZERO = ir.Constant(_VECTOR, [0.0] * LANES)
_FUSE = ("contract", "nsz")
"""a·b + c may become one operation; nothing else is allowed, least of all a different order."""

Values: TypeAlias = list[ir.Value]


class _Amplitudes(NamedTuple):
    """The amplitudes of one group, in registers, in the order of their bits."""

    re: Values
    im: Values


class _Code:
    """Emits vector instructions for one number of wires; pointers are to float32, offsets count float32 numbers."""

    def __init__(self, builder: ir.IRBuilder, n_wires: int) -> None:
        self.builder = builder
        self.n_wires = n_wires

    def index(self, value: int) -> ir.Value:
        return ir.Constant(_INDEX, value)

    def at(self, pointer: ir.Value, offset: ir.Value | int) -> ir.Value:
        offset = self.index(offset) if isinstance(offset, int) else offset
        return self.builder.gep(pointer, [offset])

    def load(self, pointer: ir.Value, offset: ir.Value | int = 0) -> ir.Value:
        vectors = self.builder.bitcast(self.at(pointer, offset), _VECTOR.as_pointer())
        return self.builder.load(vectors, align=4)

    def store(self, vector: ir.Value, pointer: ir.Value, offset: ir.Value | int = 0) -> None:
        self.builder.store(vector, self.builder.bitcast(self.at(pointer, offset), _VECTOR.as_pointer()), align=4)

    def splat(self, pointer: ir.Value, offset: ir.Value | int = 0) -> ir.Value:
        """A vector with one number in every lane."""
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        number = self.builder.load(self.at(pointer, offset))
        first = self.builder.insert_element(undefined, number, ir.Constant(_WORD, 0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_WORD, LANES), None))

    def add(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.builder.fadd(x, y, flags=_FUSE)

    def sub(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.builder.fsub(x, y, flags=_FUSE)

    def mul(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.builder.fmul(x, y, flags=_FUSE)

    @contextmanager
    def loop(self, count: int) -> Iterator[ir.Value]:
        with cgutils.for_range(self.builder, self.index(count), intp=_INDEX) as each:
            yield each.index

    def spread(self, i: ir.Value, low: int, width: int) -> ir.Value:
        """Insert ``width`` zero bits above the ``low`` lowest ones."""
        mask = self.builder.and_(i, self.index(2**low - 1))
        return self.builder.or_(self.builder.shl(self.builder.sub(i, mask), self.index(width)), mask)

    def bits(self, group: Group) -> list[int]:
        """The amplitudes of a group whose other bits are zero."""
        return [i << (self.n_wires - group.stop) for i in range(2 ** len(group))]

    @contextmanager
    def amplitudes_besides(self, tile: list[Group]) -> Iterator[Callable[[Group], Any]]:
        """Loop over the amplitudes with zeros in the tile's bits; the yielded function loops over a group's rest."""
        start, stop = min(g.start for g in tile), max(g.stop for g in tile)
        low = self.n_wires - stop
        with self.loop(2 ** (self.n_wires - (stop - start))) as i:
            outer = self.spread(i, low, stop - start)

            @contextmanager
            def besides(group: Group) -> Iterator[ir.Value]:
                with self.loop(2 ** (stop - start - len(group))) as j:
                    inner = self.spread(j, stop - group.stop, len(group))
                    yield self.builder.or_(outer, self.builder.shl(inner, self.index(low)))

            yield besides

    def address(self, state: ir.Value, k: ir.Value) -> ir.Value:
        """A pointer to amplitude k (``place``)."""
        rows = self.builder.lshr(k, self.index(self.n_wires - self.n_wires // 2))
        return self.at(state, self.builder.mul(self.builder.add(k, rows), self.index(2 * LANES)))

    def offsets(self, group: Group) -> list[int]:
        return [place(self.n_wires, k) for k in self.bits(group)]

    def load_part(self, pointer: ir.Value, group: Group, part: int) -> Values:
        """Real (part 0) or imaginary (part 1) parts of a group."""
        return [self.load(pointer, offset + part * LANES) for offset in self.offsets(group)]

    def store_part(self, values: Values, pointer: ir.Value, group: Group, part: int) -> None:
        for value, offset in zip(values, self.offsets(group), strict=True):
            self.store(value, pointer, offset + part * LANES)

    def load_both(self, pointer: ir.Value, group: Group) -> _Amplitudes:
        return _Amplitudes(self.load_part(pointer, group, 0), self.load_part(pointer, group, 1))

    def store_both(self, amplitudes: _Amplitudes, pointer: ir.Value, group: Group) -> None:
        self.store_part(amplitudes.re, pointer, group, 0)
        self.store_part(amplitudes.im, pointer, group, 1)

    def sums(self, count: int) -> Values:
        """Variables for sums, zero at first, that LLVM keeps in registers."""
        return [cgutils.alloca_once_value(self.builder, _ZERO) for _ in range(count)]

    def add_to(self, total: ir.Value, value: ir.Value) -> None:
        self.builder.store(self.add(self.builder.load(total), value), total)


def _pairs(n: int, bit: int) -> list[tuple[int, int]]:
    """Indices below n that differ in one bit, counted from the highest: (where it is 0, where it is 1)."""
    stride = n >> (bit + 1)
    return [(i, i + stride) for i in range(n) if not i & stride]


def _rotate(code: _Code, values: Values, tangents: Values, inverse: bool = False) -> Values:
    """Each wire's rotation, or its transpose, on the real or the imaginary parts of a group."""
    values = list(values)
    plus, minus = (code.sub, code.add) if inverse else (code.add, code.sub)
    for bit, tangent in enumerate(tangents):
        for i, j in _pairs(len(values), bit):
            a, b = values[i], values[j]
            values[i], values[j] = minus(a, code.mul(tangent, b)), plus(b, code.mul(tangent, a))
    return values


def _factors(code: _Code, diagonal: ir.Value, k: ir.Value, group: Group) -> _Amplitudes:
    """The diagonal's numbers for a group."""
    here = code.at(diagonal, code.builder.shl(k, code.index(1)))
    re = [code.splat(here, 2 * bits) for bits in code.bits(group)]
    return _Amplitudes(re, [code.splat(here, 2 * bits + 1) for bits in code.bits(group)])


def _multiply(code: _Code, factors: _Amplitudes, values: _Amplitudes, inverse: bool = False) -> _Amplitudes:
    """Multiply by the factors, or by their conjugates."""
    plus, minus = (code.sub, code.add) if inverse else (code.add, code.sub)
    re, im = [], []
    for c, s, x, y in zip(factors.re, factors.im, values.re, values.im, strict=True):
        re.append(minus(code.mul(x, c), code.mul(y, s)))
        im.append(plus(code.mul(y, c), code.mul(x, s)))
    return _Amplitudes(re, im)


def _emit_forward(code: _Code, state: ir.Value, diagonal: ir.Value, tangents: ir.Value) -> None:
    groups = forward_groups(code.n_wires)
    for tile in _tiles(groups):
        with code.amplitudes_besides(tile) as besides:
            for group in tile:
                t = [code.splat(tangents, wire) for wire in group]
                with besides(group) as k:
                    here = code.address(state, k)
                    if group == groups[0]:
                        values = code.load_both(here, group)
                        values = _multiply(code, _factors(code, diagonal, k, group), values)
                        code.store_part(_rotate(code, values.re, t), here, group, 0)
                        code.store_part(_rotate(code, values.im, t), here, group, 1)
                    else:
                        for part in (0, 1):
                            rotated = _rotate(code, code.load_part(here, group, part), t)
                            code.store_part(rotated, here, group, part)


def _emit_adjoint(code: _Code, adjoint: ir.Value, diagonal: ir.Value, tangents: ir.Value) -> None:
    groups = forward_groups(code.n_wires)
    for tile in _tiles(groups)[::-1]:
        with code.amplitudes_besides(tile) as besides:
            for group in tile[::-1]:
                t = [code.splat(tangents, wire) for wire in group]
                with besides(group) as k:
                    here = code.address(adjoint, k)
                    parts = [_rotate(code, code.load_part(here, group, p), t, inverse=True) for p in (0, 1)]
                    values = _Amplitudes(*parts)
                    if group == groups[0]:
                        values = _multiply(code, _factors(code, diagonal, k, group), values, inverse=True)
                    code.store_both(values, here, group)


def _add_generators(code: _Code, psi: Values, lam: Values, totals: Values) -> None:
    """Add Σ λ₁ψ₀ − λ₀ψ₁ of each wire of a group."""
    for bit, total in enumerate(totals):
        value = code.builder.load(total)
        for i, j in _pairs(len(psi), bit):
            value = code.sub(code.add(value, code.mul(lam[j], psi[i])), code.mul(lam[i], psi[j]))
        code.builder.store(value, total)


def _add_signed(code: _Code, values: Values, totals: Values) -> ir.Value:
    """Add Σ ±value of each wire of a group, minus where its bit is 1; the plain sum is returned."""
    for total in totals:
        half = len(values) // 2
        low, high = values[:half], values[half:]
        for x, y in zip(low, high, strict=True):
            code.add_to(total, code.sub(x, y))
        values = [code.add(x, y) for x, y in zip(low, high, strict=True)]
    return values[0]


def _emit_signed(code: _Code, partial: ir.Value, totals: Values, first: int) -> None:
    """Add Σ_k ±partial[k] of each wire from ``first`` on; partial, (amplitudes of those wires, LANES), is used up."""
    start = first
    while start < code.n_wires:
        group = range(start, min(start + 2, code.n_wires))
        rest = 2 ** (code.n_wires - group.stop)
        with code.loop(rest) as i:
            here = code.at(partial, code.builder.mul(i, code.index(LANES)))
            values = [code.load(here, j * rest * LANES) for j in range(2 ** len(group))]
            code.store(_add_signed(code, values, totals[group.start : group.stop]), here)
        start = group.stop


def _emit_backward(
    code: _Code,
    state: ir.Value,
    adjoint: ir.Value,
    diagonal: ir.Value,
    tangents: ir.Value,
    partial: ir.Value,
    sums: ir.Value,
) -> None:
    n = code.n_wires
    groups = backward_groups(n)
    generators, signed = (code.sums(n), code.sums(n)), code.sums(n)  # sums of two parts: shorter chains of additions
    for tile in _tiles(groups[::-1])[::-1]:
        with code.amplitudes_besides(tile) as besides:
            for group in tile[::-1]:
                t = [code.splat(tangents, wire) for wire in group]
                with besides(group) as k:
                    psi_at, lam_at = code.address(state, k), code.address(adjoint, k)
                    psi, lam = _Amplitudes([], []), _Amplitudes([], [])
                    for part in (0, 1):
                        p, a = (code.load_part(pointer, group, part) for pointer in (psi_at, lam_at))
                        _add_generators(code, p, a, generators[part][group.start : group.stop])
                        p, a = (_rotate(code, values, t, inverse=True) for values in (p, a))
                        if group == groups[-1]:
                            psi[part].extend(p)
                            lam[part].extend(a)
                        else:
                            code.store_part(p, psi_at, group, part)
                            code.store_part(a, lam_at, group, part)
                    if group == groups[-1]:
                        factors = _factors(code, diagonal, k, group)
                        psi, lam = (_multiply(code, factors, values, inverse=True) for values in (psi, lam))
                        code.store_both(psi, psi_at, group)
                        code.store_both(lam, lam_at, group)
                        products = [
                            code.sub(code.mul(a_re, p_im), code.mul(a_im, p_re))
                            for p_re, p_im, a_re, a_im in zip(*psi, *lam, strict=True)
                        ]
                        total = _add_signed(code, products, signed[group.start : group.stop])
                        code.store(total, partial, code.builder.mul(k, code.index(LANES)))
    _emit_signed(code, partial, signed, groups[-1].stop)
    for i, (re, im) in enumerate(zip(*generators, strict=True)):
        code.store(code.add(code.builder.load(re), code.builder.load(im)), sums, i * LANES)
    for i, total in enumerate(signed):
        code.store(code.builder.load(total), sums, (n + i) * LANES)


def _emit_measure(code: _Code, state: ir.Value, partial: ir.Value, sums: ir.Value) -> None:
    totals = code.sums(code.n_wires)
    with code.loop(2**code.n_wires) as k:
        here = code.address(state, k)
        x, y = code.load(here), code.load(here, LANES)
        probability = code.add(code.mul(x, x), code.mul(y, y))
        code.store(probability, partial, code.builder.mul(k, code.index(LANES)))
    _emit_signed(code, partial, totals, 0)
    for i, total in enumerate(totals):
        code.store(code.builder.load(total), sums, i * LANES)


def _emit_seed(code: _Code, state: ir.Value, adjoint: ir.Value, cotangents: ir.Value, partial: ir.Value) -> None:
    code.store(_ZERO, partial)
    for wire in reversed(range(code.n_wires)):
        half = 2 ** (code.n_wires - 1 - wire)
        cotangent = code.load(cotangents, wire * LANES)
        with code.loop(half) as i:
            here = code.at(partial, code.builder.mul(i, code.index(LANES)))
            weight = code.load(here)
            code.store(code.add(weight, cotangent), here)
            code.store(code.sub(weight, cotangent), here, half * LANES)
    with code.loop(2**code.n_wires) as k:
        weight = code.load(partial, code.builder.mul(k, code.index(LANES)))
        source, target = code.address(state, k), code.address(adjoint, k)
        for offset in (0, LANES):
            code.store(code.mul(weight, code.load(source, offset)), target, offset)


def _layer_intrinsic(emit: Callable[..., None]) -> Callable[[Any, tuple[types.Type, ...]], Any]:
    """Type and emit a function of a constant number of wires and contiguous float32 arrays."""

    def typed(n_wires: types.Type, arrays: tuple[types.Type, ...]) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: list[ir.Value]) -> ir.Value:
            pointers = [
                context.make_array(kind)(context, builder, value).data
                for kind, value in zip(signature.args[1:], args[1:], strict=True)
            ]
            emit(_Code(builder, n_wires.literal_value), *pointers)
            return context.get_dummy_value()

        return types.none(n_wires, *arrays), generate

    return typed


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def _forward_layer(_: Any, n: Any, state: Any, diagonal: Any, tangents: Any) -> Any:
    """Apply a layer to a block's state."""
    return _layer_intrinsic(_emit_forward)(n, (state, diagonal, tangents))


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def _adjoint_layer(_: Any, n: Any, adjoint: Any, diagonal: Any, tangents: Any) -> Any:
    """Uncompute a layer of the adjoint alone."""
    return _layer_intrinsic(_emit_adjoint)(n, (adjoint, diagonal, tangents))


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def _backward_layer(
    _: Any, n: Any, state: Any, adjoint: Any, diagonal: Any, tangents: Any, partial: Any, sums: Any
) -> Any:
    """Uncompute a layer of state and adjoint; sums, (2 · wires, LANES): twice the gradients, RY's before RZ's."""
    return _layer_intrinsic(_emit_backward)(n, (state, adjoint, diagonal, tangents, partial, sums))


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def _measure(_: Any, n: Any, state: Any, partial: Any, sums: Any) -> Any:
    """Σ_k ±|ψ_k|² of each wire in sums, (wires, LANES)."""
    return _layer_intrinsic(_emit_measure)(n, (state, partial, sums))


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def _seed(_: Any, n: Any, state: Any, adjoint: Any, cotangents: Any, partial: Any) -> Any:
    """λ_k = Σ_wires ±cotangent · ψ_k, cotangents (wires, LANES)."""
    return _layer_intrinsic(_emit_seed)(n, (state, adjoint, cotangents, partial))


# ---------------------------------------------------------------------------------------------------------------------
# Kernels: loops over blocks and layers

_VECTOR_1, _MATRIX = float32[::1], float32[:, ::1]
_SPAN = (int64, int64)


def _compiled(name: str, n_wires: int, signature: Any, function: Kernel) -> Kernel:
    function.__qualname__ = f"{name}_{n_wires}"  # names numba's cache file
    kernel: Kernel = compiled(signature, nogil=True)(function)
    return kernel


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _pack(n_wires: int, rows: Any, block: int, state: Any) -> None:
    """Write the block's rows as real amplitudes, zero beyond the last row and the last column."""
    for i in range(len(state)):
        state[i] = 0
    for lane in range(min(LANES, len(rows) - LANES * block)):
        for k in range(rows.shape[1]):
            state[place(n_wires, k) + lane] = rows[LANES * block + lane, k]


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _unpack(n_wires: int, state: Any, block: int, rows: Any) -> None:
    """Write the real parts as rows."""
    for lane in range(min(LANES, len(rows) - LANES * block)):
        for k in range(rows.shape[1]):
            rows[LANES * block + lane, k] = state[place(n_wires, k) + lane]


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _turn(n_wires: int, cotangents: Any, block: int, sums: Any) -> None:
    """Write twice the block's cotangents, samples in the lanes."""
    for wire in range(n_wires):
        for lane in range(LANES):
            sums[wire * LANES + lane] = 2 * cotangents[LANES * block + lane, wire]


@cache
def forward(n_wires: int) -> Kernel:
    """The forward kernel for a number of wires.

    Its arguments: rows (batch, features), diagonals (layers, 2 · 2^wires), tangents (layers, wires), states (slots,
    ``state_size``), partial (2^wires · LANES,), means (blocks · LANES, wires), first and last block. A block's state
    ends in slot block mod slots; means are Σ_k ±|ψ_k|², in the frame of the stored state.
    """

    def run(
        rows: Any, diagonals: Any, tangents: Any, states: Any, partial: Any, means: Any, first: int, last: int
    ) -> None:
        sums = np.empty(n_wires * LANES, np.float32)
        for block in range(first, last):
            state = states[block % len(states)]
            _pack(n_wires, rows, block, state)
            for layer in range(len(tangents)):
                _forward_layer(n_wires, state, diagonals[layer], tangents[layer])
            _measure(n_wires, state, partial, sums)
            for wire in range(n_wires):
                for lane in range(LANES):
                    means[LANES * block + lane, wire] = sums[wire * LANES + lane]

    return _compiled("forward", n_wires, void(_MATRIX, _MATRIX, _MATRIX, _MATRIX, _VECTOR_1, _MATRIX, *_SPAN), run)


@cache
def adjoint(n_wires: int) -> Kernel:
    """The backward kernel for gradients of rows alone.

    Its arguments: cotangents (blocks · LANES, wires) of the forward kernel's means, diagonals, tangents, states
    (blocks, ``state_size``) as left there, workspace (1, ``state_size``), partial, gradient (batch, features), first
    and last block.
    """

    def run(
        cotangents: Any,
        diagonals: Any,
        tangents: Any,
        states: Any,
        workspace: Any,
        partial: Any,
        gradient: Any,
        first: int,
        last: int,
    ) -> None:
        sums = np.empty(n_wires * LANES, np.float32)
        lam = workspace[0]
        for block in range(first, last):
            _turn(n_wires, cotangents, block, sums)
            _seed(n_wires, states[block], lam, sums, partial)
            for layer in range(len(tangents) - 1, -1, -1):
                _adjoint_layer(n_wires, lam, diagonals[layer], tangents[layer])
            _unpack(n_wires, lam, block, gradient)

    return _compiled("adjoint", n_wires, void(*[_MATRIX] * 5, _VECTOR_1, _MATRIX, *_SPAN), run)


@cache
def backward(n_wires: int) -> Kernel:
    """The backward kernel for all gradients.

    Its arguments are those of ``adjoint``, with a workspace (2, ``state_size``) and, before first and last block,
    angles (blocks, layers, 2 · wires) in float64: sums over the block's samples of RY's and of RZ's generators, as
    ``tables.py`` turns them into gradients of angles.
    """

    def run(
        cotangents: Any,
        diagonals: Any,
        tangents: Any,
        states: Any,
        workspace: Any,
        partial: Any,
        gradient: Any,
        angles: Any,
        first: int,
        last: int,
    ) -> None:
        sums = np.empty(2 * n_wires * LANES, np.float32)
        psi, lam = workspace[0], workspace[1]
        for block in range(first, last):
            for i in range(len(psi)):
                psi[i] = states[block, i]
            _turn(n_wires, cotangents, block, sums)
            _seed(n_wires, psi, lam, sums, partial)
            for layer in range(len(tangents) - 1, -1, -1):
                _backward_layer(n_wires, psi, lam, diagonals[layer], tangents[layer], partial, sums)
                for i in range(2 * n_wires):
                    total = 0.0
                    for lane in range(LANES):
                        total += np.float64(sums[i * LANES + lane])
                    angles[block, layer, i] = total
            _unpack(n_wires, lam, block, gradient)

    return _compiled("backward", n_wires, void(*[_MATRIX] * 5, _VECTOR_1, _MATRIX, float64[:, :, ::1], *_SPAN), run)
