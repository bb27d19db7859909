"""Final states and expectation values of any circuit without channels as torch functions (float32, CPU)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from qaml.autograd import differentiable
from qaml.quantum.blocks import array_of, cache_lines, share
from qaml.quantum.checks import check, check_shapes
from qaml.quantum.circuit import Circuit
from qaml.quantum.statevector import network as statevector
from qaml.quantum.vector import kernel
from qaml.quantum.vector.angles import Angles, angles, gradient
from qaml.quantum.vector.kernel import LANES
from qaml.quantum.vector.program import Program, n_places, program
from qaml.types import FloatArray


def run(circuit: Circuit, weights: Tensor, inputs: Tensor, draws: Tensor | None = None) -> Tensor:
    """⟨Z⟩ of the circuit's observables, differentiable once in weights, inputs and draws.

    Runs on ``torch.get_num_threads()`` threads; results do not depend on how many, nor a sample's on the others, bit
    for bit. The state is uncomputed in the backward pass (adjoint method, Jones & Gacon 2020), so memory does not grow
    with depth but for the angles. Inputs in other dtypes or on other devices than float32 on the CPU take the way of
    ``qaml.quantum.statevector``.

    Args:
        circuit: a circuit without channels.
        weights: (n_weights,), angles in radians.
        inputs: (batch, n_features), float32; complex64 for states.
        draws: (n_draws,) shared by the batch, or (batch, n_draws).

    Returns:
        (batch, n_observables), float32.

    Raises:
        PartError: for a mistake in the circuit, shapes that do not fit, or channels.
    """
    if not takes(circuit, inputs):
        return statevector.run(circuit, weights, inputs, draws)
    return _evaluated(circuit, weights, inputs, draws, measured=True)[:, list(circuit.observables)]


def final_states(circuit: Circuit, weights: Tensor, inputs: Tensor, draws: Tensor | None = None) -> Tensor:
    """States before the measurement, (batch, 2**n_wires), complex64; all else as in ``run``."""
    if not takes(circuit, inputs):
        return statevector.final_states(circuit, weights, inputs, draws)
    return _evaluated(circuit, weights, inputs, draws, measured=False)


def takes(circuit: Circuit, inputs: Tensor) -> bool:
    """Whether the kernel runs the circuit on such inputs."""
    return not circuit.channels and inputs.dtype in (torch.float32, torch.complex64) and inputs.device.type == "cpu"


def _evaluated(circuit: Circuit, weights: Tensor, inputs: Tensor, draws: Tensor | None, measured: bool) -> Tensor:
    check(circuit)
    check_shapes(circuit, tuple(weights.shape), tuple(inputs.shape), None if draws is None else tuple(draws.shape))
    shared, samples = weights.to(inputs.device, torch.float32), inputs.real
    draws_differ = draws is not None and draws.ndim == 2 and circuit.n_draws > 0
    if draws is not None and circuit.n_draws:
        draws = draws.to(inputs.device, torch.float32)
        if draws_differ:
            n_features = 0 if circuit.encoding == "state" else circuit.n_features
            samples = torch.cat([samples[:, :n_features], draws], 1)
        else:
            shared = torch.cat([shared, draws])
    own = program(circuit, draws_differ)
    if not len(own.samples.terms):
        samples = samples[:, :0]
    amplitudes = statevector.normalised(inputs) if circuit.encoding == "amplitude" else inputs
    if circuit.encoding == "zero":
        amplitudes = inputs.new_ones(len(inputs), 1)
    values = differentiable(_Evolution, amplitudes, shared, samples, own, measured)
    return values if measured else _phased(values, own, shared, samples)


def _phased(states: Tensor, own: Program, shared: Tensor, samples: Tensor) -> Tensor:
    """States with the factor that their amplitudes have in common."""
    angle = states.real.new_full((1,), own.phase)
    for of_samples, index, factor in own.phase_terms:
        angle = angle + factor * (samples[:, index] if of_samples else shared[index])
    return states * torch.polar(torch.ones_like(angle), angle)[:, None]


class _Evolution(torch.autograd.Function):
    """Amplitudes (batch, d ≤ 2^n), and the two arrays of a program → states, or ⟨Z⟩ of every wire."""

    @staticmethod
    def forward(ctx: Any, amplitudes: Tensor, shared: Tensor, samples: Tensor, own: Program, measured: bool) -> Tensor:
        ctx.program, ctx.measured, ctx.n_shared, ctx.shape = own, measured, len(shared), samples.shape
        ctx.amplitudes = (tuple(amplitudes.shape), amplitudes.is_complex())
        ctx.angles = angles(own, array_of(shared).astype(np.float64), array_of(samples))
        rows, size = _rows(amplitudes), 2 * LANES * n_places(own.n_wires)
        states = cache_lines(-(-len(amplitudes) // LANES), size)
        results = np.empty(
            (len(states) * LANES, own.n_wires) if measured else (len(rows), 2**own.n_wires, 2), np.float32
        )
        fixed = _fixed(own, ctx.angles, measured)

        def work(first: int, last: int) -> None:
            kernel.pack()(rows, own.start, states, first, last)
            kernel.evolve()(*fixed, 1, states, first, last)
            if measured:
                kernel.measure()(states, own.stop, own.order, results, first, last)
            else:
                kernel.unpack()(results, own.stop, states, first, last)

        share(len(states), work)
        ctx.states = states
        return torch.from_numpy(results[: len(rows)]) if measured else _tensor(results)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        wants_amplitudes, wants_shared, wants_samples, _, _ = ctx.needs_input_grad
        own, states, (shape, is_complex) = ctx.program, ctx.states, ctx.amplitudes
        adjoints = cache_lines(*states.shape)
        totals = np.zeros((len(states), len(own.constants)))
        of_samples = np.zeros(ctx.shape, np.float32)
        of_amplitudes = np.empty((*shape, 1 + is_complex), np.float32)
        fixed = _fixed(own, ctx.angles.conjugate(), ctx.measured)
        given = _padded(cotangents, len(states)) if ctx.measured else _rows(cotangents)

        def work(first: int, last: int) -> None:
            if ctx.measured:
                kernel.seed()(states, own.stop, given, adjoints, first, last)
            else:
                kernel.pack()(given, own.stop, adjoints, first, last)
            if wants_shared or wants_samples:
                kernel.backward()(*fixed, states, adjoints, totals, own.order, of_samples, *own.samples, first, last)
            else:
                kernel.evolve()(*fixed, -1, adjoints, first, last)
            if wants_amplitudes:
                kernel.unpack()(of_amplitudes, own.start, adjoints, first, last)

        share(len(states), work)
        of_shared = gradient(own, totals.sum(axis=0), ctx.n_shared).astype(np.float32)
        return (
            _tensor(of_amplitudes) if wants_amplitudes else None,
            torch.from_numpy(of_shared) if wants_shared else None,
            torch.from_numpy(of_samples) if wants_samples else None,
            None,
            None,
        )


def _fixed(own: Program, numbers: Angles, measured: bool) -> tuple[Any, ...]:
    """The first arguments of a kernel: the program's, with the layers that Z notices, and its angles."""
    layers = own.layers[: own.n_measured] if measured else own.layers
    return own.n_wires, layers, own.turns, own.parts, own.frames, *numbers


def _padded(cotangents: Tensor, n_blocks: int) -> FloatArray:
    padded = np.zeros((n_blocks * LANES, cotangents.shape[1]), np.float32)
    padded[: len(cotangents)] = array_of(cotangents)
    return padded


def _rows(tensor: Tensor) -> FloatArray:
    """Real or complex rows as (batch, columns, 1 or 2)."""
    tensor = tensor.detach().resolve_conj()
    parts = torch.view_as_real(tensor) if tensor.is_complex() else tensor[:, :, None]
    return parts.contiguous().numpy()


def _tensor(rows: FloatArray) -> Tensor:
    """The inverse of ``_rows``."""
    parts = torch.from_numpy(rows)
    return torch.view_as_complex(parts) if rows.shape[2] == 2 else parts[:, :, 0]
