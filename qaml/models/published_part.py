"""Circuits whose trained numbers come from a file: which of its arrays they are, and in which order.

The circuit of a spec and that of the file's author are the same gates; what differs between programs is how numbers are
named, how many arrays they fill, how axes follow each other, and what the three angles of a rotation mean.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from itertools import accumulate
from operator import mul
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, get_args

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from qaml.errors import Misfit
from qaml.models.network_part import NetworkPart
from qaml.models.weights_part import Shape, Weights, shapes_in, verified
from qaml.types import InputInfo, Module, as_tuple

Group: TypeAlias = Literal["angles", "weights_of_features", "head.weight", "head.bias"]
Axis: TypeAlias = Literal["layer", "block", "wire", "angle", "feature"]
Axes: TypeAlias = Annotated[tuple[Axis, ...], BeforeValidator(as_tuple), Field(min_length=1)]
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^*]*(\*[^*]*){0,4}$")]
Names: TypeAlias = Annotated[tuple[Name, ...], BeforeValidator(as_tuple), Field(min_length=1, max_length=10_000)]


class Published(Weights):
    """Trained numbers of a circuit, as qaml or another program wrote them."""

    names: dict[Group, Names] = Field(default={})
    """The file's arrays of ``angles``, ``weights_of_features``, ``head.weight`` and ``head.bias``, where they have
    other names: one, or a list of those that follow each other. A ``*`` in a name is every number, in order, the first
    one the slowest: ``u3_layers.*.ops_all.*.params``."""
    axes: dict[Group, Axes] = Field(default={})
    """The axes of each array where their order is another one than layer, block, wire, angle, feature: numbers follow
    each other repetition by repetition of a loop, block by block in it, wire by wire (or pair by pair), and angle by
    angle."""
    rotation: Literal["rot", "u3"] = "rot"
    """The angles of a ``rot``: ``rot``: (φ, θ, ω) of RZ(ω) RY(θ) RZ(φ), as in PennyLane; ``u3``: (θ, φ, λ) of
    RZ(φ) RY(θ) RZ(λ), Qiskit's U and TorchQuantum's U3."""

    @model_validator(mode="after")
    def _axes_are_different(self) -> Published:
        twice = next((group for group, axes in self.axes.items() if len(set(axes)) < len(axes)), None)
        if twice is not None:
            raise ValueError(f"the axes of {twice!r} name one twice: {', '.join(self.axes[twice])}")
        return self


class Wanted(NamedTuple):
    """Numbers that a circuit has.

    Attributes:
        size: how many.
        shape: their axes, layer by layer and wire by wire, where they have any.
        words: the shape for people, block by block where it is not one.
        rotations: the positions at which the three angles of a rotation begin.
    """

    size: int
    shape: Shape | None
    words: str
    rotations: tuple[int, ...] = ()

    @classmethod
    def of_shape(cls, shape: Shape, rotations: tuple[int, ...] = ()) -> Wanted:
        """Numbers of one shape."""
        return cls(math.prod(shape), shape, in_words(shape), rotations)

    @classmethod
    def of_rotations(cls, n_layers: int, n_wires: int) -> Wanted:
        """The angles (φ, θ, ω) of rotations of all wires in every layer."""
        shape = (n_layers, n_wires, 3)
        return cls.of_shape(shape, tuple(range(0, math.prod(shape), 3)))


class Arranged(NamedTuple):
    """Arrays of a file that follow each other, and the order of their axes, if it changes."""

    names: tuple[str, ...]
    axes: tuple[int, ...] | None


class PublishedPart(NetworkPart, ABC):
    """A circuit that is trained here, or whose trained numbers come from a file."""

    weights: Published | None = Field(None, exclude_if=lambda weights: weights is None)
    """Trained numbers in a file; without them the circuit is trained from random ones."""
    fine_tune: bool = Field(False, exclude_if=lambda tunes: not tunes)
    """Whether to train on from ``weights``; otherwise they are used unchanged."""

    @model_serializer(mode="wrap")
    def _without_a_training_it_has_not(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = handler(self)
        return {name: value for name, value in written.items() if name != "training" or not self.is_trained}

    @model_validator(mode="after")
    def _tunes_what_it_brings(self) -> PublishedPart:
        if self.fine_tune and self.weights is None:
            raise ValueError("fine_tune needs weights to start from")
        return self

    @property
    def is_trained(self) -> bool:
        """Whether the weights are used unchanged, so that ``fit`` changes nothing."""
        return self.weights is not None and not self.fine_tune

    @abstractmethod
    def wanted(self, info: InputInfo) -> Mapping[Group, Wanted]:
        """The trained numbers of the circuit for such inputs, by the names of the module's parameters."""

    def check_weights(self, info: InputInfo) -> None:
        """Refuse a file, where it can be read, whose arrays are not the circuit's numbers.

        Raises:
            Misfit: the message has the shapes of both.
        """
        held = shapes_in(self.weights) if self.weights is not None else None
        if self.weights is not None and held is not None:
            arranged(self.weights, self.wanted(info), held)

    def build(self, info: InputInfo, seed: int) -> Module:
        """The circuit with random numbers, or with those of the file.

        Raises:
            PartError: the file is missing or changed, or its arrays are not the circuit's numbers.
        """
        module = super().build(info, seed)
        if self.weights is not None:
            from qaml.models.published import load_published

            load_published(module, verified(self.weights), self.weights, self.wanted(info))
        return module


def arranged(weights: Published, wanted: Mapping[Group, Wanted], held: Mapping[str, Shape]) -> dict[Group, Arranged]:
    """The arrays of every group of numbers.

    Args:
        weights: what is declared of the file.
        wanted: the numbers that the circuit has.
        held: the shapes of the file's arrays.

    Raises:
        Misfit: arrays are missing, or hold more or fewer numbers, or in an order that is not the circuit's.
    """
    if weights.rotation == "u3":
        _check_rotations(wanted)
    for group in get_args(Group):
        if group in weights.names and not (group in wanted and wanted[group].size):
            own = ", ".join(name for name, numbers in wanted.items() if numbers.size)
            raise Misfit(("weights", "names", group), f"the circuit has no {group}", f"it has {own or 'no numbers'}")
    return {group: _arranged(weights, group, numbers, held) for group, numbers in wanted.items() if numbers.size}


def _check_rotations(wanted: Mapping[Group, Wanted]) -> None:
    features = wanted.get("weights_of_features")
    if not wanted["angles"].rotations or (features is not None and features.size):
        message = "'u3' is for a circuit with trained rotations 'rot', whose angles hold no features"
        raise Misfit(("weights", "rotation"), message, "leave it out")


def in_words(shape: Shape) -> str:
    """A shape for people: 10 × 7 × 3."""
    return " × ".join(f"{n:,}" for n in shape)


def _arranged(weights: Published, group: Group, wanted: Wanted, held: Mapping[str, Shape]) -> Arranged:
    place = ("weights", "names", group) if group in weights.names else ("weights",)
    names = tuple(name for pattern in weights.names.get(group, (group,)) for name in _matching(pattern, held, place))
    axes = weights.axes.get(group)
    order = None if axes is None else tuple(sorted(range(len(axes)), key=lambda i: get_args(Axis).index(axes[i])))
    if axes is not None and (other := next((name for name in names if len(held[name]) != len(axes)), None)):
        message = f"{other!r} has shape {held[other]}, the axes are {', '.join(axes)}"
        is_flat = len(held[other]) == 1
        hint = "save the array with these axes" if is_flat else "name every axis of the array"
        raise Misfit(("weights", "axes", group), message, hint)
    if axes is not None and len(axes) == 1:
        message = "an array with one axis has one order, which 'axes' does not change"
        hint = "leave it out, or save the array with all its axes, where its order is another one"
        raise Misfit(("weights", "axes", group), message, hint)
    shapes = [tuple(held[name][i] for i in order) if order else held[name] for name in names]
    size = sum(map(math.prod, shapes))
    of_file = f"{names[0]!r} has shape {held[names[0]]}" if len(names) == 1 else f"{len(names)} arrays have {size:,}"
    if size != wanted.size:
        message = f"the circuit has {wanted.size:,} {group} ({wanted.words}), {of_file}"
        raise Misfit(place, message, "write the circuit that the file's author trained, or name its arrays by 'names'")
    if len(names) == 1 and wanted.shape is not None and not _is_grouped(shapes[0], wanted.shape):
        hint = "name the order of the array's axes, such as 'axes: {%s: [wire, layer, angle]}'" % group  # noqa: UP031
        after = f", in the circuit's order {shapes[0]}" if order else ""
        raise Misfit(place, f"the circuit has {group} of shape {wanted.shape}, {of_file}{after}", hint)
    return Arranged(names, order)


def _matching(pattern: str, held: Mapping[str, Shape], place: tuple[str, ...]) -> list[str]:
    """The names that a pattern means, in the order of their numbers."""
    if "*" not in pattern:
        found = [name for name in held if name == pattern]
    else:
        expression = re.compile("([0-9]{1,9})".join(map(re.escape, pattern.split("*"))))
        numbered = {name: match for name in held if (match := expression.fullmatch(name))}
        found = sorted(numbered, key=lambda name: [int(number) for number in numbered[name].groups()])
    if not found:
        shown = ", ".join(_shown(held)) or "none"
        raise Misfit(place, f"the file has no array {pattern!r}", f"it has {shown}; 'names' says which array is which")
    return found


def _shown(held: Mapping[str, Shape]) -> Iterator[str]:
    for i, (name, shape) in enumerate(held.items()):
        if i == 6:
            yield "…"
            return
        yield f"{name!r} {shape}"


def _is_grouped(shape: Shape, wanted: Shape) -> bool:
    """Whether an array is the wanted one with neighbouring axes merged, such as (10, 21) of (10, 7, 3)."""
    return set(accumulate(shape, mul)) <= {1, *accumulate(wanted, mul)}
