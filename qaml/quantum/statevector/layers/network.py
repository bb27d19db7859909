"""Layers of rotations and an entangler as two matrix products a layer, in memory that does not grow with depth.

A state is kept as 2**a rows of (batch, 2**b), its first a = n // 2 wires in front of the batch and the other b behind
it, even rows before odd ones. A layer multiplies by the Kronecker products of the rotations from the left and from the
right, each one product for the whole batch. Of the entangler, CZs within a half are signs of the products' rows, and
CNOTs within a half permute the rows of this layer's left and the columns of the next layer's right product; the gate
between the halves acts on odd rows only, which therefore have a right product of their own.

A chain of CNOTs turns bit i of the basis index into the parity of the bits up to i, first wire first, so the state that
ends at index j was at j ⊕ (j ≫ 1), the Gray code of j.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from qaml.errors import PartError
from qaml.quantum.circuit import Entangler, entangling_gates
from qaml.quantum.statevector.gates.network import rot
from qaml.quantum.statevector.readout.network import z_expectations

FEW_WIRES = 4
"""Up to here a circuit's whole unitary is made."""


def layered_expectations(amplitudes: Tensor, weights: Tensor, n_observables: int) -> Tensor:
    """⟨Z⟩ of the first wires behind the layers of ``qaml.quantum.circuit.layered`` with a chain of CZ.

    Gradients are for both arguments and of first order; weights that need none cost none.

    Args:
        amplitudes: (batch, d ≤ 2**n), float32 or float64, normalised; missing amplitudes are zero.
        weights: (n_layers, n, 3), the angles (φ, θ, ω) of Rot.
        n_observables: at most n.

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
    """The same by the circuit's whole unitary, (2**n, 2**n): on few wires a layer costs more to call than to compute.

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
    """The same layer by layer, two products each: states (batch, 2**n) complex, rotations (n_layers, n, 2, 2)."""
    left, right = _halves(rotations, entangler)
    after: Tensor = _Layers.apply(_split(states, left, right), left, right, entangler)  # type: ignore[no-untyped-call]
    if entangler != "cz_chain" and len(left):
        after = after.index_select(3, _gray(torch.arange(after.shape[3], device=after.device)))
    return after.permute(2, 1, 0, 3).flatten(1)


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
    left, right = _halves(rotations, entangler)
    seen = _split(signs[None], left, right).squeeze(2)
    if entangler != "cz_chain" and len(left):  # columns stay as the last layer leaves them, the signs move instead
        seen = seen[..., torch.argsort(_gray(torch.arange(seen.shape[2], device=seen.device)))]
    halves = _split(states.to(rotations.dtype), left, right)
    found: Tensor = _Expectations.apply(halves, left, right, entangler, seen)  # type: ignore[no-untyped-call]
    return found


def _halves(rotations: Tensor, entangler: Entangler) -> tuple[Tensor, Tensor]:
    """What a layer multiplies by from the left, (n_layers, 2**a, 2**a), rows and columns even first, and from the
    right, (n_layers, 2, 2**b, 2**b): even rows by the first, odd ones by what the gate between the halves makes of it.
    """  # noqa: D205
    n_left = rotations.shape[1] // 2
    left, right = kronecker(rotations[:, :n_left]), kronecker(rotations[:, n_left:])
    rows, columns = (torch.arange(part.shape[-1], device=part.device) for part in (left, right))
    half = len(columns) // 2
    if entangler == "cz_chain":
        left, right = left * _pair_signs(rows)[:, None], right * _pair_signs(columns)[:, None]
        joined = right * (1 - 2 * (columns >= half).to(rows.dtype))[:, None]
    else:
        left = left[:, _gray(rows)]
        right = torch.cat((right[:1], right[1:, :, torch.argsort(_gray(columns))]))
        joined = right.roll(half, 1)
    if len(rows) == 1:
        return left, right[:, None]
    n, evens = len(left), len(rows) // 2
    even_first = left.reshape(n, evens, 2, evens, 2).permute(0, 2, 1, 4, 3).reshape(left.shape)
    return even_first, torch.stack((right, joined), 1)


def _split(states: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """(batch, 2**n) → (2, 2**a / 2, batch, 2**b): even rows, then odd ones."""
    n_parities = right.shape[1]
    n_rows = left.shape[-1] // n_parities
    return states.reshape(len(states), n_rows, n_parities, right.shape[-1]).permute(2, 1, 0, 3)


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
    """What an entangler makes of the basis: E|j⟩ = signs[j] |index[j]⟩, both (2**n_wires,); not to be changed."""
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
    k = rotations.shape[-3]
    product = rotations.new_ones(*rotations.shape[:-3], 1, 1)
    for wire in range(k):
        pairs = product[..., :, None, :, None] * rotations[..., wire, None, :, None, :]
        product = pairs.reshape(*rotations.shape[:-3], 2 ** (wire + 1), 2 ** (wire + 1))
    return product


def _pair_signs(index: Tensor) -> Tensor:
    """What the CZs between neighbours make of basis states: −1 for an odd number of pairs 11."""
    pairs, n_pairs = index & (index >> 1), torch.zeros_like(index)
    while bool(pairs.any()):
        n_pairs, pairs = n_pairs + (pairs & 1), pairs >> 1
    return 1 - 2 * (n_pairs & 1)


def _gray(index: Tensor) -> Tensor:
    return index ^ (index >> 1)


class _Layers(torch.autograd.Function):
    """X ← E(A_l X B_lᵀ) for every layer l, uncomputed on the way back, since A_l and B_l are unitary."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, left: Tensor, right: Tensor, entangler: Entangler) -> Tensor:
        """(2, 2**a / 2, batch, 2**b), left and right as ``_halves`` makes them → as the first."""
        states = _through(states, left, right, entangler)
        ctx.save_for_backward(states, left, right)
        ctx.entangler = entangler
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None, None]:
        """The states' gradient steps back."""
        states, left, right = ctx.saved_tensors
        wanted = any(ctx.needs_input_grad[1:])
        return *_back(states, gradient.contiguous().clone(), left, right, ctx.entangler, wanted), None


class _Expectations(torch.autograd.Function):
    """Σ signs |X|² of X behind the layers, whose gradient in X is 2 signs X."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, left: Tensor, right: Tensor, entangler: Entangler, signs: Tensor) -> Tensor:
        """As of ``_Layers``, and signs (2, 2**a / 2, 2**b) → (batch,)."""
        states = _through(states, left, right, entangler)
        ctx.save_for_backward(states, left, right, signs)
        ctx.entangler = entangler
        parts = torch.view_as_real(states).square().sum(4)
        return (parts * signs[:, :, None]).sum((0, 1, 3))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None, None, None]:
        """The states' gradient begins at the observable and steps back."""
        states, left, right, signs = ctx.saved_tensors
        wanted = any(ctx.needs_input_grad[1:3])
        first = states * (2 * signs[:, :, None] * gradient[None, None, :, None])
        return *_back(states, first, left, right, ctx.entangler, wanted), None, None


def _through(states: Tensor, left: Tensor, right: Tensor, entangler: Entangler) -> Tensor:
    states = states.contiguous()
    for a, b in zip(left.unbind(), right.mT.unbind(), strict=True):
        states = _close(_from_right(_from_left(a, states), b), entangler)
    return states


def _back(
    states: Tensor, gradient: Tensor, left: Tensor, right: Tensor, entangler: Entangler, wanted: bool
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """The gradient in front of the layers steps back like the states do; a matrix' gradient is the product of the two.

    Args:
        states: behind the layers; kept as they are.
        gradient: of these, overwritten.
        left: of every layer.
        right: of every layer.
        entangler: of every layer.
        wanted: whether the matrices' gradients are.
    """
    states = states.clone() if wanted and entangler == "cnot_ring" else states
    left_gradient, right_gradient = torch.empty_like(left), torch.empty_like(right)
    undone, turned = left.mH.contiguous().unbind(), right.conj().resolve_conj().unbind()
    for layer in range(len(left) - 1, -1, -1):
        after = _close(gradient, entangler)
        middle = _from_right(after, turned[layer])
        gradient = _from_left(undone[layer], middle)
        if wanted:
            states = _from_right(_close(states, entangler), turned[layer])
            right_gradient[layer] = (states.flatten(1, 2).mH @ after.flatten(1, 2)).mT
            states = _from_left(undone[layer], states)
            left_gradient[layer] = middle.flatten(0, 1).flatten(1) @ states.flatten(0, 1).flatten(1).mH
    return gradient, left_gradient if wanted else None, right_gradient if wanted else None


def _from_left(matrix: Tensor, states: Tensor) -> Tensor:
    return (matrix @ states.view(len(matrix), -1)).view(states.shape)


def _from_right(states: Tensor, matrices: Tensor) -> Tensor:
    return torch.bmm(states.view(len(matrices), -1, matrices.shape[-1]), matrices).view(states.shape)


def _close(states: Tensor, entangler: Entangler) -> Tensor:
    """CNOT from the last wire to the first of a ring, in place, its own inverse; a ring has at least three wires.

    Behind the right half's chain the last wire holds the parity of the columns that have not been permuted yet.
    """
    if entangler != "cnot_ring":
        return states
    n_parities, n_rows, _, n_columns = states.shape
    parity = torch.arange(n_columns, device=states.device)
    shift = 1
    while shift < n_columns:
        parity, shift = parity ^ (parity >> shift), 2 * shift
    if n_parities * n_rows > 1 and n_parities * n_rows * n_columns > 4:
        odd = (parity & 1).nonzero().squeeze(1)
        # the first wire is the highest bit of the row: half of all rows on, or of those of one parity
        across = (n_rows // 2, 1) if n_rows > 1 else (1, 0)
        states[..., odd] = states[..., odd].roll(*across)
    return states
