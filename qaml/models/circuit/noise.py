"""Values of a circuit with channels: exact where they can be, and otherwise of random trajectories."""

from __future__ import annotations

import torch
from torch import Tensor

from qaml.models.draws import Draws
from qaml.models.quadratic.network import is_same
from qaml.quantum import density
from qaml.quantum.circuit import Circuit
from qaml.quantum.execute import states
from qaml.quantum.trajectories import probabilities


class Noise(Draws):
    """The channels of a circuit.

    On at most six wires there is a density matrix for each input. On more, trajectories are drawn in training and
    wherever a feature is an angle behind a channel; without that, observables are taken back through the channels once,
    on at most ten wires.

    Args:
        circuit: a circuit with channels.
        count: number of trajectories of an input.
    """

    def __init__(self, circuit: Circuit, count: int) -> None:
        self.circuit = circuit
        self.count = count
        self.is_large = circuit.n_wires > density.MOST_WIRES
        is_cut = self.is_large and circuit.n_wires <= density.MOST_WIRES_BACK
        self.halves = density.halves(circuit) if is_cut else None
        self.start()
        self._back: tuple[Tensor, Tensor] | None = None

    def is_drawing(self, *, training: bool) -> bool:
        """Whether the next forward pass draws, in training mode or in evaluation mode."""
        return self.is_large and (training or self._is_being_trained or self.halves is None)

    def values(
        self, weights: Tensor, inputs: Tensor, draws: Tensor | None, diagonals: Tensor, *, training: bool
    ) -> Tensor:
        """Diagonal observables (m, 2**n) at the circuit's end: (batch, …) → (batch, m)."""
        if not self.is_large:
            found = density.probabilities(self.circuit, weights, inputs, draws)
        elif self.is_drawing(training=training):
            found = probabilities(self.circuit, weights, inputs, draws, self.count, self._generator)
        else:
            return self._taken_back(weights, inputs, draws, diagonals)
        return found @ diagonals.to(found.dtype).T

    def _taken_back(self, weights: Tensor, inputs: Tensor, draws: Tensor | None, diagonals: Tensor) -> Tensor:
        assert self.halves is not None
        before = self.halves.before
        given = draws[..., : before.n_draws] if draws is not None and before.n_draws else None
        state = states(before, weights[: before.n_weights], inputs, given)
        matrices = self._observables(weights, diagonals).to(state)
        return torch.stack([((state.conj() @ matrix) * state).sum(1).real for matrix in matrices], 1)

    def _observables(self, weights: Tensor, diagonals: Tensor) -> Tensor:
        assert self.halves is not None
        behind = self.halves.behind
        own = weights[: behind.n_weights]
        if weights.requires_grad and torch.is_grad_enabled():
            return density.observables(behind, own, diagonals)
        with torch.no_grad():
            if self._back is None or not is_same(self._back[0], weights):
                self._back = weights.detach().clone(), density.observables(behind, own, diagonals)
        return self._back[1]
