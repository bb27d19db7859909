"""Quadratic classifiers as torch modules."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class FreeQuadratic(nn.Module):
    """Logits xᵀA_kx + b_k·x + c_k, one matrix a class."""

    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.matrices = nn.Parameter(torch.randn(n_classes, n_features, n_features) * 0.1 / n_features)
        self.affine = nn.Linear(n_features, n_classes)

    def symmetric_matrices(self) -> Tensor:
        """The symmetric matrices that the quadratic terms depend on, (n_classes, n_features, n_features)."""
        return (self.matrices + self.matrices.mT) / 2

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, …) → logits (batch, n_classes)."""
        flat = inputs.flatten(1)
        logits: Tensor = quadratic_forms(self.matrices, flat) + self.affine(flat)
        return logits


class BoundedQuadratic(nn.Module):
    """Logits xᵀO_kx/‖x‖² with O_k = 2(I + K_kᵀK_k)⁻¹ − I.

    An eigenvalue s² of KᵀK becomes (1 − s²)/(1 + s²), so the eigenvalues of O_k lie in (−1, 1] for every K_k, every
    symmetric matrix with such eigenvalues is reached, and no projection is needed in training.
    """

    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__()
        # a random rotation has KᵀK = I, hence O = 0: training starts undecided, with the largest gradients
        noise = torch.randn(n_classes, n_features, n_features)
        self.factors = nn.Parameter((torch.linalg.qr(noise)[0] + 0.01 * noise / n_features**0.5).contiguous())
        self._constant: tuple[Tensor, Tensor] | None = None

    def observables(self) -> Tensor:
        """O_k, (n_classes, n_features, n_features), symmetric with spectral norm at most 1."""
        identity = torch.eye(self.factors.shape[-1], dtype=self.factors.dtype, device=self.factors.device)
        factor = torch.linalg.cholesky(identity + self.factors.mT @ self.factors)
        return 2 * torch.cholesky_inverse(factor) - identity

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, …) → logits (batch, n_classes) in [−1, 1]; zero where the input is zero.

        In evaluation mode the factors are constants and get no gradient.
        """
        flat = inputs.flatten(1)
        squared_norm = flat.square().sum(1, keepdim=True).clamp_min(torch.finfo(flat.dtype).tiny)
        return (
            quadratic_forms(self.observables() if self.training else self._constant_observables(), flat) / squared_norm
        )

    def _constant_observables(self) -> Tensor:
        # an attack evaluates thousands of logits at the same weights; on 784 pixels the inverses take 50 times the
        # rest. Weights are compared, not versions: a fused optimiser writes to them and counts no version
        factors = self.factors.detach()
        if self._constant is None or not is_same(self._constant[0], factors):
            self._constant = (factors.clone(), self.observables().detach())
        return self._constant[1]


def is_same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same values, precision and device."""
    return one.dtype == other.dtype and one.device == other.device and torch.equal(one, other)


def quadratic_forms(matrices: Tensor, inputs: Tensor) -> Tensor:
    """xᵀA_kx: matrices (k, d, d), inputs (batch, d) → (batch, k)."""
    k, d, _ = matrices.shape
    products = inputs @ matrices.reshape(k * d, d).T
    return torch.einsum("bkd,bd->bk", products.reshape(-1, k, d), inputs)
