"""Circuits that decide between two classes by one measured wire, with optional random rotations, as torch modules.

Without draws and with fixed angles a circuit is one observable O of its input state, ⟨Z⟩ = ψ†Oψ, so once as many inputs
have come as it takes to find O, further ones cost a quadratic form each.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from qaml.errors import PartError
from qaml.models.capabilities import Measured, Run, Sketch
from qaml.models.noise_layers.network import NoiseLayers
from qaml.models.quadratic.network import is_same
from qaml.quantum.channels import ChannelPart
from qaml.quantum.circuit import CHANNELS, Angle, Channel, Circuit, Gate, Operation, Source
from qaml.quantum.noise.shots import shots_needed
from qaml.quantum.statevector.network import normalised
from qaml.quantum.statevector.readout import z_signs
from qaml.types import DoubleArray

Encoding = Literal["amplitude", "angle"]
Noise = Literal["none", "draws", "average"]


class OneWireClassifier(nn.Module, ABC):
    """Logits log P(y), P = (1 ± ⟨Z⟩)/2 of one wire; their cross-entropy is −log P(y) (Lu et al. 2020).

    Args:
        n_wires: number n of wires.
        encoding: ``amplitude``: x/‖x‖ padded with zeros; ``angle``: RX(x_i) on wire i of |0…0⟩.
        readout: the measured wire.
        noise: the noise layers, or none.
        channels: noise after every layer, in training, too; then there are no noise layers, and ⟨Z⟩ is exact.
    """

    def __init__(
        self,
        n_wires: int,
        encoding: Encoding,
        readout: int,
        noise: NoiseLayers | None,
        channels: Sequence[ChannelPart] = (),
    ) -> None:
        super().__init__()
        self.n_wires = n_wires
        self.encoding: Encoding = encoding
        self.readout = readout
        self.noise = noise
        self.channels = tuple(channels)
        self._fixed: _Fixed | None = None

    @property
    @abstractmethod
    def weights(self) -> Tensor:
        """The trained angles of the circuit's gates."""

    @abstractmethod
    def run(self, states: Tensor) -> Tensor:
        """States behind the circuit without noise layers: (batch, 2**n), real or complex → complex."""

    @abstractmethod
    def drawn(self, states: Tensor, draws: Tensor) -> tuple[Tensor, Tensor | None]:
        """The circuit for given angles of the noise layers.

        Args:
            states: (batch, 2**n) at the circuit's beginning.
            draws: radians, (n_noise_layers, n) for all samples or (batch, n_noise_layers, n).

        Returns:
            States (batch, 2**n), but for a last RY of the measured wire, and that one's angles, if there is one;
            differentiable in states, draws and the circuit's angles.
        """

    @abstractmethod
    def averaged_observable(self, channels: Sequence[ChannelPart] = ()) -> Tensor:
        """O averaged over the draws of noise layers that draw, behind the circuit's channels and these: (2**n, 2**n)
        complex128, differentiable in the circuit's angles."""  # noqa: D205, D209

    @abstractmethod
    def operations(self, noise: Noise) -> Iterator[Operation]:
        """The gates behind the encoding, with noise layers as draws, as channels, or without them."""

    def described(self, noise: Noise = "none") -> Circuit:
        """The circuit as plain data, to be drawn, or run by PennyLane; its weights are ``weights``, flattened.

        Args:
            noise: ``draws``: RY of the draw l·n + w in noise layer l on wire w; ``average``: the Y they average to.
        """
        angles = self.encoding == "angle"
        encoding = [Gate("rx", (wire,), (Angle("feature", wire),)) for wire in range(self.n_wires) if angles]
        operations = (*encoding, *self.operations(noise))
        return Circuit(self.n_wires, "zero" if angles else "amplitude", operations, (self.readout,))

    def sketch(self, noise: Noise = "none") -> Sketch:
        """The circuit as it is drawn."""
        amplitudes = tuple(range(self.n_wires)) if self.encoding == "amplitude" else ()
        features: dict[Source, list[list[tuple[int, ...]]]] = {}
        if not amplitudes:
            features["feature"] = [[(wire,)] for wire in range(self.n_wires)]
        return Sketch(self.described(noise), Measured(((self.readout,),), is_log=True), amplitudes, features)

    def runnable(self) -> Run:
        """The circuit without noise at its present angles, and the logits of ⟨Z⟩.

        Raises:
            PartError: noise layers draw, or channels disturb it.
        """
        if self.is_randomised or self.channels:
            raise PartError("the circuit has noise of its own, and a device is given gates alone")
        circuit = self.described("none")
        weights = self.weights.detach().flatten()
        return Run(circuit, weights, (self.readout,), lambda shares: self.logits_of(shares[:, 0] - shares[:, 1]))

    def channel_operations(self, wires: Iterable[int]) -> Iterator[Operation]:
        """The circuit's own channels behind one layer, as far as they act on single wires and have a name there."""
        for channel in self.channels:
            if channel.kind in CHANNELS:
                values = tuple(channel.model_dump(exclude={"kind"}).values())
                yield from (Channel(channel.kind, (wire,), values) for wire in wires)

    def noise_operations(self, layer: int, wires: Iterable[int], noise: Noise) -> Iterator[Operation]:
        """One noise layer."""
        if noise == "draws":
            yield from (Gate("ry", (wire,), (Angle("draw", layer * self.n_wires + wire),)) for wire in wires)
        elif noise == "average":
            assert self.noise is not None, "only a circuit with noise layers has an average"
            flip = float(self.noise.flips()[layer])
            yield from (Channel("pauli", (wire,), (0.0, flip, 0.0)) for wire in wires)

    @property
    def is_randomised(self) -> bool:
        """Whether the next forward pass draws."""
        return self.noise is not None and self.noise.is_drawing

    def reseed(self, seed: int) -> None:
        """Start the draws of the noise layers anew."""
        if self.noise is not None:
            self.noise.reseed(seed)

    def curves(self) -> dict[str, float]:
        """β of every noise layer, and the flips that they average to, for the training curves."""
        flips = self.total_flips()
        if self.noise is None or flips is None:
            return {}
        betas = enumerate(self.noise.beta.detach().tolist(), start=1)
        return {f"beta {number}": beta for number, beta in betas} | {"flips": flips}

    def total_flips(self) -> float | None:
        """Σp over the Y flips that noise layers at inference average to; without them ⟨Z⟩ differs by at most 2Σp.

        Each of them is ρ → (1 − p)ρ + p YρY, and changes an expectation value in [−1, 1] by at most 2p. ``None`` for
        a circuit without noise layers.
        """
        if self.noise is None:
            return None
        noisy = self.operations("average") if self.noise.inference else ()
        return math.fsum(operation.probabilities[1] for operation in noisy if isinstance(operation, Channel))

    def trained(self) -> AbstractContextManager[None]:
        """Let the noise layers draw as in training inside the block."""
        return nullcontext() if self.noise is None else self.noise.trained()

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, …) → logits (batch, 2)."""
        return self.logits_of(self.expectations(inputs))

    @staticmethod
    def logits_of(expectations: Tensor) -> Tensor:
        """The logits log P(y) from ⟨Z⟩: (batch,) → (batch, 2)."""
        return log_probabilities(expectations)

    def states(self, inputs: Tensor) -> Tensor:
        """Encoded inputs: (batch, …) → (batch, 2**n)."""
        return encoded(inputs.flatten(1), self.n_wires, self.encoding)

    def expectations(self, inputs: Tensor) -> Tensor:
        """⟨Z⟩ of the measured wire: (batch, …) → (batch,), of one draw where noise layers draw."""
        states = self.states(inputs)
        if self.noise is not None and self.noise.is_drawing:
            return self.drawn_expectations(states, self.noise.angles(len(states)).to(states.real.dtype))
        if self._is_fixed() and self._is_worth_collapsing(states):
            return quadratic_form(self._collapsed(), states)
        if self.channels:
            return quadratic_form(self.averaged_observable().to(_complex(states)), states)
        return self.plain_expectations(states)

    def plain_expectations(self, states: Tensor) -> Tensor:
        """⟨Z⟩ without noise layers: (batch,)."""
        return self.measured(self.run(states))

    def drawn_expectations(self, states: Tensor, draws: Tensor) -> Tensor:
        """⟨Z⟩ for given angles of the noise layers: (batch,)."""
        return self.measured(*self.drawn(states, draws))

    @torch.no_grad()
    def bloch(self, inputs: Tensor) -> Tensor:
        """⟨X⟩, ⟨Y⟩, ⟨Z⟩ of the measured wire: (batch, …) → (batch, 3), of one draw where noise layers draw.

        Channels are left out.
        """
        states, turn = self.states(inputs), None
        if self.noise is not None and self.noise.is_drawing:
            states, turn = self.drawn(states, self.noise.angles(len(states)).to(states.real.dtype))
        else:
            states = self.run(states)
        split = states.reshape(len(states), 2**self.readout, 2, -1)
        coherence = 2 * (split[:, :, 0].conj() * split[:, :, 1]).sum((1, 2))
        x, z = coherence.real, self.measured(states)
        if turn is not None:
            x, z = turn.cos() * x + turn.sin() * z, turn.cos() * z - turn.sin() * x
        return torch.stack((x, coherence.imag, z), -1)

    def averaged(self, channels: Sequence[ChannelPart] = ()) -> AveragedClassifier:
        """The circuit with its noise layers averaged over their draws, deterministic, in float64.

        Args:
            channels: further noise after every layer, on every wire that the layer acts on.
        """
        with torch.no_grad():
            return AveragedClassifier(self.averaged_observable(channels), self.n_wires, self.encoding)

    @torch.no_grad()
    def shots_needed(self, inputs: Tensor) -> DoubleArray:
        """Shots until a vote is right with 99 %, (batch, …) → (batch,)."""
        return _shots(self.averaged().expectations(inputs))

    def measured(self, states: Tensor, turn: Tensor | None = None) -> Tensor:
        """⟨Z⟩ of the measured wire, behind a last RY of some angles: cos ⟨Z⟩ − sin ⟨X⟩."""
        probabilities = states.real.square() + states.imag.square()
        z = (probabilities @ z_signs(states.shape[1], [self.readout], probabilities)).squeeze(1)
        if turn is None:
            return z
        split = states.reshape(len(states), 2**self.readout, 2, -1)
        x = 2 * (split[:, :, 0].conj() * split[:, :, 1]).real.sum((1, 2))
        return turn.cos() * z - turn.sin() * x

    def _is_fixed(self) -> bool:
        return not (self.training or (self.weights.requires_grad and torch.is_grad_enabled()))

    def _is_worth_collapsing(self, states: Tensor) -> bool:
        weights = self.weights.detach()
        if self._fixed is None or not is_same(self._fixed.weights, weights):
            self._fixed = _Fixed(weights.clone())
        self._fixed.n_seen += len(states)
        return bool(self.channels) or self._fixed.n_seen > 2**self.n_wires

    @torch.no_grad()
    def _collapsed(self) -> Tensor:
        """O = C* diag(z) Cᵀ at the present angles, row j of C what becomes of basis state j."""
        assert self._fixed is not None
        if self._fixed.observable is None and self.channels:
            self._fixed.observable = self.averaged_observable().to(_complex(self.weights))
        elif self._fixed.observable is None:
            columns = self.run(torch.eye(2**self.n_wires, dtype=self.weights.dtype, device=self.weights.device))
            z = z_signs(2**self.n_wires, [self.readout], columns.real)[:, 0]
            self._fixed.observable = (columns.conj() * z) @ columns.mT
        return self._fixed.observable


class _Fixed:
    """The state of a circuit at given angles: the number of inputs so far, and its observable once it is computed."""

    def __init__(self, weights: Tensor) -> None:
        self.weights = weights
        self.n_seen = 0
        self.observable: Tensor | None = None


class AveragedClassifier(nn.Module):
    """The exact average of a circuit over the draws of its noise layers.

    The average is one of probabilities, so its logits are log E P(y): what a vote over many draws of one shot each
    tends to, and not an average of losses.

    Args:
        observable: O, (2**n, 2**n) complex128.
        n_wires: number n of wires.
        encoding: encoding of the inputs.
    """

    def __init__(self, observable: Tensor, n_wires: int, encoding: Encoding) -> None:
        super().__init__()
        self.n_wires = n_wires
        self.encoding: Encoding = encoding
        self.observable: Tensor
        self.register_buffer("observable", observable)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, …) → logits (batch, 2), float64."""
        return log_probabilities(self.expectations(inputs))

    def states(self, inputs: Tensor) -> Tensor:
        """Encoded inputs: (batch, …) → (batch, 2**n), in float64."""
        return encoded(inputs.flatten(1).double(), self.n_wires, self.encoding)

    def expectations(self, inputs: Tensor) -> Tensor:
        """E⟨Z⟩: (batch, …) → (batch,) float64."""
        return quadratic_form(self.observable, self.states(inputs))

    @staticmethod
    def logits_of(expectations: Tensor) -> Tensor:
        """The logits log P(y) from ⟨Z⟩: (batch,) → (batch, 2)."""
        return log_probabilities(expectations)

    @torch.no_grad()
    def shots_needed(self, inputs: Tensor) -> DoubleArray:
        """Shots until a vote is right with 99 %, (batch, …) → (batch,)."""
        return _shots(self.expectations(inputs))


def encoded(inputs: Tensor, n_wires: int, encoding: Encoding) -> Tensor:
    """States before the layers: (batch, d) → (batch, 2**n), real for amplitudes and complex for angles."""
    if encoding == "amplitude":
        return pad(normalised(inputs), (0, 2**n_wires - inputs.shape[1]))
    half = pad(inputs, (0, n_wires - inputs.shape[1])) / 2
    wires = torch.stack((torch.complex(half.cos(), 0 * half), torch.complex(0 * half, -half.sin())), -1)
    states = wires[:, 0]
    for wire in range(1, n_wires):
        states = (states[:, :, None] * wires[:, wire, None, :]).flatten(1)
    return states


def quadratic_form(observable: Tensor, states: Tensor) -> Tensor:
    """ψ†Oψ of each row, (batch,), real; of real states only the real part of O counts."""
    if states.is_complex():
        return ((states.conj() @ observable) * states).sum(1).real
    return ((states @ observable.real) * states).sum(1)


def _complex(like: Tensor) -> torch.dtype:
    """The complex type of a tensor's precision."""
    return torch.complex64 if like.real.dtype == torch.float32 else torch.complex128


def _shots(expectations: Tensor) -> DoubleArray:
    """One wire says ±1 with mean ⟨Z⟩, so its distance from a tie is |⟨Z⟩| and its spread √(1 − ⟨Z⟩²)."""
    z = expectations.double().clamp(-1, 1).cpu().numpy()
    return shots_needed(np.abs(z), np.sqrt(1 - z**2)).estimated


def log_probabilities(expectations: Tensor) -> Tensor:
    """Logits (batch, 2): the logarithms of (1 + ⟨Z⟩)/2 and (1 − ⟨Z⟩)/2, kept finite."""
    half = expectations / 2
    shares = 0.5 + torch.stack((half, -half), -1)
    return shares.clamp_min(torch.finfo(shares.dtype).eps / 4).log()
