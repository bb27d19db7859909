"""The fidelity of encoded states as a kernel (Havlíček et al. 2019; Schuld & Killoran 2019)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qaml.errors import Misfit
from qaml.models.circuit.blocks import Block
from qaml.models.circuit.lowering import Lowered, lower
from qaml.models.circuit.readout import Readout
from qaml.models.circuit.wiring import MOST_WIRES
from qaml.models.kernel_svm.kernels import KernelPart
from qaml.types import Bounds, InputInfo, Tensor

_CLASSES = ("0", "1")
"""Any two classes: nothing is measured."""


class FidelityKernel(KernelPart):
    """K(x, y) = |⟨φ(x)|φ(y)⟩|², φ the state that a circuit without trained angles makes of an input, simulated exactly.

    Its blocks are those of a model of kind ``circuit`` (Havlíček et al. 2019, arXiv:1804.11326).
    """

    kind: Literal["fidelity"] = "fidelity"
    wires: Annotated[int, Field(ge=1, le=MOST_WIRES)] | None = None
    """Number of qubits (default: as few as the first encoding needs)."""
    layers: tuple[Block, ...] = Field(min_length=1)
    """The blocks, in order, such as ``{encode: zz, repeat: 2}``; all angles are fixed or features."""

    def check(self, info: InputInfo) -> None:
        """Refuse blocks that do not fit the inputs, or have trained angles."""
        self._lowered(info)

    def _lowered(self, info: InputInfo) -> Lowered:
        try:
            lowered = lower(self.wires, self.layers, Readout(), info._replace(classes=_CLASSES), {})
        except Misfit as error:
            raise Misfit(("kernel", *error.where), error.what, error.hint) from error
        if trained := lowered.n_angles + lowered.n_weights:
            raise Misfit(
                ("kernel", "layers"),
                f"the circuit has {trained:,} trained angles, and a kernel trains none",
                "encode features, or fix angles: 'angles: {bias: 0.5}', 'angles: {affine: each, weight: 1, bias: 0}'",
            )
        if lowered.circuit.channels:
            raise Misfit(("kernel", "layers"), "the circuit has channels, and a kernel is made of states without noise")
        return lowered

    def matrix(self, one: Tensor, other: Tensor, learned: Tensor) -> Tensor:  # noqa: ARG002
        """Squared overlaps of the states."""
        from qaml.models.circuit.encoded import encoded

        lowered = self._lowered(InputInfo((one.shape[1],), _CLASSES, Bounds(0.0, 1.0)))
        overlaps = encoded(lowered, one).conj() @ encoded(lowered, other).mT
        kernel: Tensor = overlaps.real.square() + overlaps.imag.square()
        return kernel
