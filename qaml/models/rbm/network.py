"""The RBM as a differentiable classifier."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from qaml.models.rbm.part import RBM
from qaml.types import InputInfo

# In float64 softplus must not turn linear at 20, where it is still 2e-9 off.
_LINEAR_FROM = 40.0


class RBMClassifier(nn.Module):
    """A machine E(v, h) = −b·v − c·h − vᵀWh whose visible units are the pixels followed by a one-hot label.

    Kehoe et al. 2021, eqs. 6, 7 and 10. Computes in its parameters' dtype.

    Args:
        n_pixels: number of visible units that hold the flattened input.
        n_classes: number of visible units that hold the label.
        n_hidden: number of hidden units.

    Attributes:
        weights: W, (n_pixels + n_classes, n_hidden).
        visible_bias: b, (n_pixels + n_classes,).
        hidden_bias: c, (n_hidden,).
    """

    def __init__(self, n_pixels: int, n_classes: int, n_hidden: int) -> None:
        super().__init__()
        self.n_pixels = n_pixels
        self.n_classes = n_classes
        n_visible = n_pixels + n_classes
        self.weights = nn.Parameter(torch.zeros(n_visible, n_hidden))
        self.visible_bias = nn.Parameter(torch.zeros(n_visible))
        self.hidden_bias = nn.Parameter(torch.zeros(n_hidden))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits −F(x, y) of every label y, (batch, n_classes), for inputs (batch, …) in [0, 1].

        The softmax over labels is the machine's own P(y | x).
        """
        pixels = inputs.flatten(1)
        pixel_weights, label_weights = self.weights[: self.n_pixels], self.weights[self.n_pixels :]
        pixel_bias, label_bias = self.visible_bias[: self.n_pixels], self.visible_bias[self.n_pixels :]
        activations = torch.addmm(self.hidden_bias, pixels, pixel_weights)
        hidden = softplus(activations[:, None, :] + label_weights, threshold=_LINEAR_FROM).sum(-1)
        return hidden + label_bias + (pixels @ pixel_bias)[:, None]

    def features(self, inputs: Tensor) -> Tensor:
        """Hidden units' inputs without a label, c + xW, (batch, n_hidden): all that the labels' energies depend on.

        The pixels' biases are left out, because every label shares them.
        """
        weights = self.weights[: self.n_pixels]
        return torch.addmm(self.hidden_bias, inputs.flatten(1), weights)

    def free_energy(self, visible: Tensor) -> Tensor:
        """F(v) = −b·v − Σ_j log(1 + exp(c_j + Σ_i v_i w_ij)), (batch,), for visible units (batch, n_visible); eq. 7."""
        activations = torch.addmm(self.hidden_bias, visible, self.weights)
        return -(visible @ self.visible_bias) - softplus(activations, threshold=_LINEAR_FROM).sum(-1)


def build(part: RBM, info: InputInfo, seed: int) -> RBMClassifier:
    """An untrained machine: normal weights of deviation ``init_scale``, biases zero."""
    module = RBMClassifier(info.n_features, info.n_classes, part.hidden)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        module.weights.normal_(0.0, part.init_scale, generator=generator)
    return module
