"""The variational classifier as a torch module: layers while it trains, collapsed where that is faster.

Three ways lead to the same expectation values. On a CPU in float32 the layers run in the fast kernel, elsewhere (GPU,
float64) as matrix products. With fixed angles the circuit collapses (``qaml.quantum.collapse``), which makes every
further input cheaper, but takes as long as running d inputs through the layers. So layers are run until as many inputs
have come at the same angles; the total is then at most twice that of the better choice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from qaml.errors import DataError
from qaml.models.capabilities import Run
from qaml.models.quadratic.network import is_same, quadratic_forms
from qaml.quantum.channels import ChannelPart
from qaml.quantum.circuit import layered as layered_circuit
from qaml.quantum.collapse import Collapsed, observables, signs
from qaml.quantum.layered import network as layered
from qaml.quantum.noise.evolution import noisy_observables
from qaml.quantum.noise.shots import largest_spread, shots_needed
from qaml.quantum.statevector import network as statevector
from qaml.quantum.statevector.readout import z_signs
from qaml.types import DoubleArray, Split


class _Path(NamedTuple):
    """One way to run the layers, as functions of (amplitudes, angles, m) and of (angles, number of columns)."""

    expectations: Callable[[Tensor, Tensor, int], Tensor]
    unitary_columns: Callable[[Tensor, int], Tensor]


_FAST = _Path(layered.expectations, layered.unitary_columns)
_GENERAL = _Path(statevector.layered_expectations, statevector.layered_unitary_columns)

LAYERS_WORTH_A_COLUMN = 12
"""A collapsed gradient multiplies 8dN floats an input, the layers about 100 a layer and amplitude (there, and back for
the input): collapsing gains beyond d/12 layers. Measured on 784 pixels: equal at about 70."""


class _Fixed:
    """The state of the circuit at given angles: the number of inputs so far, and its collapse once it is computed."""

    def __init__(self, angles: Tensor) -> None:
        self.angles = angles
        self.n_seen = 0
        self.collapsed: Collapsed | None = None


class VariationalClassifier(nn.Module):
    """Logits s⟨Z_k⟩ of a layered circuit on an amplitude-encoded input (West et al. 2022, eqs. 3 and 4).

    Args:
        n_features: number d of coordinates of an input, at most 2**n_wires.
        n_classes: number m of classes; Z is measured on the first m wires.
        n_wires: number n of wires.
        n_layers: number L of layers, each a general rotation of every wire and an open chain of CZ.
        logit_scale: s.
    """

    def __init__(self, n_features: int, n_classes: int, n_wires: int, n_layers: int, logit_scale: float = 1.0) -> None:
        super().__init__()
        self.n_features = n_features
        self.n_classes = n_classes
        self.logit_scale = logit_scale
        self.angles = nn.Parameter(2 * math.pi * torch.rand(n_layers, n_wires, 3))
        self._fixed: _Fixed | None = None

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, …) → logits (batch, n_classes) in [−s, s]; zero where the input is zero."""
        return self.logit_scale * self.expectations(inputs)

    def expectations(self, inputs: Tensor) -> Tensor:
        """⟨Z_k⟩: (batch, …) → (batch, n_classes)."""
        amplitudes = statevector.normalised(inputs.flatten(1))
        if self._is_fixed() and self._is_worth_collapsing(amplitudes):
            collapsed: Tensor = self.collapsed()(amplitudes)
            return collapsed
        return self._path().expectations(amplitudes, self.angles, self.n_classes)

    def runnable(self) -> Run:
        """The circuit at its present angles, and the logits s⟨Z_k⟩."""
        n_layers, n_wires, _ = self.angles.shape
        circuit = layered_circuit(n_wires, n_layers, self.n_classes)

        def logits(shares: Tensor) -> Tensor:
            return self.logit_scale * (shares @ z_signs(shares.shape[1], circuit.observables, shares))

        return Run(circuit, self.angles.detach().flatten(), circuit.observables, logits)

    def _path(self) -> _Path:
        is_fast = self.angles.device.type == "cpu" and self.angles.dtype == torch.float32
        return _FAST if is_fast else _GENERAL

    def _is_fixed(self) -> bool:
        return not (self.training or (self.angles.requires_grad and torch.is_grad_enabled()))

    def _is_worth_collapsing(self, amplitudes: Tensor) -> bool:
        if len(self.angles) * LAYERS_WORTH_A_COLUMN <= self.n_features:
            return False
        fixed = self._at_present_angles()
        fixed.n_seen += len(amplitudes) * (2 if torch.is_grad_enabled() and amplitudes.requires_grad else 1)
        return fixed.n_seen > self.n_features

    def _at_present_angles(self) -> _Fixed:
        # angles are compared, not their versions: a fused optimiser writes to them and counts no version
        angles = self.angles.detach()
        if self._fixed is None or not is_same(self._fixed.angles, angles):
            self._fixed = _Fixed(angles.clone())
        return self._fixed

    def collapsed(self) -> Collapsed:
        """The circuit at its present angles, in their precision; made once, and again whenever they change."""
        fixed = self._at_present_angles()
        if fixed.collapsed is None:
            with torch.no_grad():
                columns = self._path().unitary_columns(fixed.angles, self.n_features)
            fixed.collapsed = Collapsed(columns, signs(self.angles.shape[1], self.n_classes))
        return fixed.collapsed

    @torch.no_grad()
    def observables(self) -> Tensor:
        """O_k with ⟨Z_k⟩ = xᵀO_kx/‖x‖², (n_classes, d, d) float64, computed in float64."""
        columns = statevector.layered_unitary_columns(self.angles.double(), self.n_features)
        return observables(columns, signs(self.angles.shape[1], self.n_classes))

    @torch.no_grad()
    def shots_needed(self, inputs: Tensor) -> DoubleArray:
        """Shots until the sampled argmax is the exact one with 99 %, (batch, …) → (batch,); see ``noise.shots``."""
        return _shots(self.expectations(inputs))


class NoisyClassifier(nn.Module):
    """A classifier with logits s·xᵀO_kx/‖x‖² from observables evolved backwards through noise, in float64.

    Args:
        matrices: (n_classes, d, d) float64.
        logit_scale: s.
    """

    def __init__(self, matrices: Tensor, logit_scale: float) -> None:
        super().__init__()
        self.logit_scale = logit_scale
        self.matrices: Tensor
        self.register_buffer("matrices", matrices)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, …) → logits (batch, n_classes), float64: noise may leave them far below float32's precision."""
        return self.logit_scale * self.expectations(inputs)

    def expectations(self, inputs: Tensor) -> Tensor:
        """⟨Z_k⟩ behind the noise: (batch, …) → (batch, n_classes) float64."""
        amplitudes = statevector.normalised(inputs.flatten(1).double())
        return quadratic_forms(self.matrices, amplitudes)

    def observables(self) -> Tensor:
        """O_k with ⟨Z_k⟩ = xᵀO_kx/‖x‖², (n_classes, d, d) float64."""
        return self.matrices

    @torch.no_grad()
    def shots_needed(self, inputs: Tensor) -> DoubleArray:
        """Shots until the sampled argmax is the exact one with 99 %, (batch, …) → (batch,); see ``noise.shots``."""
        return _shots(self.expectations(inputs))


def noisy_classifier(module: VariationalClassifier, channels: Sequence[ChannelPart]) -> NoisyClassifier:
    """The trained circuit with channels on every wire after every layer; a new module, the given one is unchanged."""
    angles = module.angles.detach().double().cpu().numpy()
    matrices = noisy_observables(angles, module.n_classes, tuple(channels), module.n_features)
    return NoisyClassifier(torch.from_numpy(matrices).to(module.angles.device), module.logit_scale)


def refuse_zero_inputs(data: Split) -> None:
    """Refuse training inputs for which amplitude encoding has no state.

    Raises:
        DataError: an input is zero everywhere.
    """
    is_zero = ~data.inputs.reshape(len(data), -1).any(axis=1)
    if is_zero.any():
        first = int(data.indices[int(np.argmax(is_zero))])
        raise DataError(
            f"{int(is_zero.sum())} training inputs are zero everywhere (the first is number {first}): "
            "amplitude encoding has no state for them",
            "binarise at a lower threshold, or leave them out",
        )


def _shots(expectations: Tensor) -> DoubleArray:
    top = expectations.double().topk(2, dim=1).values.cpu().numpy()
    return shots_needed(top[:, 0] - top[:, 1], largest_spread(top[:, 0], top[:, 1])).estimated
