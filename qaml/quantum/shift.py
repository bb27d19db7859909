"""Gradients of a circuit from its own values at shifted angles, which is all that a device gives.

Where an angle θ turns by exp(−iθG/2) with G² = 1, a value is a + b cos θ + c sin θ, and two evaluations give its
derivative (Mitarai et al. 2018, arXiv:1803.00745; Schuld et al. 2019, arXiv:1811.11184). A controlled rotation has half
of that frequency, too, and takes four (Anselmetti et al. 2021, arXiv:2104.05695). A number that several gates use is
shifted in one gate after the other, and the chain rule does the rest: θ = scale × number, and what numbers are made of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from qaml.autograd import differentiable
from qaml.errors import PartError
from qaml.identical import Identical
from qaml.quantum.checks import check, check_shapes
from qaml.quantum.circuit import Angle, Circuit, Gate, Operation, Source
from qaml.quantum.statevector.network import given_arrays

AT_ONCE = 2048
"""Largest number of rows in one call for values, unless the batch has more."""
Ask: TypeAlias = Callable[[Circuit, Tensor, Tensor], Tensor]
"""(circuit without weights, inputs (rows, n_features), draws (rows, n_draws)) → values (rows, m)."""


class Term(NamedTuple):
    """One evaluation of a rule f′(θ) = Σ factor × f(θ + shift)."""

    shift: float
    factor: float


def _pair(shift: float, factor: float) -> tuple[Term, Term]:
    return Term(shift, factor), Term(-shift, -factor)


TWO_TERMS: Final = _pair(math.pi / 2, 0.5)
FOUR_TERMS: Final = (
    *_pair(math.pi / 2, (math.sqrt(2) + 1) / (4 * math.sqrt(2))),
    *_pair(3 * math.pi / 2, -(math.sqrt(2) - 1) / (4 * math.sqrt(2))),
)
RULES: Mapping[str, tuple[Term, ...]] = {
    **dict.fromkeys(("rx", "ry", "rz", "phase", "rot", "ising_xx", "ising_yy", "ising_zz"), TWO_TERMS),
    **dict.fromkeys(("crx", "cry", "crz"), FOUR_TERMS),
}
"""The rule of every gate with angles."""


class Place(NamedTuple):
    """An angle of a gate that is no fixed number.

    Attributes:
        angle: the number that it is made of.
        rule: the evaluations that give the derivative in it.
    """

    angle: Angle
    rule: tuple[Term, ...]


class Separated(NamedTuple):
    """A circuit in which every angle that is no fixed number is a draw of its own.

    Attributes:
        circuit: the circuit, without weights and features.
        places: its draws, in order.
    """

    circuit: Circuit
    places: tuple[Place, ...]

    def n_evaluations(self, sources: frozenset[Source]) -> int:
        """Number of evaluations that a gradient in numbers of these sources takes, beside the value itself."""
        return sum(len(place.rule) for place in self.places if place.angle.source in sources)


def separated(circuit: Circuit) -> Separated:
    """The circuit with a number of its own in every place of an angle.

    Raises:
        PartError: a gate has no rule.
    """
    return _separated(Identical(circuit))


@lru_cache(maxsize=32)
def _separated(same: Identical[Circuit]) -> Separated:
    operations: list[Operation] = []
    places: list[Place] = []
    for number, operation in enumerate(same.value.operations):
        if not isinstance(operation, Gate):
            operations.append(operation)
            continue
        angles = []
        for angle in operation.angles:
            if angle.source != "fixed":
                if operation.name not in RULES:
                    raise PartError(f"operation {number} ({operation.name}): no shift rule gives its derivative")
                angle, place = Angle("draw", len(places)), Place(angle, RULES[operation.name])
                places.append(place)
            angles.append(angle)
        operations.append(operation._replace(angles=tuple(angles)))
    return Separated(same.value._replace(operations=tuple(operations)), tuple(places))


def shifted(circuit: Circuit, weights: Tensor, inputs: Tensor, draws: Tensor | None, ask: Ask) -> Tensor:
    """Values of a circuit whose gradients in weights, features and draws come from values at shifted angles.

    A gradient evaluates only those angles that what requires gradients enters.

    Args:
        circuit: a circuit, with or without channels.
        weights: (n_weights,), angles in radians.
        inputs: (batch, n_features).
        draws: (n_draws,) shared by the batch, or (batch, n_draws).
        ask: the values, such as expectation values, probabilities or shares of counts; it is never differentiated.

    Returns:
        (batch, m), as ``ask`` gives them, differentiable once.

    Raises:
        PartError: for a mistake in the circuit, shapes that do not fit, a gate without a rule, or amplitudes that
            require gradients.
    """
    check(circuit)
    check_shapes(circuit, tuple(weights.shape), tuple(inputs.shape), None if draws is None else tuple(draws.shape))
    if circuit.encoding != "zero" and inputs.requires_grad and torch.is_grad_enabled():
        raise PartError(
            "amplitudes of inputs are no angles: no shift rule gives derivatives in them",
            "encode features as angles, or take finite differences",
        )
    own = separated(circuit)
    arrays = given_arrays(weights, inputs, draws, inputs)
    angles = [place.angle.scale * arrays[place.angle.source][..., place.angle.index] for place in own.places]
    rows = [each.expand(len(inputs)) for each in angles]
    theta = torch.stack(rows, 1) if rows else inputs.new_zeros(len(inputs), 0, dtype=inputs.real.dtype)
    wanted = [number for number, each in enumerate(angles) if arrays[own.places[number].angle.source].requires_grad]
    return differentiable(_Shifted, theta, inputs.detach(), own, tuple(wanted), ask)


class _Shifted(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, theta: Tensor, inputs: Tensor, own: Separated, wanted: tuple[int, ...], ask: Ask) -> Tensor:
        ctx.save_for_backward(theta, inputs)
        ctx.own, ctx.wanted, ctx.ask = own, wanted, ask
        with torch.no_grad():
            return ask(own.circuit, inputs, theta)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor, None, None, None, None]:
        theta, inputs = ctx.saved_tensors
        gradient = torch.zeros_like(theta)
        terms = [(place, term) for place in ctx.wanted for term in ctx.own.places[place].rule]
        size = max(1, AT_ONCE // max(len(theta), 1))
        for group in [terms[first : first + size] for first in range(0, len(terms), size)]:
            moved = theta.repeat(len(group), 1, 1)
            for number, (place, term) in enumerate(group):
                moved[number, :, place] += term.shift
            with torch.no_grad():
                values = ctx.ask(ctx.own.circuit, inputs.repeat(len(group), 1), moved.flatten(0, 1))
            along = (values.reshape(len(group), *cotangents.shape) * cotangents).sum(2)
            for number, (place, term) in enumerate(group):
                gradient[:, place] += (term.factor * along[number]).to(gradient.dtype)
        return gradient, None, None, None, None
