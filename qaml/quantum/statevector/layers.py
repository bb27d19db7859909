"""Layers of rotations and an entangler as two matrix products a layer, in memory that does not grow with depth.

A state is kept as 2**a rows of (batch, 2**b), its first a = n // 2 wires in front of the batch and the other b behind
it, even rows before odd ones. A layer multiplies by the Kronecker products of the rotations from the left and from the
right, each one product for the whole batch. Of the entangler, CZs within a half are signs of the products' rows, and
CNOTs within a half permute them; the gate between the halves acts on odd rows only, which therefore have a right
product of their own.

A chain of CNOTs turns bit i of the basis index into the parity of the bits up to i, first wire first, so the state that
ends at index j was at j ⊕ (j ≫ 1), the Gray code of j.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from qaml.autograd import differentiable
from qaml.errors import PartError
from qaml.quantum.circuit import Entangler, entangling_gates
from qaml.quantum.statevector.gates import rot
from qaml.quantum.statevector.readout import z_expectations

FEW_WIRES = 4
"""Largest number of wires up to which a circuit's whole unitary is made."""


def layered_expectations(amplitudes: Tensor, weights: Tensor, n_observables: int) -> Tensor:
    """⟨Z⟩ of the first wires behind the layers of ``qaml.quantum.circuit.layered`` with a chain of CZ.

    Gradients are for both arguments and of first order; weights that need none cost none.

    Args:
        amplitudes: (batch, d ≤ 2**n), float32 or float64, normalised; missing amplitudes are zero.
        weights: (n_layers, n, 3), the angles (φ, θ, ω) of Rot.
        n_observables: number of wires that are measured, at most n.

    Returns:
        (batch, n_observables), dtype and device of the amplitudes.
    """
    states = layered_states(amplitudes, weights)
    if not 1 <= n_observables <= weights.shape[1]:
        raise PartError(f"expected 1 to {weights.shape[1]} observables, got {n_observables}")
    return z_expectations(states, range(n_observables))


def layered_unitary_columns(weights: Tensor, n_columns: int) -> Tensor:
    """The first columns of the layers' unitary as rows: row j is U|j⟩, (n_columns, 2**n), complex, differentiable."""
    return layered_states(torch.eye(n_columns, dtype=weights.dtype, device=weights.device), weights)


def layered_states(amplitudes: Tensor, weights: Tensor, entangler: Entangler = "cz_chain") -> Tensor:
    """States behind the layers, (batch, 2**n), complex; arguments as in ``layered_expectations``."""
    if weights.ndim != 3 or weights.shape[2] != 3:
        raise PartError(f"expected weights of shape (n_layers, n_wires, 3), got {tuple(weights.shape)}")
    return product_states(amplitudes, rot(*weights.to(amplitudes.real.dtype).unbind(-1)), entangler)


def product_states(amplitudes: Tensor, rotations: Tensor, entangler: Entangler) -> Tensor:
    """States behind layers of any one-wire unitaries, each layer followed by the entangler.

    Args:
        amplitudes: (batch, d ≤ 2**n), real or complex; missing amplitudes are zero.
        rotations: (n_layers, n, 2, 2), complex; unitary, because the way back undoes them.
        entangler: the same after every layer.

    Returns:
        (batch, 2**n), complex, differentiable once in both.
    """
    n_wires = rotations.shape[1]
    if amplitudes.ndim != 2 or amplitudes.shape[1] > 2**n_wires:
        raise PartError(
            f"expected amplitudes of shape (batch, at most {2**n_wires}), got {tuple(amplitudes.shape)}",
            f"{n_wires} wires have {2**n_wires} amplitudes",
        )
    padded = pad(amplitudes, (0, 2**n_wires - amplitudes.shape[1])).to(rotations.dtype)
    return (at_once if n_wires <= FEW_WIRES else layer_by_layer)(padded, rotations, entangler)


def at_once(states: Tensor, rotations: Tensor, entangler: Entangler) -> Tensor:
    """States behind the layers by the circuit's whole unitary: on few wires a layer costs more to call than to compute.

    Args:
        states: (batch, 2**n), complex.
        rotations: (n_layers, n, 2, 2) for all states, or (batch, n_layers, n, 2, 2).
        entangler: the same after every layer.
    """
    if rotations.shape[-4] == 0:
        return states
    index, signs = basis_map(entangler, rotations.shape[-3], rotations.device)
    origin = torch.argsort(index)
    rows = signs[origin].to(rotations.real.dtype)[:, None]
    unitaries = kronecker(rotations)[..., origin, :] * rows
    while unitaries.shape[-3] > 1:
        last = unitaries[..., 2 * (unitaries.shape[-3] // 2) :, :, :]
        pairs = unitaries[..., 1::2, :, :] @ unitaries[..., : 2 * (unitaries.shape[-3] // 2) : 2, :, :]
        unitaries = torch.cat((pairs, last), -3)
    whole = unitaries[..., 0, :, :]
    return states @ whole.mT if whole.ndim == 2 else (whole @ states[:, :, None]).squeeze(2)


def layer_by_layer(states: Tensor, rotations: Tensor, entangler: Entangler) -> Tensor:
    """States behind layers, two products each; states (batch, 2**n) complex, rotations (n_layers, n, 2, 2)."""
    return differentiable(_Layers, states, *_halves(rotations, entangler), entangler)


def product_expectations(states: Tensor, rotations: Tensor, entangler: Entangler, signs: Tensor) -> Tensor:
    """Σ_j signs_j |ψ_j|² behind the layers, found with its gradients in one go; made for many wires.

    Args:
        states: (batch, 2**n), real or complex.
        rotations: (n_layers, n, 2, 2), complex and unitary.
        entangler: the same after every layer.
        signs: (2**n,), a diagonal observable.

    Returns:
        (batch,), real, differentiable once in states and rotations.
    """
    return differentiable(_Expectations, states, *_halves(rotations, entangler), entangler, signs)


def _halves(rotations: Tensor, entangler: Entangler) -> tuple[Tensor, Tensor]:
    """What a layer multiplies by: from the left (n_layers, 2**a, 2**a), rows and columns even first, and from the right
    (n_layers, 1 or 2, 2**b, 2**b), even rows by the first, odd ones by what the gate between the halves makes of it.
    """  # noqa: D205
    n_wires = rotations.shape[1]
    n_left = n_wires // 2
    if n_wires == 2 * n_left:
        left, right = kronecker(rotations.reshape(len(rotations), 2, n_left, 2, 2)).unbind(1)
    else:
        left, right = kronecker(rotations[:, :n_left]), kronecker(rotations[:, n_left:])
    plan = _plan(entangler, n_left, n_wires - n_left, rotations.device)
    left = left.flatten(1)[:, plan.left].view(left.shape)
    right = right[:, plan.right].view(len(rotations), len(plan.right_signs), *right.shape[1:])
    if entangler == "cz_chain":
        left, right = left * plan.left_signs, right * plan.right_signs
    return left, right.mT


class _Plan(NamedTuple):
    """Where an entangler takes the halves' products from, and with which signs, which are those of CZs."""

    left: Tensor
    """Entries of the left product to take, (4**a,)."""
    right: Tensor
    """Rows of the right product to take: (2**b,) or, where there are odd rows of states, (2 · 2**b,)."""
    left_signs: Tensor
    """Signs of the left product's rows, (2**a, 1)."""
    right_signs: Tensor
    """Signs of the right products' rows, (1 or 2, 2**b, 1)."""


@lru_cache(maxsize=32)
def _plan(entangler: Entangler, n_left: int, n_right: int, device: torch.device) -> _Plan:
    rows, columns = torch.arange(2**n_left, device=device), torch.arange(2**n_right, device=device)
    even_first = torch.cat((rows[::2], rows[1::2]))
    parities, half = torch.arange(min(2**n_left, 2), device=device)[:, None], 2 ** (n_right - 1)
    origins, sources = even_first, columns.expand(len(parities), -1)
    if entangler != "cz_chain":
        origins, sources = _gray(even_first), _gray(columns) ^ (parities * half)
    right_signs = _pair_signs(columns) * (1 - 2 * parities * (columns >= half))
    entries = origins[:, None] * len(rows) + even_first
    return _Plan(entries.flatten(), sources.flatten(), _pair_signs(even_first)[:, None], right_signs[:, :, None])


def _split(states: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """(batch, 2**n) → (1 or 2, 2**a / 2, batch, 2**b), a complex copy: even rows, then odd ones."""
    n_parities = right.shape[1]
    split = states.reshape(len(states), left.shape[-1] // n_parities, n_parities, right.shape[-1]).permute(2, 1, 0, 3)
    return torch.empty(split.shape, dtype=left.dtype, device=left.device).copy_(split)


def _joined(states: Tensor) -> Tensor:
    """The inverse of ``_split``."""
    return states.permute(2, 1, 0, 3).flatten(1)


def sampled_states(states: Tensor, rotations: Tensor, entangler: Entangler) -> Tensor:
    """States behind layers whose unitaries differ between samples.

    Args:
        states: (batch, 2**n), real or complex.
        rotations: (batch, n_layers, n, 2, 2), complex.
        entangler: the same after every layer.

    Returns:
        (batch, 2**n), complex, differentiable in both.
    """
    if rotations.shape[2] <= FEW_WIRES:
        return at_once(states.to(rotations.dtype), rotations, entangler)
    index, signs = basis_map(entangler, rotations.shape[2], rotations.device)
    origin = torch.argsort(index)
    factors = signs[origin].to(rotations.real.dtype)
    for layer in range(rotations.shape[1]):
        states = apply_product(states, rotations[:, layer])[:, origin] * factors
    return states


def apply_product(states: Tensor, rotations: Tensor) -> Tensor:
    """A unitary of every wire, (n, 2, 2), or of every sample and wire, on states (batch, 2**n), complex."""
    n_left = rotations.shape[-3] // 2
    left, right = kronecker(rotations[..., :n_left, :, :]), kronecker(rotations[..., n_left:, :, :])
    halves = states.to(rotations.dtype).reshape(len(states), left.shape[-1], right.shape[-1])
    return (left @ halves @ right.mT).flatten(1)


@lru_cache(maxsize=32)
def basis_map(entangler: Entangler, n_wires: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The entangler's action on the basis: E|j⟩ = signs[j] |index[j]⟩, both (2**n_wires,); not to be changed."""
    index = torch.arange(2**n_wires, device=device)
    signs = torch.ones(2**n_wires, dtype=torch.float64, device=device)
    for gate in entangling_gates(entangler, n_wires):
        control, other = ((index >> (n_wires - 1 - wire)) & 1 for wire in gate.wires)
        if gate.name == "cz":
            signs = signs * (1 - 2 * (control & other))
        else:
            index = index ^ (control << (n_wires - 1 - gate.wires[1]))
    return index, signs


def kronecker(rotations: Tensor) -> Tensor:
    """Kronecker products over the wires: (…, k, 2, 2) → (…, 2**k, 2**k)."""
    n_wires = rotations.shape[-3]
    if n_wires == 0:
        return rotations.new_ones(*rotations.shape[:-3], 1, 1)
    if n_wires == 1:
        return rotations[..., 0, :, :]
    if n_wires % 2:
        first, rest = kronecker(rotations[..., :-1, :, :]), rotations[..., -1, :, :]
    else:  # both halves at once
        halves = rotations.reshape(*rotations.shape[:-3], 2, n_wires // 2, 2, 2)
        first, rest = kronecker(halves).unbind(-3)
    pairs = first[..., :, None, :, None] * rest[..., None, :, None, :]
    return pairs.flatten(-2).flatten(-3, -2)


def _pair_signs(index: Tensor) -> Tensor:
    """The signs of basis states by the CZs between neighbours: −1 for an odd number of pairs 11."""
    pairs, n_pairs = index & (index >> 1), torch.zeros_like(index)
    while bool(pairs.any()):
        n_pairs, pairs = n_pairs + (pairs & 1), pairs >> 1
    return 1 - 2 * (n_pairs & 1)


def _gray(index: Tensor) -> Tensor:
    return index ^ (index >> 1)


class _Layers(torch.autograd.Function):
    """X ← E(A_l X B_l) for every layer l, uncomputed on the way back, since A_l and B_l are unitary."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, left: Tensor, right: Tensor, entangler: Entangler) -> Tensor:
        """(batch, 2**n), left and right as ``_halves`` makes them → (batch, 2**n), complex."""
        after = _through(_split(states, left, right), left, right, entangler)
        ctx.save_for_backward(after, left, right)
        ctx.entangler = entangler
        return _joined(after)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None, None]:
        """Take the states' gradient back through the layers."""
        after, left, right = ctx.saved_tensors
        before, of_left, of_right = _back(
            after, _split(gradient, left, right), left, right, ctx.entangler, any(ctx.needs_input_grad[1:3])
        )
        return _joined(before), of_left, of_right, None


class _Expectations(torch.autograd.Function):
    """Σ signs |X|² of X behind the layers, whose gradient in X is 2 signs X."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, left: Tensor, right: Tensor, entangler: Entangler, signs: Tensor) -> Tensor:
        """The arguments of ``_Layers.forward``, and signs (2**n,) → (batch,)."""
        after = _through(_split(states, left, right), left, right, entangler)
        parts = torch.view_as_real(after)
        weighted = parts * _split(signs[None], left, right).real[..., None]
        ctx.save_for_backward(after, weighted, left, right)
        ctx.entangler, ctx.is_real = entangler, not states.is_complex()
        return (parts * weighted).sum((0, 1, 3, 4))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None, None, None]:
        """Take the states' gradient from the observable back through the layers."""
        after, weighted, left, right = ctx.saved_tensors
        wanted = any(ctx.needs_input_grad[1:3])
        first = torch.view_as_complex(weighted * (2 * gradient)[:, None, None])
        before, of_left, of_right = _back(after, first, left, right, ctx.entangler, wanted)
        return _joined(before.real if ctx.is_real else before), of_left, of_right, None, None


def _through(states: Tensor, left: Tensor, right: Tensor, entangler: Entangler) -> Tensor:
    """States behind the layers, which overwrite those given."""
    middle = torch.empty_like(states)
    (rows, parities), (middle_rows, middle_parities) = _views(states), _views(middle)
    for a, b in zip(left.unbind(), right.unbind(), strict=True):
        torch.mm(a, rows, out=middle_rows)
        torch.bmm(middle_parities, b, out=parities)
        _close(states, entangler)
    return states


def _back(
    states: Tensor, gradient: Tensor, left: Tensor, right: Tensor, entangler: Entangler, wanted: bool
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Take the gradient back through the layers as the states are; a matrix' gradient is the product of the two.

    Args:
        states: states behind the layers; they are not changed.
        gradient: gradient of these states, which is overwritten.
        left: left product of every layer.
        right: right products of every layer.
        entangler: the entangler of every layer.
        wanted: whether the matrices' gradients are computed.
    """
    middle = torch.empty_like(gradient)
    (rows, parities), (middle_rows, middle_parities) = _views(gradient), _views(middle)
    undone, turned = left.mH.contiguous(), right.mH.contiguous()
    if not wanted:
        for a, b in zip(reversed(undone.unbind()), reversed(turned.unbind()), strict=True):
            _close(gradient, entangler)
            torch.bmm(parities, b, out=middle_parities)
            torch.mm(a, middle_rows, out=rows)
        return gradient, None, None
    left_gradient, right_gradient = torch.empty_like(left), torch.empty_like(turned)
    states, between = states.clone(), torch.empty_like(states)
    (state_rows, state_parities), (between_rows, between_parities) = _views(states), _views(between)
    for layer in range(len(left) - 1, -1, -1):
        _close(gradient, entangler)
        _close(states, entangler)
        torch.bmm(state_parities, turned[layer], out=between_parities)
        torch.bmm(between_parities.mH, parities, out=right_gradient[layer])
        torch.bmm(parities, turned[layer], out=middle_parities)
        torch.mm(undone[layer], between_rows, out=state_rows)
        torch.mm(middle_rows, state_rows.mH, out=left_gradient[layer])
        torch.mm(undone[layer], middle_rows, out=rows)
    return gradient, left_gradient, right_gradient


def _views(states: Tensor) -> tuple[Tensor, Tensor]:
    """(p, 2**a / p, batch, 2**b) as the left products take it, (2**a, …), and the right ones, (p, …, 2**b)."""
    return states.flatten(0, 1).flatten(1), states.flatten(1, 2)


def _close(states: Tensor, entangler: Entangler) -> None:
    """CNOT from the last wire to the first of a ring, in place, its own inverse; a ring has at least three wires."""
    if entangler != "cnot_ring":
        return
    n_parities, n_rows, _, n_columns = states.shape
    if n_parities * n_rows * n_columns > 4:
        # the first wire is the highest bit of the row: half of all rows on, or of those of one parity
        across = (n_rows // 2, 1) if n_rows > 1 else (1, 0)
        states[..., 1::2] = states[..., 1::2].roll(*across)
