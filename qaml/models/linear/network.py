"""A linear classifier as a torch module."""

from __future__ import annotations

from torch import Tensor, nn


class LinearClassifier(nn.Module):
    """Logits Wx + b.

    Two classes y and j meet at the hyperplane (W_y − W_j)·x + b_y − b_j = 0, so without bounds an input of class y is
    robust to ε exactly where its margin to every j exceeds ε‖W_y − W_j‖₁ in L∞, and ε‖W_y − W_j‖₂ in L2.
    """

    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.output = nn.Linear(n_features, n_classes)

    def affine_map(self) -> tuple[Tensor, Tensor]:
        """The weights W (n_classes, n_features) and biases b (n_classes,)."""
        return self.output.weight, self.output.bias

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, …) → logits (batch, n_classes)."""
        logits: Tensor = self.output(inputs.flatten(1))
        return logits
