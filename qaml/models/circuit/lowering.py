"""From blocks to one circuit of gates, and the angles that its inputs and its trained numbers give it."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from qaml.errors import Misfit
from qaml.models.circuit.angles import Affine, Key, Number, Numbers, Product
from qaml.models.circuit.blocks import Angles, Block, Encode, Entangle, Noise, Pool, Random, Repeat, Rotate, Until
from qaml.models.circuit.measuring import measured
from qaml.models.circuit.readout import Readout
from qaml.models.circuit.wiring import MOST_WIRES, Pair, Place, Wiring, registers_of
from qaml.quantum.channels import ChannelPart, GaussianRotation, flip_probability
from qaml.quantum.circuit import CHANNELS, GATES, Angle, Channel, Circuit, Gate, Operation
from qaml.types import InputInfo

MOST_GATES: Final = 50_000
"""Largest number of gates of a circuit: 1,000 layers of 12 wires have 23,000."""
MOST_NUMBERS: Final = 10_000_000
"""Largest number of trained numbers."""
SU4: Final = 15


class Lowered(NamedTuple):
    """A circuit as gates, and what its angles are made of.

    Attributes:
        circuit: the gates; wires are placed so that amplitudes fill the last ones. Its weights are the trained angles
            without features. Angles with features are ``columns``: they come as the circuit's inputs, or as its draws
            where the inputs are amplitudes.
        columns: the angles of each sample.
        n_angles: number of trained b.
        terms: number of terms of every angle with trained w, in the order of these.
        readout: the wires of each value: one group of probabilities, or a group for each product of Z.
        written: the number that the spec gives to each wire of the circuit.
        amplitudes: the wires that hold inputs as amplitudes, as the spec numbers them.
    """

    circuit: Circuit
    columns: tuple[Affine, ...]
    n_angles: int
    terms: tuple[int, ...]
    readout: tuple[tuple[int, ...], ...]
    written: tuple[int, ...]
    amplitudes: tuple[int, ...]

    @property
    def n_weights(self) -> int:
        """Number of trained w."""
        return sum(self.terms)

    @property
    def is_collapsing(self) -> bool:
        """Whether inputs are amplitudes alone, so that the circuit does not depend on them."""
        return self.circuit.encoding == "amplitude" and not self.columns


def lower(
    wires: int | Mapping[str, int] | None,
    layers: Sequence[Block],
    readout: Readout,
    info: InputInfo,
    channels: Mapping[str, Sequence[ChannelPart]],
    *,
    variant: int = 0,
    remedy: str = "downscale the inputs",
) -> Lowered:
    """The circuit for inputs of this description.

    Args:
        wires: number of wires, or the registers' in order; ``None``: as few as the first encoding needs.
        layers: the blocks.
        readout: the values that are asked for.
        info: description of the inputs.
        channels: noise after every gate of a name, on its wires.
        variant: number of the circuit among those of the same blocks, which differ in what is ``random``.
        remedy: the way to smaller inputs, for hints.

    Raises:
        Misfit: blocks, wires, features and classes do not fit together; the message names the block.
    """
    builder = _built(wires, layers, readout, info, channels, variant, remedy)
    groups = measured(readout, builder.wiring, info.n_classes)
    written = builder.written()
    place = [written.index(wire) for wire in range(len(written))]
    observables = tuple(dict.fromkeys(place[wire] for group in groups for wire in group))
    operations = tuple(each._replace(wires=tuple(place[wire] for wire in each.wires)) for each in builder.operations)
    circuit = Circuit(len(place), "amplitude" if builder.amplitudes else "zero", operations, observables)
    placed = tuple(tuple(place[wire] for wire in group) for group in groups)
    numbers = builder.numbers
    return Lowered(
        circuit,
        tuple(builder.columns),
        numbers.n_angles,
        tuple(numbers.terms),
        placed,
        written,
        builder.amplitudes,
    )


def trained_numbers(
    wires: int | Mapping[str, int] | None,
    layers: Sequence[Block],
    readout: Readout,
    info: InputInfo,
    channels: Mapping[str, Sequence[ChannelPart]],
) -> Numbers:
    """The trained numbers of the circuit that ``lower`` makes.

    Raises:
        Misfit: as in ``lower``.
    """
    return _built(wires, layers, readout, info, channels, variant=0, remedy="").numbers


def _built(
    wires: int | Mapping[str, int] | None,
    layers: Sequence[Block],
    readout: Readout,
    info: InputInfo,
    channels: Mapping[str, Sequence[ChannelPart]],
    variant: int,
    remedy: str,
) -> _Builder:
    """A builder that has seen all blocks."""
    registers = registers_of(wires, layers, readout, info, remedy)
    builder = _Builder(Wiring(registers), info, channels, variant, remedy)
    builder.add(layers, ("layers",), ())
    builder.check_features()
    return builder


def n_angles_of(verb: str) -> int:
    """Number of angles of a gate on one place."""
    return SU4 if verb == "su4" else GATES[verb].n_parameters


class _Builder:
    """The circuit so far: its gates on wires as they are written, the wires left, and the numbers given out."""

    def __init__(
        self, wiring: Wiring, info: InputInfo, after: Mapping[str, Sequence[ChannelPart]], variant: int, remedy: str
    ) -> None:
        self._after = after
        self._variant = variant
        self._remedy = remedy
        self.wiring = wiring
        self.info = info
        self.amplitudes: tuple[int, ...] = ()
        self.operations: list[Operation] = []
        self.columns: list[Affine] = []
        self.numbers = Numbers()
        self._column_of: dict[object, int] = {}
        self._n_blocks = 0
        self._cursor = 0
        self._every = tuple((i,) for i in range(info.n_features))
        self._unread = set(range(info.n_features))
        self._is_chosen = False

    def add(self, blocks: Sequence[Block], place: Place, turn: tuple[int, ...]) -> None:
        """Add blocks; ``turn`` holds the repetitions of the loops around them."""
        for number, block in enumerate(blocks):
            here = (*place, number)
            self._n_blocks += 1
            if self._n_blocks > MOST_GATES:
                raise Misfit(here, f"more than {MOST_GATES:,} blocks follow each other", "repeat fewer layers")
            if isinstance(block, Repeat):
                for i in range(block.repeat):
                    self.add(block.block, (*here, "block"), (*turn, i))
            else:
                self._add(block, here, turn)

    def _add(self, block: Block, here: Place, turn: tuple[int, ...]) -> None:
        match block:
            case Encode():
                self._encode(block, here, turn)
            case Rotate() | Entangle():
                self._gates(block, here, turn)
            case Random():
                self._at_random(block, here, turn)
            case Noise():
                wires = self.wiring.wires(block.on, here)
                for channel in block.noise:
                    self._disturb(channel, wires, here)
            case Pool():
                self._pool(block, here, turn)
            case Until():
                self._until(block, here, turn)

    def check_features(self) -> None:
        """Refuse a circuit that leaves features out, unless it names those that it takes."""
        if len(self._unread) == self.info.n_features:
            raise Misfit(
                ("layers",),
                "no block takes features of the inputs",
                "encode them, or give angles 'affine: dense' or 'affine: each'",
            )
        if self._unread and not self._is_chosen:
            raise Misfit(
                ("layers",),
                f"the circuit takes {self.info.n_features - len(self._unread):,} of {self.info.n_features:,} features",
                f"give it more layers with 'features: next' or more wires, or {self._remedy}",
            )

    def written(self) -> tuple[int, ...]:
        """The wire at each place: those of amplitudes come last, since missing amplitudes are zeros at the end."""
        last = self.amplitudes or range(self.wiring.n_wires)
        return (*(wire for wire in range(self.wiring.n_wires) if wire not in last), *last)

    # --- encodings

    def _encode(self, block: Encode, here: Place, turn: tuple[int, ...]) -> None:
        wires = self.wiring.wires(block.on, here)
        n = self.info.n_features
        if block.encode == "amplitude":
            self._encode_amplitudes(wires, here)
            return
        if self.info.is_state:
            raise Misfit(here, "inputs are quantum states, which are no angles", "encode them as amplitudes")
        if block.encode == "angle":
            scale = 1.0 if block.scale is None else block.scale
            angles = Angles(affine="each", features=block.features or "all", weight=scale, bias=0.0)
            self._apply(f"r{block.axis or 'x'}", [(wire,) for wire in wires], angles, None, here, turn)
        elif block.encode == "basis":
            if self.info.bounds != (0, 1):
                hint = "binarise the inputs, or encode them as angles"
                raise Misfit(here, f"bits are within [0, 1], inputs within {self.info.bounds.in_words()}", hint)
            angles = Angles(affine="each", weight=math.pi, bias=0.0)  # RX(π) is X, but for a phase of all amplitudes
            self._apply("rx", [(wire,) for wire in wires], angles, None, here, turn)
        elif n != len(wires):
            hint = f"give it {n} wires" if n <= MOST_WIRES else "reduce the inputs, by the transform 'pca' for instance"
            raise Misfit(here, f"{block.encode!r} takes a feature a wire: {len(wires)} wires, {n:,} features", hint)
        else:
            self._feature_map(block, wires, here)

    def _encode_amplitudes(self, wires: Sequence[int], here: Place) -> None:
        if self.operations or self.amplitudes:
            raise Misfit(here, "amplitudes are the initial state", "make it the first block")
        n = self.info.n_features
        if n > 2 ** len(wires):
            needed = (n - 1).bit_length()
            hint = f"give them {needed} wires" if needed <= MOST_WIRES else self._remedy
            raise Misfit(here, f"{len(wires)} wires hold {2 ** len(wires):,} amplitudes, inputs have {n:,}", hint)
        self.amplitudes = tuple(wires)
        self._unread.clear()

    def _feature_map(self, block: Encode, wires: Sequence[int], here: Place) -> None:
        pairs = self.wiring.pairs(block.pairs or "all_to_all", wires, None, 0, here)
        self._unread.clear()
        for _ in range(block.repeat or (2 if block.encode == "zz" else 1)):
            for i, wire in enumerate(wires):
                self._gate("hadamard", (wire,), (), here)
                name, factor = ("phase", 2.0) if block.encode == "zz" else ("rz", 1.0)
                self._gate(name, (wire,), (self._column(Affine(0.0, ((i,),), (factor,)), (i, factor)),), here)
            for pair in pairs:
                one, other = (wires.index(wire) for wire in pair)
                self._feature_pair(block, pair, (one, other), here)

    def _feature_pair(self, block: Encode, pair: Pair, features: Pair, here: Place) -> None:
        one, other = features
        if block.encode == "iqp":
            angle = self._column(Affine(0.0, (features,), (1.0,)), ("iqp", features))
            self._gate("ising_zz", pair, (angle,), here)
            return
        # 2(π − x)(π − y) = 2π² − 2πx − 2πy + 2xy
        tau = 2 * math.pi
        expanded = Affine(math.pi * tau, ((one,), (other,), features), (-tau, -tau, 2.0))
        self._gate("cnot", pair, (), here)
        self._gate("phase", pair[1:], (self._column(expanded, ("zz", features)),), here)
        self._gate("cnot", pair, (), here)

    # --- gates

    def _gates(self, block: Rotate | Entangle, here: Place, turn: tuple[int, ...]) -> None:
        on: Sequence[tuple[int, ...]]
        if isinstance(block, Rotate):
            on = [(wire,) for wire in self.wiring.wires(block.named(block.verb), here)]
        else:
            wires = self.wiring.wires(block.on, here)
            on = self.wiring.pairs(block.named(block.verb), wires, block.stride, turn[-1] if turn else 0, here)
        if n_angles_of(block.verb) == 0 and (block.angles != Angles() or block.share is not None):
            raise Misfit(here, f"{block.verb!r} has no angles", "leave 'angles' and 'share' out")
        self._apply(block.verb, on, block.angles, block.share, here, turn)

    def _apply(
        self,
        name: str,
        on: Sequence[tuple[int, ...]],
        angles: Angles,
        share: str | None,
        here: Place,
        turn: tuple[int, ...],
    ) -> None:
        """A gate on several wires or pairs."""
        n_parameters = n_angles_of(name)
        biases = angles.bias if isinstance(angles.bias, tuple) else (angles.bias,) * n_parameters
        if len(biases) != n_parameters:
            raise Misfit(here, f"{name!r} has {n_parameters} angles, 'bias' has {len(biases)}")
        products = self._products(angles, len(on) * n_parameters, here) if n_parameters else ()
        for slot, wires in enumerate(on):
            key = _key(here, turn, slot, share)
            found = []
            for parameter, bias in enumerate(biases):
                first = slot * n_parameters + parameter
                own = products if angles.affine == "dense" else products[first : first + 1]
                found.append(self._angle(key._replace(parameter=parameter), own, angles.weight, bias))
            if angles.bias is None:
                self.numbers.rotations.update(self._rotations(name, key))
            self._compose(name, wires, found, here)

    def _rotations(self, name: str, key: Key) -> dict[int, None]:
        """The positions at which the angles of a gate's rotations begin."""
        firsts = {"rot": (0,), "su4": (0, 3, 6, 9)}.get(name, ())
        return {self.numbers.angle(key._replace(parameter=first)): None for first in firsts}

    def _angle(self, key: Key, products: tuple[Product, ...], weight: float | None, bias: float | None) -> Angle:
        number: Number = self.numbers.angle(key) if bias is None else float(bias)
        if not products:
            fixed = isinstance(number, float)
            return Angle("fixed", scale=number) if fixed else Angle("weight", int(number))
        weights: Sequence[Number] = (
            self.numbers.weights(key, len(products)) if weight is None else (float(weight),) * len(products)
        )
        return self._column(Affine(number, products, weights), (key, products[:1], len(products)))

    def _column(self, affine: Affine, key: object) -> Angle:
        """The angle of a sample; the same key has the same angle."""
        if key not in self._column_of:
            self._column_of[key] = len(self.columns)
            self.columns.append(affine)
        return Angle("draw" if self.amplitudes else "feature", self._column_of[key])

    def _products(self, angles: Angles, n_angles: int, here: Place) -> tuple[Product, ...]:
        """The features of a dense angle, or of each angle, as far as there are any."""
        n = self.info.n_features
        if angles.affine is None:
            return ()
        if self.info.is_state:
            raise Misfit(here, "inputs are quantum states, which are no angles", "leave 'affine' out")
        if angles.features == "next":
            return tuple(self._next(n_angles, angles.padded))
        if angles.features == "all":
            if angles.affine == "each" and n > n_angles:
                hint = "let several blocks take them, by 'features: next'"
                raise Misfit(here, f"{n_angles} angles take a feature each, inputs have {n:,} features", hint)
            self._unread.clear()
            return self._every
        self._is_chosen = True
        chosen = tuple((term,) if isinstance(term, int) else term for term in angles.features)
        beyond = next((i for product in chosen for i in product if i >= n), None)
        if beyond is not None:
            raise Misfit(here, f"there is no feature {beyond}: inputs have {n:,}, counted from 0")
        if angles.affine == "each" and len(chosen) > n_angles:
            raise Misfit(here, f"{n_angles} angles take a feature each, 'features' has {len(chosen)}")
        self._unread.difference_update(i for product in chosen for i in product)
        return chosen

    def _next(self, n_angles: int, is_padded: bool) -> Iterator[Product]:
        for i in range(n_angles):
            if self._cursor == self.info.n_features:
                self._cursor = 0
                if is_padded and i:  # the rest of this block is padding
                    return
            self._unread.discard(self._cursor)
            yield (self._cursor,)
            self._cursor += 1

    def _compose(self, name: str, wires: tuple[int, ...], angles: Sequence[Angle], here: Place) -> None:
        if name != "su4":
            self._gate(name, wires, tuple(angles), here)
            return
        one, other = wires
        self._gate("rot", (one,), tuple(angles[0:3]), here)
        self._gate("rot", (other,), tuple(angles[3:6]), here)
        for axis, angle in zip(("xx", "yy", "zz"), angles[12:], strict=True):
            self._gate(f"ising_{axis}", wires, (angle,), here)
        self._gate("rot", (one,), tuple(angles[6:9]), here)
        self._gate("rot", (other,), tuple(angles[9:12]), here)

    def _gate(self, name: str, wires: tuple[int, ...], angles: tuple[Angle, ...], here: Place) -> None:
        self._check_size(here)
        if self.numbers.count > MOST_NUMBERS:
            raise Misfit(here, f"the circuit has more than {MOST_NUMBERS:,} trained numbers", "share some of them")
        self.operations.append(Gate(name, wires, angles))
        for channel in self._after.get(name, ()):
            self._disturb(channel, wires, here)

    def _check_size(self, here: Place) -> None:
        if len(self.operations) >= MOST_GATES:
            raise Misfit(here, f"the circuit has more than {MOST_GATES:,} gates", "repeat fewer layers")

    def _disturb(self, channel: ChannelPart, wires: Sequence[int], here: Place) -> None:
        """A channel on each of some wires."""
        self._check_size(here)
        name, probabilities = by_name(channel, here)
        self.operations += (Channel(name, (wire,), probabilities) for wire in wires)

    def _at_random(self, block: Random, here: Place, turn: tuple[int, ...]) -> None:
        """Rotations and CNOTs in an order that is the same for all training runs of a model."""
        wires = self.wiring.wires(block.on, here)
        # of all methods only random() gives the same sequence in every version of Python
        draw = random.Random(f"{block.seed}/{self._variant}/{here}/{turn}").random
        slot = 0
        while slot < block.random:
            if len(wires) > 1 and draw() < block.cnot_share:
                control, target = int(draw() * len(wires)), int(draw() * (len(wires) - 1))
                self._gate("cnot", (wires[control], wires[target + (target >= control)]), (), here)
            else:
                axis, wire = "xyz"[int(3 * draw())], wires[int(draw() * len(wires))]
                angle = Angle("weight", self.numbers.angle(_key(here, turn, slot, None)))
                self._gate(f"r{axis}", (wire,), (angle,), here)
                slot += 1

    # --- pooling

    def _pool(self, block: Pool, here: Place, turn: tuple[int, ...]) -> None:
        wires = self.wiring.wires(block.on, here)
        if block.keep == "odd":
            pairs = list(zip(wires[-2::-2], wires[-1::-2], strict=False))[::-1]
        else:
            pairs = [(goes, stays) for stays, goes in zip(wires[::2], wires[1::2], strict=False)]
        if not pairs:
            raise Misfit(here, "a single wire cannot be pooled", "pool fewer times, or give it more wires")
        for slot, (goes, stays) in enumerate(pairs):
            key = _key(here, turn, slot, block.share)
            if block.pool == "cnot":
                self._gate("cnot", (goes, stays), (), here)
            elif block.pool == "crx_crz":
                below, above = (Angle("weight", self.numbers.angle(key._replace(parameter=i))) for i in range(2))
                self._gate("x", (goes,), (), here)
                self._gate("crx", (goes, stays), (below,), here)
                self._gate("x", (goes,), (), here)
                self._gate("crz", (goes, stays), (above,), here)
            self.wiring.active.remove(goes)

    def _until(self, block: Until, here: Place, turn: tuple[int, ...]) -> None:
        i = 0
        while len(self.wiring.active) > block.until:
            before = len(self.wiring.active)
            self.add(block.block, (*here, "block"), (*turn, i))
            if len(self.wiring.active) == before:
                raise Misfit(here, "its blocks leave as many wires as there were", "let one of them pool")
            i += 1


def by_name(channel: ChannelPart, here: Place) -> tuple[str, tuple[float, ...]]:
    """A channel as circuits name it, with its probabilities.

    Raises:
        Misfit: it is none of single wires.
    """
    if isinstance(channel, GaussianRotation):
        return "pauli", (0.0, flip_probability(channel.sigma * channel.beta), 0.0)
    if channel.kind not in CHANNELS:
        hint = f"channels: {', '.join(CHANNELS)}, gaussian_rotation"
        raise Misfit(here, f"channel {channel.kind!r} is none of single wires", hint)
    return channel.kind, tuple(channel.model_dump(exclude={"kind"}).values())


def _key(here: Place, turn: tuple[int, ...], slot: int, share: str | None) -> Key:
    """The name of a gate's first angle; gates of one name share them."""
    own_turn = () if share in ("layers", "both") else turn
    return Key(here, own_turn, 0 if share in ("wires", "both") else slot, 0)
