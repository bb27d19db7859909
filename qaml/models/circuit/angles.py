"""Angles of a circuit as affine functions of trained numbers and features, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

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


class Numbers:
    """The positions of trained numbers, given out in the order in which they are first asked for by name."""

    def __init__(self) -> None:
        self.n_angles = 0
        self.n_weights = 0
        self.terms: list[int] = []
        """The number of terms of every angle with trained weights, in the order of these."""
        self._angles: dict[object, int] = {}
        self._weights: dict[object, range] = {}

    @property
    def count(self) -> int:
        """The number of trained numbers so far."""
        return self.n_angles + self.n_weights

    def angle(self, key: object) -> int:
        """The position of a trained angle."""
        if key not in self._angles:
            self._angles[key] = self.n_angles
            self.n_angles += 1
        return self._angles[key]

    def weights(self, key: object, n_terms: int) -> range:
        """The positions of the weights of an angle's features."""
        if key not in self._weights:
            self._weights[key] = range(self.n_weights, self.n_weights + n_terms)
            self.n_weights += n_terms
            self.terms.append(n_terms)
        return self._weights[key]
