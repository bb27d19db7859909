"""A circuit with fixed angles, collapsed to the action of its layers on an amplitude-encoded input.

The circuit does not depend on its input, so with C the first d rows of Uᵀ (row j is U|j⟩) and real amplitudes x

    ⟨Z_k⟩ = Σ_n z_kn |(xC)_n|² = xᵀ O_k x,   O_k = Re(C* diag(z_k) Cᵀ).

Other z_kn make other observables: a parity, or a probability, where it is 1 for some n and 0 for the others. Both forms
cost the same at any depth: the first 4·d·N multiplications for values and input gradients (N = 2ⁿ, real and
imaginary parts, there and back), the second m·d² for both at once, because its products O_k x are half the gradient.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from qaml.autograd import differentiable


def signs(n_wires: int, n_observables: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """z_kn, the value of Z on wire k in basis state n: (n_observables, 2**n_wires)."""
    basis = torch.arange(2**n_wires)
    shifts = n_wires - 1 - torch.arange(n_observables)
    return (1 - 2 * ((basis >> shifts[:, None]) & 1)).to(dtype)


def parts(columns: Tensor) -> Tensor:
    """Real and imaginary parts side by side: complex (d, N) → real (d, 2N)."""
    return torch.cat((columns.real, columns.imag), dim=1)


def observables(columns: Tensor, diagonals: Tensor) -> Tensor:
    """O_k = Re(U†D_kU) on the first d basis states.

    Args:
        columns: (d, N) complex, row j is U|j⟩.
        diagonals: (m, N) the values of D_k in the basis states, such as ``signs``.

    Returns:
        (m, d, d), real and symmetric, of the columns' precision.
    """
    both = parts(columns)
    doubled = diagonals.to(both).repeat(1, 2)
    return torch.stack([(both * row) @ both.T for row in doubled])


class _QuadraticForms(torch.autograd.Function):
    """xᵀO_kx with the gradient 2 Σ g_k O_k x from the products of the forward pass."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, matrices: Tensor) -> Tensor:
        n_matrices, d, _ = matrices.shape
        products = (inputs @ matrices.reshape(n_matrices * d, d).T).reshape(-1, n_matrices, d)
        ctx.save_for_backward(products)
        return torch.einsum("bkd,bd->bk", products, inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (products,) = ctx.saved_tensors
        return 2 * torch.einsum("bk,bkd->bd", gradients[0], products), None


class Collapsed(nn.Module):
    """Expectation values of a circuit with fixed angles, at a cost that does not depend on its depth.

    Args:
        columns: (d, N) complex, row j is U|j⟩; its precision is that of the results.
        diagonals: (m, N) the values of the observables in the basis states, such as ``signs``.
    """

    def __init__(self, columns: Tensor, diagonals: Tensor) -> None:
        super().__init__()
        d, n_amplitudes = columns.shape
        self.is_quadratic = len(diagonals) * d < 4 * n_amplitudes
        self.matrices: Tensor
        self.diagonals: Tensor
        if self.is_quadratic:
            self.register_buffer("matrices", observables(columns, diagonals))
        else:
            self.register_buffer("matrices", parts(columns).contiguous())
            self.register_buffer("diagonals", diagonals.to(self.matrices).repeat(1, 2).T.contiguous())

    def forward(self, amplitudes: Tensor) -> Tensor:
        """Normalised real amplitudes (batch, d) → (batch, m)."""
        if not self.is_quadratic:
            return (amplitudes @ self.matrices).square() @ self.diagonals
        return differentiable(_QuadraticForms, amplitudes, self.matrices)
