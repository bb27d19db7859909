"""Gradients of a circuit from evaluations at shifted angles or inputs, as on quantum hardware, and what they cost.

Huang & Zhang 2023 (section 3.2, eq. 10) argue that noise layers protect because each of these evaluations draws its own
noise. Here every evaluation does: estimates are as noisy as the argument assumes. With a finite number of shots they
are as noisy as a device's, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from qaml.autograd import differentiable
from qaml.errors import PartError
from qaml.models.capabilities import OneValued, Run, Runnable
from qaml.quantum.circuit import Circuit
from qaml.quantum.execute import states
from qaml.quantum.shift import shifted


class Rule(NamedTuple):
    """A rule that estimates ∂f/∂x_i by (f(x + shift e_i) − f(x − shift e_i)) × factor."""

    shift: float
    factor: float


PARAMETER_SHIFT = Rule(math.pi / 2, 0.5)
"""The rule that is exact where x_i is the angle of one rotation RX(x_i) (Mitarai et al. 2018; Schuld et al. 2019).

A circuit that a spec writes out has other angles; there ``quantum.shift`` has the rule of each gate.
"""


def finite_difference(step: float) -> Rule:
    """Central differences, with an error of second order in the step (Huang & Zhang 2023, eq. 10)."""
    return Rule(step, 0.5 / step)


class Meter:
    """Evaluations of circuits: drawn from a finite number of shots, or exact, and counted.

    Counts are drawn as a device's would be, independent multinomials of the exact probabilities, from torch's global
    generator.

    Args:
        shots: number of shots of each evaluation; ``None`` for exact values.
    """

    def __init__(self, shots: int | None = None) -> None:
        self.shots = shots
        self.circuits = 0
        """Number of circuits so far of every input of the batch."""

    def shares(self, probabilities: Tensor, circuits: int = 1) -> Tensor:
        """Shares of outcomes, (rows, outcomes), of so many circuits of each input."""
        self.circuits += circuits
        if self.shots is None:
            return probabilities
        chances = probabilities.double().clamp_min(0).cpu()
        total = chances.sum(1, keepdim=True)  # zero for amplitudes of an input that is zero, which is no state
        seed = int(torch.randint(2**62, (1,)))
        chosen = (chances / total).where(total > 0, 1 / chances.shape[1]).numpy()
        counts = torch.from_numpy(np.random.default_rng(seed).multinomial(self.shots, chosen))
        return (counts / self.shots).where(total > 0, 0.0).to(probabilities)

    def values(self, expectations: Tensor) -> Tensor:
        """Estimates of ⟨Z⟩, (batch,), of one circuit of each input."""
        up = ((1 + expectations) / 2).clamp(0, 1)
        shares = self.shares(torch.stack((up, 1 - up), 1))
        return expectations if self.shots is None else shares[:, 0] - shares[:, 1]


def estimated(module: nn.Module, rule: Rule, meter: Meter | None = None) -> nn.Module:
    """A circuit whose gradient in its inputs is estimated by a rule.

    Args:
        module: a ``OneValued``, whose value is shifted in its inputs, or a ``Runnable``.
        rule: ``PARAMETER_SHIFT``, or shift and factor of finite differences.
        meter: counts and draws; exact values without it.

    Raises:
        PartError: the module is neither.
    """
    meter = meter or Meter()
    if isinstance(module, OneValued):
        return EstimatedGradient(module, rule, meter)
    if isinstance(module, Runnable):
        return CountedGradient(module, rule, meter)
    raise PartError("an estimated gradient needs a circuit", "attack a circuit, a qnn or a qcnn")


class EstimatedGradient(nn.Module):
    """A circuit with one measured wire; where no gradient is asked for, its values are its own.

    Args:
        module: a ``OneValued``.
        rule: shift and factor, the same for every coordinate.
        meter: counts and draws.
    """

    def __init__(self, module: OneValued, rule: Rule, meter: Meter) -> None:
        super().__init__()
        self.module: OneValued = module
        self.rule = rule
        self.meter = meter

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, …) → logits (batch, 2)."""
        if not _is_differentiated(inputs):
            return self.module.logits_of(self.module.expectations(inputs))

        def value(points: Tensor) -> Tensor:
            return self.meter.values(self.module.expectations(points))

        return self.module.logits_of(differentiable(_Differences, inputs, value, self.rule))


class CountedGradient(nn.Module):
    """A circuit of any readout, whose logits follow from shares of counted outcomes.

    Where no gradient is asked for, as where success is judged, its values are its own.

    Args:
        module: a ``Runnable``.
        rule: ``PARAMETER_SHIFT`` for the rules of ``quantum.shift``, or that of finite differences in the inputs.
        meter: counts and draws.
    """

    def __init__(self, module: nn.Module, rule: Rule, meter: Meter) -> None:
        super().__init__()
        self.module = module
        self.rule = rule
        self.meter = meter

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, …) → logits (batch, classes).

        Raises:
            PartError: the circuit has noise of its own, or inputs that no rule reaches.
        """
        if not _is_differentiated(inputs):
            logits: Tensor = self.module(inputs)
            return logits
        assert isinstance(self.module, Runnable)
        run = self.module.runnable()
        if self.rule == PARAMETER_SHIFT:
            features, draws = run.arguments(inputs.flatten(1))

            def ask(circuit: Circuit, rows: Tensor, angles: Tensor) -> Tensor:
                found = probabilities(circuit, angles.new_zeros(0), rows, angles, run.wires)
                return self.meter.shares(found, len(rows) // max(len(inputs), 1))

            return run.logits_of(shifted(run.circuit, run.weights, features, draws, ask))

        def value(points: Tensor) -> Tensor:
            return self.meter.shares(_shares(run, points))

        return run.logits_of(differentiable(_Differences, inputs, value, self.rule))


def _is_differentiated(inputs: Tensor) -> bool:
    return inputs.requires_grad and torch.is_grad_enabled()


def _shares(run: Run, inputs: Tensor) -> Tensor:
    features, draws = run.arguments(inputs.flatten(1))
    return probabilities(run.circuit, run.weights, features, draws, run.wires)


def probabilities(
    circuit: Circuit, weights: Tensor, inputs: Tensor, draws: Tensor | None, wires: tuple[int, ...]
) -> Tensor:
    """Probabilities of the outcomes of some wires, the first the most significant bit: (batch, 2**k)."""
    found = states(circuit, weights, inputs, draws if circuit.n_draws else None)
    squares = found.real.square() + found.imag.square()
    if wires == tuple(range(circuit.n_wires)):
        return squares
    others = [wire for wire in range(circuit.n_wires) if wire not in wires]
    split = squares.reshape(len(squares), *[2] * circuit.n_wires)
    return split.permute(0, *(1 + wire for wire in (*wires, *others))).reshape(len(squares), 2 ** len(wires), -1).sum(2)


class _Differences(torch.autograd.Function):
    """Values of inputs, (batch, …) → (batch,) or (batch, m), and their gradients by a rule in every coordinate."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, function: Callable[[Tensor], Tensor], rule: Rule) -> Tensor:
        ctx.save_for_backward(inputs)
        ctx.function, ctx.rule = function, rule
        with torch.no_grad():
            return function(inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (inputs,) = ctx.saved_tensors
        found = torch.empty_like(inputs).flatten(1)
        with torch.no_grad():
            for i in range(found.shape[1]):
                shift = torch.zeros_like(found)
                shift[:, i] = ctx.rule.shift
                shift = shift.reshape(inputs.shape)
                change = ctx.function(inputs + shift) - ctx.function(inputs - shift)
                found[:, i] = ctx.rule.factor * (change * gradients[0]).reshape(len(change), -1).sum(1)
        return found.reshape(inputs.shape), None, None
