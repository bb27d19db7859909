"""The states that a circuit without trained angles makes of inputs."""

from __future__ import annotations

from torch import Tensor

from qaml.models.circuit.lowering import Lowered
from qaml.models.circuit.network import Columns
from qaml.quantum.execute import states


def encoded(lowered: Lowered, inputs: Tensor) -> Tensor:
    """States of inputs, differentiable in them: (batch, d) → (batch, 2**n) complex, in the precision of the inputs."""
    nothing = inputs.new_zeros(0)
    if lowered.is_collapsing:
        return states(lowered.circuit, nothing, inputs).to(inputs.dtype.to_complex())
    columns: Tensor = Columns(lowered).to(inputs.device)(inputs, nothing, nothing)
    if lowered.circuit.encoding == "amplitude":
        return states(lowered.circuit, nothing, inputs, columns)
    return states(lowered.circuit, nothing, columns)
