"""Circuits over patches as a layer of a network, as torch modules; all patches of a batch are one batch of circuits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import unfold
from torch.utils.checkpoint import checkpoint

from qaml.models.behind import Behind
from qaml.models.capabilities import Sketch
from qaml.models.circuit.network import CircuitClassifier

MOST_AMPLITUDES = 2**24
"""Most amplitudes of states that are computed at once: 128 MB of them."""
MOST_ENTRIES = 2**18
"""Most entries of density matrices that are computed at once: 2 MB after each gate, all kept for a gradient."""


class Patches(nn.Module):
    """Circuits over the patches of images: (batch, channels, height, width) → (batch, values, down, across).

    Args:
        circuits: one a filter, of equal numbers of values.
        kernel: height and width of a patch.
        stride: distances of neighbouring patches, down and across.
        depthwise: whether a patch has one channel; the values of the first channel then come before the second's.
    """

    def __init__(
        self,
        circuits: Iterable[CircuitClassifier],
        kernel: tuple[int, int],
        stride: tuple[int, int],
        *,
        depthwise: bool,
    ) -> None:
        super().__init__()
        self.circuits = nn.ModuleList(circuits)
        self.kernel = kernel
        self.stride = stride
        self.depthwise = depthwise

    def forward(self, images: Tensor) -> Tensor:
        """Values of every circuit on every patch."""
        batch, channels, *sides = images.shape
        apart = channels if self.depthwise else 1
        columns = unfold(images.reshape(batch * apart, channels // apart, *sides), self.kernel, stride=self.stride)
        rows = columns.transpose(1, 2).flatten(0, 1)
        values = torch.cat([self._values(circuit, rows) for circuit in self.circuits], 1)
        maps = values.reshape(len(columns), -1, values.shape[1]).transpose(1, 2)
        places = [(side - k) // s + 1 for side, k, s in zip(sides, self.kernel, self.stride, strict=True)]
        return maps.reshape(batch, apart * values.shape[1], *places)

    def _values(self, circuit: nn.Module, rows: Tensor) -> Tensor:
        assert isinstance(circuit, CircuitClassifier)
        n_wires = circuit.lowered.circuit.n_wires
        if circuit.noise is None:
            return torch.cat([circuit.values(part) for part in torch.split(rows, MOST_AMPLITUDES >> n_wires)])
        parts = torch.split(rows, MOST_ENTRIES >> 2 * n_wires)
        again: dict[str, Any] = {"use_reentrant": False, "preserve_rng_state": False}  # computed anew for the gradient
        return torch.cat([checkpoint(circuit.values, part, **again) for part in parts])


class QuanvolutionalNetwork(Behind):
    """A classifier of the values of circuits over patches.

    Args:
        patches: the circuits.
        classifier: the network behind them.
    """

    def __init__(self, patches: Patches, classifier: nn.Module) -> None:
        super().__init__()
        self.patches = patches
        self.classifier = classifier

    def sketch(self, noise: Literal["none", "draws"] = "none") -> Sketch:  # noqa: ARG002
        """The first circuit as it is drawn, its features the pixels of a patch."""
        first = self.patches.circuits[0]
        assert isinstance(first, CircuitClassifier)
        height, width = self.patches.kernel
        patch = (first.n_features // (height * width), height, width)
        return first.sketch()._replace(patch=patch, n_filters=len(self.patches.circuits))

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, height, width) → logits (batch, n_classes)."""
        logits: Tensor = self.classifier(self.patches(inputs))
        return logits
