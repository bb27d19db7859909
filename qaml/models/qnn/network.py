"""The layered quantum neural network as a torch module."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from qaml.models.noise_layers.network import NoiseLayers
from qaml.models.noise_layers.part import NoiseLayers as NoiseSettings
from qaml.models.one_wire.network import Encoding, Noise, OneWireClassifier
from qaml.quantum.averaged import averaged_observable
from qaml.quantum.channels import ChannelPart
from qaml.quantum.circuit import Angle, Entangler, Gate, Operation, entangling_gates
from qaml.quantum.statevector.gates import rot, ry
from qaml.quantum.statevector.layers import FEW_WIRES, product_expectations, product_states, sampled_states
from qaml.quantum.statevector.readout import z_signs


class QuantumNeuralNetwork(OneWireClassifier):
    """One measured wire behind layers of rotations and CNOTs (Huang & Zhang 2023, figure 3a).

    Args:
        n_wires: number n of wires.
        n_layers: number P of layers, each an arbitrary rotation of every wire and the entangler.
        encoding: encoding of the inputs.
        entangler: the entangler of every layer.
        readout: the measured wire.
        noise: the noise layers' settings, or none.
        channels: noise on every wire after every layer.
    """

    def __init__(
        self,
        n_wires: int,
        n_layers: int,
        encoding: Encoding,
        entangler: Entangler,
        readout: int,
        noise: NoiseSettings | None = None,
        channels: Sequence[ChannelPart] = (),
    ) -> None:
        layers = None if noise is None else NoiseLayers(noise, n_layers, n_wires)
        super().__init__(n_wires, encoding, readout, layers, channels)
        self.entangler: Entangler = entangler
        self.angles = nn.Parameter(2 * math.pi * torch.rand(n_layers, n_wires, 3))

    @property
    def weights(self) -> Tensor:
        """The angles (φ, θ, ω) of Rot, (n_layers, n, 3)."""
        return self.angles

    def operations(self, noise: Noise) -> Iterator[Operation]:
        """The circuit's gates, layer by layer."""
        wires = range(self.n_wires)
        is_before = self.noise is not None and self.noise.settings.position == "before"
        for layer in range(len(self.angles)):
            if is_before:
                yield from self.noise_operations(layer, wires, noise)
            for wire in wires:
                first = 3 * (layer * self.n_wires + wire)
                yield Gate("rot", (wire,), tuple(Angle("weight", first + i) for i in range(3)))
            yield from entangling_gates(self.entangler, self.n_wires)
            yield from self.channel_operations(wires)
            if not is_before:
                yield from self.noise_operations(layer, wires, noise)

    def run(self, states: Tensor) -> Tensor:
        """States behind the layers: (batch, 2**n) → the same shape, complex."""
        return product_states(states, self._rotations(states.real.dtype), self.entangler)

    def drawn(self, states: Tensor, draws: Tensor) -> tuple[Tensor, Tensor | None]:
        """The circuit for angles of the noise layers, (n_layers, n) or (batch, n_layers, n)."""
        rotations, last = self._turned(states, draws)
        run = product_states if draws.ndim == 2 else sampled_states
        return run(states, rotations, self.entangler), last

    def plain_expectations(self, states: Tensor) -> Tensor:
        """⟨Z⟩ without noise layers: (batch,)."""
        return self._behind(states, self._rotations(states.real.dtype))

    def drawn_expectations(self, states: Tensor, draws: Tensor) -> Tensor:
        """⟨Z⟩ for given angles of the noise layers: (batch,)."""
        rotations, last = self._turned(states, draws)
        if last is None and draws.ndim == 2:
            return self._behind(states, rotations)
        return super().drawn_expectations(states, draws)

    def _behind(self, states: Tensor, rotations: Tensor) -> Tensor:
        """⟨Z⟩ behind rotations that all samples share, on many wires without the states in between."""
        if self.n_wires <= FEW_WIRES:
            return self.measured(product_states(states, rotations, self.entangler))
        signs = z_signs(states.shape[1], [self.readout], states.real)[:, 0]
        return product_expectations(states, rotations, self.entangler, signs)

    def _turned(self, states: Tensor, draws: Tensor) -> tuple[Tensor, Tensor | None]:
        """Every layer's rotations with its draws, and the angles of a last turn of the measured wire."""
        assert self.noise is not None, "only a circuit with noise layers has draws"
        rotations = self._rotations(states.real.dtype)
        turns = ry(draws).to(rotations.dtype)
        if self.noise.settings.position == "before":
            return rotations @ turns, None
        # after a layer's entangler is before the next layer's rotations; of the last turns, the measured wire's
        first = torch.eye(2, dtype=turns.dtype, device=turns.device).expand_as(turns[..., :1, :, :, :])
        return rotations @ torch.cat((first, turns[..., :-1, :, :, :]), -4), draws[..., -1, self.readout]

    def averaged_observable(self, channels: Sequence[ChannelPart] = ()) -> Tensor:
        """O averaged over the draws of noise layers that draw, with channels after every layer."""
        flips = torch.zeros(len(self.angles), dtype=torch.float64, device=self.angles.device)
        position = "before" if self.noise is None else self.noise.settings.position
        if self.noise is not None and self.noise.is_drawing:
            flips = self.noise.flips()
        rotations = self._rotations(torch.float64)
        every = (*self.channels, *channels)
        return averaged_observable(rotations, flips, self.entangler, position, self.readout, every)

    def _rotations(self, dtype: torch.dtype) -> Tensor:
        return rot(*self.angles.to(dtype).unbind(-1))
