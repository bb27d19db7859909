"""Angles of a circuit as affine functions of trained numbers and features, as plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from qaml.models.published_part import Wanted, in_words

Number: TypeAlias = int | float
"""A trained number by its position, an ``int``, or a fixed one, a ``float``."""
Product: TypeAlias = tuple[int, ...]
"""The features that are multiplied, by position."""


class Affine(NamedTuple):
    """The angle b + Σ w·f(x) of a sample.

    Attributes:
        bias: b, a position among the trained angles, or fixed.
        products: the product of features of every term.
        weights: w of every term, positions among the trained weights of features, or fixed.
    """

    bias: Number
    products: tuple[Product, ...]
    weights: Sequence[Number]


class Key(NamedTuple):
    """The name of a trained angle; angles of one name are one number.

    Attributes:
        block: path of the block.
        turn: the repetitions of the loops around it, none where they share the angle.
        slot: number of the wire or pair, 0 where these share the angle.
        parameter: number of the gate's angle.
    """

    block: tuple[int | str, ...]
    turn: tuple[int, ...]
    slot: int
    parameter: int


class Numbers:
    """The positions of trained numbers, given out in the order in which they are first asked for by name."""

    def __init__(self) -> None:
        self.n_angles = 0
        self.n_weights = 0
        self.terms: list[int] = []
        """The number of terms of every angle with trained weights, in the order of these."""
        self.rotations: dict[int, None] = {}
        """The positions of the first angle of each trained rotation."""
        self._angles: dict[Key, int] = {}
        self._weights: dict[Key, range] = {}

    @property
    def count(self) -> int:
        """The number of trained numbers so far."""
        return self.n_angles + self.n_weights

    def layout(self) -> tuple[Wanted, Wanted]:
        """The trained angles and weights of features, as axes where they have any."""
        angles = _layout(dict.fromkeys(self._angles, 1), tuple(self.rotations))
        return angles, _layout({place: len(numbers) for place, numbers in self._weights.items()}, ())

    def angle(self, key: Key) -> int:
        """The position of a trained angle."""
        if key not in self._angles:
            self._angles[key] = self.n_angles
            self.n_angles += 1
        return self._angles[key]

    def weights(self, key: Key, n_terms: int) -> range:
        """The positions of the weights of an angle's features."""
        if key not in self._weights:
            self._weights[key] = range(self.n_weights, self.n_weights + n_terms)
            self.n_weights += n_terms
            self.terms.append(n_terms)
        return self._weights[key]


def _layout(lengths: Mapping[Key, int], rotations: tuple[int, ...]) -> Wanted:
    """The numbers of places, of each as many as is given."""
    blocks: dict[tuple[int | str, ...], list[Key]] = {}
    for place in lengths:
        blocks.setdefault(place.block, []).append(place)
    shapes = {block: _axes(places, [lengths[place] for place in places]) for block, places in blocks.items()}
    size, alike = sum(lengths.values()), set(shapes.values())
    parents = {block[:-1] for block in shapes}
    if len(alike) == len(parents) == 1 and (axes := next(iter(alike))):
        shape = (*axes.layers, len(shapes), *axes.places) if len(shapes) > 1 else (*axes.layers, *axes.places)
        return Wanted(size, shape, in_words(shape), rotations)
    held = {
        block: in_words((*axes.layers, *axes.places)) if axes else f"{sum(lengths[place] for place in blocks[block]):,}"
        for block, axes in shapes.items()
    }
    words = "; ".join(f"{'.'.join(map(str, block))}: {numbers}" for block, numbers in held.items())
    return Wanted(size, None, words, rotations)


class _Axes(NamedTuple):
    """The axes of a block's numbers: repetitions of loops, and wires, angles and features in one of them."""

    layers: tuple[int, ...]
    places: tuple[int, ...]


def _axes(places: Sequence[Key], lengths: Sequence[int]) -> _Axes | None:
    """The axes of places that fill all of them; ``None`` of others."""
    layers = tuple(max(level) + 1 for level in zip(*(place.turn for place in places), strict=True))
    inside = (max(place.slot for place in places) + 1, max(place.parameter for place in places) + 1)
    if math.prod((*layers, *inside)) != len(places) or len(set(lengths)) > 1:
        return None
    return _Axes(layers, (inside[0], *(n for n in (inside[1], lengths[0]) if n > 1)))
