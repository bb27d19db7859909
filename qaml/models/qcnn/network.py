"""The quantum convolutional network as a torch module.

A stage is a convolution, one unitary of two wires on all neighbouring pairs of the wires still active, even pairs
before odd ones, and a pooling, after which every second wire is left (Cong et al. 2019, figure 1b). The convolution's
unitary is the general one, Rot ⊗ Rot · exp(−i(aXX + bYY + cZZ)/2) · Rot ⊗ Rot, with 15 angles; pooling rotates the wire
that stays by RZ where the other is 1 and by RX where it is 0, with 2 angles. All pairs of a stage share their angles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from qaml.models.noise_layers.network import NoiseLayers
from qaml.models.noise_layers.part import NoiseLayers as NoiseSettings
from qaml.models.one_wire.network import Encoding, Noise, OneWireClassifier
from qaml.quantum.averaged import conjugated, flipped, through
from qaml.quantum.channels import ChannelPart
from qaml.quantum.circuit import Angle, Gate, Operation
from qaml.quantum.statevector.gates import matrix, pauli_rotation, rot
from qaml.quantum.statevector.layers import apply_product
from qaml.quantum.statevector.network import apply
from qaml.quantum.statevector.readout import z_signs

_block_diagonal: Callable[..., Tensor] = torch.block_diag

CONVOLUTION, POOLING = 15, 2
"""Numbers of angles of a stage: of the convolution and of the pooling."""


class Stage(NamedTuple):
    """A convolution and a pooling.

    Attributes:
        active: active wires before the stage.
        pairs: pairs of wires that the convolution's unitary acts on, in order.
        pooled: pairs (wire that is dropped, wire that stays).
    """

    active: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]
    pooled: tuple[tuple[int, int], ...]


def stages(n_wires: int) -> tuple[Stage, ...]:
    """Stages until one wire is left, the last one."""
    found, active = [], tuple(range(n_wires))
    while len(active) > 1:
        neighbours = tuple(pairwise(active))
        # an odd wire out stays
        pooled = tuple(zip(active[-2::-2], active[-1::-2], strict=False))[::-1]
        found.append(Stage(active, neighbours[::2] + neighbours[1::2], pooled))
        gone = {wire for wire, _ in pooled}
        active = tuple(wire for wire in active if wire not in gone)
    return tuple(found)


class QuantumConvolutionalNetwork(OneWireClassifier):
    """Convolutions and poolings, and the last wire measured (Huang & Zhang 2023, figure 3b).

    Args:
        n_wires: number n of wires, at least 2.
        encoding: encoding of the inputs.
        noise: the noise layers' settings, one layer before each convolution, on the active wires; or none.
        channels: noise after every stage, on the wires that it acts on.
    """

    def __init__(
        self,
        n_wires: int,
        encoding: Encoding,
        noise: NoiseSettings | None = None,
        channels: Sequence[ChannelPart] = (),
    ) -> None:
        self.stages = stages(n_wires)
        layers = None if noise is None else NoiseLayers(noise, len(self.stages), n_wires)
        super().__init__(n_wires, encoding, n_wires - 1, layers, channels)
        self.angles = nn.Parameter(2 * math.pi * torch.rand(len(self.stages), CONVOLUTION + POOLING))

    @property
    def weights(self) -> Tensor:
        """The trained angles, (stages, 17)."""
        return self.angles

    def operations(self, noise: Noise) -> Iterator[Operation]:
        """The circuit's gates, stage by stage."""
        for number, stage in enumerate(self.stages):
            angles = [Angle("weight", number * (CONVOLUTION + POOLING) + i) for i in range(CONVOLUTION + POOLING)]
            yield from self.noise_operations(number, stage.active, noise)
            for one, other in stage.pairs:
                yield Gate("rot", (one,), tuple(angles[0:3]))
                yield Gate("rot", (other,), tuple(angles[3:6]))
                for name, angle in zip(("xx", "yy", "zz"), angles[12:CONVOLUTION], strict=True):
                    yield Gate(f"ising_{name}", (one, other), (angle,))
                yield Gate("rot", (one,), tuple(angles[6:9]))
                yield Gate("rot", (other,), tuple(angles[9:12]))
            for goes, stays in stage.pooled:
                yield Gate("x", (goes,))
                yield Gate("crx", (goes, stays), (angles[CONVOLUTION],))
                yield Gate("x", (goes,))
                yield Gate("crz", (goes, stays), (angles[CONVOLUTION + 1],))
            yield from self.channel_operations(stage.active)

    def run(self, states: Tensor) -> Tensor:
        """States behind all stages: (batch, 2**n) → the same shape, complex."""
        return self._staged(states, None)

    def drawn(self, states: Tensor, draws: Tensor) -> tuple[Tensor, Tensor | None]:
        """The circuit for noise layers' angles, (stages, n) or (batch, stages, n); dropped wires' are ignored."""
        return self._staged(states, draws), None

    def _staged(self, states: Tensor, draws: Tensor | None) -> Tensor:
        states = torch.complex(states, torch.zeros_like(states)) if not states.is_complex() else states
        for number, stage in enumerate(self.stages):
            if draws is not None:
                active = torch.zeros(self.n_wires, dtype=draws.dtype, device=draws.device)
                active[list(stage.active)] = 1
                states = apply_product(states, pauli_rotation("y", draws[..., number, :] * active, states))
            convolution, pooling = self._unitaries(number, states)
            for pair in stage.pairs:
                states = apply(convolution, states, pair)
            for pair in stage.pooled:
                states = apply(pooling, states, pair)
        return states

    def averaged_observable(self, channels: Sequence[ChannelPart] = ()) -> Tensor:
        """O averaged over the draws of noise layers that draw, with channels after every stage on its wires."""
        like = torch.zeros(1, dtype=torch.complex128, device=self.angles.device)
        z = z_signs(2**self.n_wires, [self.readout], like.real)[:, 0]
        observable = torch.diag(z).to(torch.complex128)
        for number in reversed(range(len(self.stages))):
            stage = self.stages[number]
            convolution, pooling = self._unitaries(number, like)
            observable = through(observable, (*self.channels, *channels), stage.active)
            for pair in reversed(stage.pooled):
                observable = conjugated(observable, pooling, pair)
            for pair in reversed(stage.pairs):
                observable = conjugated(observable, convolution, pair)
            if self.noise is not None and self.noise.is_drawing:
                observable = flipped(observable, self.noise.flips()[number], stage.active)
        return (observable + observable.mH) / 2

    def _unitaries(self, stage: int, like: Tensor) -> tuple[Tensor, Tensor]:
        """The convolution's and the pooling's 4 × 4 matrices."""
        angles = self.angles[stage].to(like.real.dtype)
        one, two, three, four = rot(*angles[:12].reshape(4, 3).unbind(-1))
        entangled = [
            matrix(f"ising_{name}", [angle], like)
            for name, angle in zip(("xx", "yy", "zz"), angles[12:CONVOLUTION], strict=True)
        ]
        convolution = torch.kron(three, four) @ entangled[2] @ entangled[1] @ entangled[0] @ torch.kron(one, two)
        below, above = (
            pauli_rotation(axis, angle, like) for axis, angle in zip("xz", angles[CONVOLUTION:], strict=True)
        )
        return convolution, _block_diagonal(below, above)
