"""Block Gibbs sampling of many chains, fused into one loop over vectors of LANES units (numba, one thread a call).

**Random numbers** come from Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011), a function of a key and a counter. The
key is the run's seed, the counter is (block of units, sweep, chain, step): a chain's path depends neither on the thread
that runs it nor on the other chains.

**A draw.** A unit is on with probability σ(βa) = 1/(1 + e^{−βa}), a its bias plus the weights of the units that are on.
For u in (0, 1), u < σ(βa) ⇔ u + u·e^{−βa} < 1: no division. u has 24 random bits.

**Sums.** Few visible units are on (one in five for digits): a hidden unit's a adds the weights of those. About half of
the hidden units are on: their weights are added up beforehand for every pattern of GROUP units, and a visible unit's a
adds one row of that table a group.

**Order.** A tile is LANES units, one vector. A block of CHAINS chains goes through a sweep together, tile by tile, so
that the rows of a tile stay in the first-level cache. Every sum has the order written in ``_sum_rows``: results depend
neither on the block nor on how wide the machine's registers are.

numba has no vectors. The first part of this file makes them, with operators, and LLVM splits them into the registers
there are; plain loops over lanes take twice as long. Compiled code is cached beside this file, and everything that
kernels call is defined here, because numba notices changes of this file only.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, models, overload, register_model
from numpy.typing import NDArray

from qaml.compiled import compiled
from qaml.types import FloatArray

LANES = 16
"""Number of units in a tile: widths are padded to a multiple of it."""
GROUP = 4
"""Number of hidden units whose weights are added up beforehand, for each of the PATTERNS of a group."""
PATTERNS = 2**GROUP
CHAINS = 16
"""Number of chains that go through a sweep together."""
_GROUPS = LANES // GROUP
_ROWS = 4
"""Number of rows added at once: lists of rows end with zero rows up to a multiple of it."""


class Vector(types.Type):  # type: ignore[misc]
    """LANES numbers of one kind, in registers."""

    def __init__(self, scalar: types.Type, lane: ir.Type) -> None:
        self.scalar, self.llvm = scalar, ir.VectorType(lane, LANES)
        super().__init__(name=f"{LANES} x {scalar}")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, vector: Vector) -> None:
        super().__init__(manager, vector, vector.llvm)


_INDEX = ir.IntType(32)
_FLOATS = Vector(types.float32, ir.FloatType())
_WORDS = Vector(types.uint32, _INDEX)
_LONGS = Vector(types.uint64, ir.IntType(64))
_OF_SCALAR = {vector.scalar: vector for vector in (_FLOATS, _WORDS, _LONGS)}


@intrinsic  # type: ignore[untyped-decorator]
def splat(_: Any, scalar: types.Type) -> Any:
    """The same number in every lane."""
    vector = _OF_SCALAR[scalar]

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: list[ir.Value]) -> ir.Value:
        undefined = ir.Constant(vector.llvm, ir.Undefined)
        first = builder.insert_element(undefined, args[0], ir.Constant(_INDEX, 0))
        return builder.shuffle_vector(first, undefined, ir.Constant(_WORDS.llvm, None))

    return vector(scalar), emit


def _binary(function: Callable[..., Any], vector: Vector, emit: Callable[..., ir.Value]) -> None:
    """Let an operator or built-in function take two vectors, or a vector and a number, in kernels."""

    @intrinsic  # type: ignore[untyped-decorator]
    def instruction(_: Any, x: types.Type, y: types.Type) -> Any:
        return vector(x, y), lambda _, builder, __, args: emit(builder, *args)

    @overload(function, strict=False)  # type: ignore[untyped-decorator]
    def choose(x: types.Type, y: types.Type) -> Any:
        if x == y == vector:
            return lambda x, y: instruction(x, y)
        if x == vector and y == vector.scalar:
            return lambda x, y: instruction(x, splat(y))
        return None


def _unary(argument: Vector, result: types.Type, emit: Callable[..., ir.Value]) -> Any:
    """Make a function of a vector for kernels."""

    @intrinsic  # type: ignore[untyped-decorator]
    def instruction(_: Any, x: types.Type) -> Any:
        return (result(x), lambda _, builder, __, args: emit(builder, *args)) if x == argument else None

    return instruction


def _method(name: str, **options: Any) -> Callable[..., ir.Value]:
    return lambda builder, *values: getattr(builder, name)(*values, **options)


for _operator, _name in {operator.add: "fadd", operator.sub: "fsub", operator.mul: "fmul"}.items():
    # a·b + c may become one operation; nothing else is allowed, least of all a different order
    _binary(_operator, _FLOATS, _method(_name, flags=("contract",)))
for _operator, _name in {
    operator.add: "add",
    operator.mul: "mul",
    operator.xor: "xor",
    operator.and_: "and_",
    operator.lshift: "shl",
    operator.rshift: "lshr",
}.items():
    _binary(_operator, _WORDS, _method(_name))
    _binary(_operator, _LONGS, _method(_name))
_binary(max, _FLOATS, lambda b, x, y: b.select(b.fcmp_ordered(">", x, y), x, y))
_binary(min, _FLOATS, lambda b, x, y: b.select(b.fcmp_ordered("<", x, y), x, y))

_low_words = _unary(_LONGS, _WORDS, lambda b, x: b.trunc(x, _WORDS.llvm))
_to_floats = _unary(_WORDS, _FLOATS, lambda b, x: b.sitofp(x, _FLOATS.llvm))
_bits_of_floats = _unary(_FLOATS, _WORDS, lambda b, x: b.bitcast(x, _WORDS.llvm))
_floats_of_bits = _unary(_WORDS, _FLOATS, lambda b, x: b.bitcast(x, _FLOATS.llvm))


def _place(context: Any, builder: ir.IRBuilder, array: types.Array, value: ir.Value, index: ir.Value) -> ir.Value:
    data = context.make_array(array)(context, builder, value).data
    return builder.bitcast(builder.gep(data, [index]), _OF_SCALAR[array.dtype].llvm.as_pointer())


@intrinsic  # type: ignore[untyped-decorator]
def load(_: Any, array: types.Array, _start: types.Type) -> Any:
    """Load LANES numbers of a contiguous array from a flat index on."""

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: list[ir.Value]) -> ir.Value:
        return builder.load(_place(context, builder, signature.args[0], *args), align=4)

    return _OF_SCALAR[array.dtype](array, types.intp), emit


@intrinsic  # type: ignore[untyped-decorator]
def store(_: Any, array: types.Array, _start: types.Type, lanes: Vector) -> Any:
    """Write LANES numbers into a contiguous array from a flat index on."""

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: list[ir.Value]) -> ir.Value:
        builder.store(args[2], _place(context, builder, signature.args[0], *args[:2]), align=4)
        return context.get_dummy_value()

    return types.none(array, types.intp, lanes), emit


@intrinsic  # type: ignore[untyped-decorator]
def load_row(_: Any, array: types.Array, _start: types.Type, rows: types.Array, _i: types.Type) -> Any:
    """Load LANES numbers from flat index start + rows[i] on; numba's own indexing would test whether i is negative."""

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: list[ir.Value]) -> ir.Value:
        listed = context.make_array(signature.args[2])(context, builder, args[2]).data
        row = builder.zext(builder.load(builder.gep(listed, [args[3]])), ir.IntType(64))
        return builder.load(_place(context, builder, signature.args[0], args[0], builder.add(args[1], row)), align=4)

    return _OF_SCALAR[array.dtype](array, types.intp, rows, types.intp), emit


@intrinsic  # type: ignore[untyped-decorator]
def lane_numbers(_: Any) -> Any:
    """The vector 0, 1, … LANES − 1."""
    return _LONGS(), lambda *_: ir.Constant(_LONGS.llvm, list(range(LANES)))


@intrinsic  # type: ignore[untyped-decorator]
def bits_below(_: Any, x: Vector, y: Vector) -> Any:
    """The word whose bit i is set where x[i] < y[i]."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: list[ir.Value]) -> ir.Value:
        lanes = builder.fcmp_ordered("<", *args)
        return builder.zext(builder.bitcast(lanes, ir.IntType(LANES)), ir.IntType(64))

    return types.int64(x, y), emit


_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_UNIFORM_BITS = np.uint32(8)
_UNIFORM_STEP, _UNIFORM_OFFSET = np.float32(2.0**-24), np.float32(2.0**-25)

_ONE = np.float32(1)
_MINUS_LOG2_E = np.float32(-1.4426950408889634)
_LIMIT = np.float32(120)
# Adding 1.5·2^23 + 127 rounds to an integer and leaves it, with the bias of a float's exponent, in the lowest bits.
_ROUND = np.float32(12582912 + 127)
_MANTISSA = np.uint32(23)
_C1, _C2, _C3 = np.float32(6.93147181e-1), np.float32(2.40226507e-1), np.float32(5.55041087e-2)
_C4, _C5, _C6 = np.float32(9.61812911e-3), np.float32(1.33335581e-3), np.float32(1.54035304e-4)

_COUNTS = np.array([byte.bit_count() for byte in range(256)])
_ROWS_OF_BITS = np.zeros(8 * 256 + LANES, np.uint32)
for _byte in range(256):
    _ROWS_OF_BITS[8 * _byte : 8 * _byte + _COUNTS[_byte]] = [LANES * bit for bit in range(8) if _byte >> bit & 1]


@njit(inline="always")  # type: ignore[untyped-decorator]
def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: np.uint64, k1: np.uint64) -> tuple[Any, Any, Any, Any]:
    """Philox4x32-10: a counter and a key of 32-bit words (held in uint64) to four random words.

    Counters are numbers, or vectors of them.
    """
    for _ in range(10):
        p0, p1 = (c0 & _LOW) * _M0, (c2 & _LOW) * _M1
        c0, c1, c2, c3 = (p1 >> _HALF) ^ c1 ^ k0, p1, (p0 >> _HALF) ^ c3 ^ k1, p0
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return c0 & _LOW, c1 & _LOW, c2 & _LOW, c3 & _LOW


@compiled(nogil=True)
def random_words(words: NDArray[np.uint32], sweep: int, chain: int, step: int, key: NDArray[np.uint64]) -> None:
    """Fill (n,) words, n a multiple of 4·LANES, with the random numbers of one chain's sweep."""
    c1, c2, c3 = splat(np.uint64(sweep)), splat(np.uint64(chain)), splat(np.uint64(step))
    for group in range(words.shape[0] // (4 * LANES)):
        c0 = lane_numbers() + np.uint64(LANES * group)
        w0, w1, w2, w3 = philox(c0, c1, c2, c3, key[0], key[1])
        store(words, (4 * group) * LANES, _low_words(w0))
        store(words, (4 * group + 1) * LANES, _low_words(w1))
        store(words, (4 * group + 2) * LANES, _low_words(w2))
        store(words, (4 * group + 3) * LANES, _low_words(w3))


@njit(inline="always")  # type: ignore[untyped-decorator]
def _exp2(x: Any) -> Any:
    """2^x in float32, relative error below 2e-7, clamped to |x| ≤ 120."""
    x = min(max(x, -_LIMIT), _LIMIT)
    shifted = x + _ROUND
    power = _floats_of_bits(_bits_of_floats(shifted) << _MANTISSA)
    f = x - (shifted - _ROUND)
    return power * (f * (f * (f * (f * (f * (f * _C6 + _C5) + _C4) + _C3) + _C2) + _C1) + _ONE)


@njit(inline="always")  # type: ignore[untyped-decorator]
def _draw(activation: Any, scale: np.float32, words: Any) -> Any:
    """The bits of the units that are on; scale: −β·log2(e)."""
    u = _to_floats(words >> _UNIFORM_BITS) * _UNIFORM_STEP + _UNIFORM_OFFSET
    return bits_below(u * _exp2(activation * scale) + u, splat(_ONE))


@njit(inline="always")  # type: ignore[untyped-decorator]
def _sum_rows(bias: Any, weights: FloatArray, tile: int, rows: NDArray[np.uint32], first: int, n: int) -> Any:
    """Bias + the tile's rows that n entries of ``rows`` from ``first`` on name by their place, in this order."""
    total = bias
    for r in range(first, first + n, _ROWS):
        w0, w1 = load_row(weights, tile, rows, r), load_row(weights, tile, rows, r + 1)
        w2, w3 = load_row(weights, tile, rows, r + 2), load_row(weights, tile, rows, r + 3)
        total = total + ((w0 + w1) + (w2 + w3))
    return total


@njit(inline="always")  # type: ignore[untyped-decorator]
def _list_active(masks: NDArray[np.uint16], zero_row: int, rows: NDArray[np.uint32], first: int) -> int:
    """List the rows of the units that are on from ``rows[first]`` on, zero rows after them; return how many are on."""
    n = first
    for tile in range(masks.shape[0]):
        for half in range(2):
            byte = (masks[tile] >> (8 * half)) & 0xFF
            # all of LANES are written, as many as there are bits count, and the next byte's overwrite the rest
            store(rows, n, load(_ROWS_OF_BITS, 8 * byte) + np.uint32(LANES * (LANES * tile + 8 * half)))
            n += _COUNTS[byte]
    for i in range(_ROWS):
        rows[n + i] = zero_row
    return n - first


@njit(inline="always")  # type: ignore[untyped-decorator]
def _list_patterns(mask: int, tile: int, rows: NDArray[np.uint32], first: int) -> None:
    """List the table's rows for the groups of one tile of hidden units."""
    for i in range(_GROUPS):
        group = _GROUPS * tile + i
        rows[first + group] = LANES * (PATTERNS * group + (mask >> (GROUP * i)) % PATTERNS)


@njit(inline="always")  # type: ignore[untyped-decorator]
def _pack(units: NDArray[np.uint8], masks: NDArray[np.uint16]) -> None:
    masks[:] = 0
    for i in range(units.shape[0]):
        masks[i // LANES] |= units[i] << (i % LANES)


@njit(inline="always")  # type: ignore[untyped-decorator]
def _unpack(masks: NDArray[np.uint16], units: NDArray[np.uint8]) -> None:
    for i in range(units.shape[0]):
        units[i] = (masks[i // LANES] >> (i % LANES)) & 1


@compiled(nogil=True)
def advance(
    visible: NDArray[np.uint8],
    weights: FloatArray,
    table: FloatArray,
    visible_bias: FloatArray,
    hidden_bias: FloatArray,
    betas: FloatArray,
    key: NDArray[np.uint64],
    step: int,
    sweeps: int,
    first: int,
    last: int,
) -> None:
    """Advance the chains first … last − 1 by block Gibbs sweeps, hidden units given visible and back, in place.

    Float arrays are fastest where they begin with a cache line.

    Args:
        visible: (chains, n_visible) 0 or 1.
        weights: (hidden tiles, visible width + 1, LANES), zero beyond the units.
        table: (visible tiles, hidden width / GROUP · PATTERNS, LANES), what ``tabulate`` wrote.
        visible_bias: (visible width,).
        hidden_bias: (hidden width,).
        betas: (chains,) inverse temperatures.
        key: (2,) the seed's words.
        step: number of this call in the run.
        sweeps: number of sweeps.
        first: first chain.
        last: one past the last chain.
    """
    hidden_tiles, visible_tiles = weights.shape[0], table.shape[0]
    hidden_pitch, visible_pitch = weights.shape[1] * LANES, table.shape[1] * LANES
    n_groups = _GROUPS * hidden_tiles
    n_active = np.empty(CHAINS, np.int64)
    # one after the other for each chain of the block; numba is quicker with flat arrays
    n_rows, n_words = LANES * (visible_tiles + 1), -(-(hidden_tiles + visible_tiles) // 4) * 4 * LANES
    active, patterns = np.empty(CHAINS * n_rows, np.uint32), np.empty(CHAINS * n_groups, np.uint32)
    words, masks = np.empty((CHAINS, n_words), np.uint32), np.empty((CHAINS, visible_tiles), np.uint16)
    scales = betas * _MINUS_LOG2_E
    for start in range(first, last, CHAINS):
        n_chains = min(CHAINS, last - start)
        for k in range(n_chains):
            _pack(visible[start + k], masks[k])
        for sweep in range(sweeps):
            for k in range(n_chains):
                random_words(words[k], sweep, start + k, step, key)
                n_active[k] = _list_active(masks[k], hidden_pitch - LANES, active, n_rows * k)
            for tile in range(hidden_tiles):
                bias = load(hidden_bias, LANES * tile)
                for k in range(n_chains):
                    a = _sum_rows(bias, weights, hidden_pitch * tile, active, n_rows * k, n_active[k])
                    mask = _draw(a, scales[start + k], load(words, n_words * k + LANES * tile))
                    _list_patterns(mask, tile, patterns, n_groups * k)
            for tile in range(visible_tiles):
                bias = load(visible_bias, LANES * tile)
                for k in range(n_chains):
                    a = _sum_rows(bias, table, visible_pitch * tile, patterns, n_groups * k, n_groups)
                    own_words = load(words, n_words * k + LANES * (hidden_tiles + tile))
                    masks[k, tile] = _draw(a, scales[start + k], own_words)
        for k in range(n_chains):
            _unpack(masks[k], visible[start + k])


@compiled(nogil=True)
def tabulate(weights: FloatArray, table: FloatArray) -> None:
    """Write the sums of weights of every pattern of every group of hidden units.

    Args:
        weights: (n_visible, n_hidden).
        table: (visible tiles, hidden width / GROUP · PATTERNS, LANES); row PATTERNS·g + p belongs to the units of group
            g that are p's bits. Zero at first; the padding stays so.
    """
    n_visible, n_hidden = weights.shape
    for t in range(table.shape[0]):
        tile = table[t]
        for i in range(min(LANES, n_visible - LANES * t)):
            for j in range(n_hidden):
                tile[PATTERNS * (j // GROUP) + (1 << (j % GROUP)), i] = weights[LANES * t + i, j]
        for first in range(0, tile.shape[0], PATTERNS):
            for unit in range(1, GROUP):
                top = 1 << unit
                with_unit = load(tile, LANES * (first + top))
                for others in range(1, top):
                    store(tile, LANES * (first + top + others), with_unit + load(tile, LANES * (first + others)))
