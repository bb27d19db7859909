"""The states that a circuit makes of inputs, which a quantum kernel compares."""

from __future__ import annotations

from torch import Tensor, nn

from qaml.models.circuit.lowering import Lowered
from qaml.models.circuit.network import Columns
from qaml.quantum.execute import states
from qaml.quantum.statevector.network import normalised


class EncodedStates(nn.Module):
    """States of inputs, differentiable in these.

    Gates that follow amplitudes and do not depend on inputs change no overlap, so they are left out.

    Args:
        lowered: a circuit without trained numbers.
    """

    def __init__(self, lowered: Lowered) -> None:
        super().__init__()
        self.lowered = lowered
        self.columns = Columns(lowered)

    def forward(self, inputs: Tensor) -> Tensor:
        """(n, n_features) → complex (n, 2**n_wires), or real amplitudes (n, n_features) where there is nothing else."""
        if self.lowered.is_collapsing:
            return normalised(inputs)
        nothing = inputs.new_zeros(0)
        angles: Tensor = self.columns(inputs, nothing, nothing)
        circuit = self.lowered.circuit
        if circuit.encoding == "amplitude":
            return states(circuit, nothing, inputs, angles)
        return states(circuit, nothing, angles)
