"""Configuration of the quantum kernel: the overlap of the states that a circuit makes of two inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from qaml.errors import Misfit
from qaml.models.circuit.blocks import Block, Entangle, Noise, Pool, Random, Repeat, Rotate, Until
from qaml.models.circuit.contents import reads_angles
from qaml.models.circuit.lowering import Lowered, lower, n_angles_of
from qaml.models.circuit.part import Registers, Wires
from qaml.models.circuit.readout import Readout
from qaml.models.circuit.wiring import Place
from qaml.models.kernel_svm.kernels import Form, KernelPart
from qaml.types import InputInfo, Module, Split, Tensor


class FidelityKernel(KernelPart):
    """K(x, y) = |⟨φ(x)|φ(y)⟩|², where φ(x) is the state that a circuit without trained angles makes of x.

    It is the quantum kernel of Havlíček et al. 2019 (Nature 567:209, arXiv:1804.11326) and Schuld & Killoran 2019
    (arXiv:1803.07128), computed from states, so without shots. All wires are compared.
    """

    kind: Literal["fidelity"] = "fidelity"
    wires: Wires | Registers | None = None
    """Number of qubits, or registers, as of a ``circuit`` (default: as few as an encoding in the first block needs)."""
    layers: tuple[Block, ...] = Field(min_length=1)
    """The blocks, as of a ``circuit``, without pooling and noise. Nothing is trained: an angle has a fixed ``bias``
    and, where it takes features, a fixed ``weight``."""

    @property
    def form(self) -> Form | None:
        """It is quadratic where inputs are amplitudes alone, since K(x, y) is then (x·y)²/(‖x‖‖y‖)²."""
        return None if reads_angles(self.layers) else "quadratic"

    def check(self, info: InputInfo) -> None:
        """Refuse trained angles, pooling, noise, and inputs that the blocks do not fit, naming the block."""
        self.lowered(info)

    def lowered(self, info: InputInfo) -> Lowered:
        """The circuit for inputs of this description.

        Raises:
            Misfit: it does not fit them, or there is something to train.
        """
        _refuse_training(self.layers, ("layers",))
        return lower(self.wires, self.layers, Readout(head=True), info, {})  # with a head, any number of wires will do

    def check_data(self, data: Split, info: InputInfo) -> None:
        """Refuse amplitudes that are all zero.

        Raises:
            DataError: there are such.
        """
        from qaml.models.qvc.network import refuse_zero_inputs

        if self.lowered(info).circuit.encoding == "amplitude":
            refuse_zero_inputs(data)

    def feature_map(self, info: InputInfo) -> Module:
        """The map to states, or to normalised amplitudes where inputs are amplitudes alone."""
        from qaml.models.kernel_svm.states import EncodedStates

        return EncodedStates(self.lowered(info))

    def matrix(self, one: Tensor, other: Tensor, learned: Tensor) -> Tensor:  # noqa: ARG002
        """Squared overlaps of states: (n, 2**n_wires) and (m, 2**n_wires), complex or real, → (n, m)."""
        overlaps = one @ other.mH
        if not overlaps.is_complex():
            return overlaps.square()
        squares: Tensor = overlaps.real.square() + overlaps.imag.square()
        return squares


def _refuse_training(blocks: Sequence[Block], place: Place) -> None:
    for number, block in enumerate(blocks):
        here = (*place, number)
        match block:
            case Repeat() | Until():
                _refuse_training(block.block, (*here, "block"))
            case Pool():
                raise Misfit(here, "a kernel compares the states of all wires, and 'pool' leaves some out")
            case Noise():
                raise Misfit(here, "a kernel compares pure states, which channels do not leave", "leave 'noise' out")
            case Random():
                raise Misfit(here, "the angles of 'random' would be trained, which a kernel's are not", "write gates")
            case Rotate() | Entangle() if n_angles_of(block.verb) > 0:
                angles = block.angles
                if angles.bias is None or (angles.affine is not None and angles.weight is None):
                    takes = "" if angles.affine is None else f"affine: {angles.affine}, weight: 1, "
                    hint = f"fix them, for instance by 'angles: {{{takes}bias: 0}}'"
                    raise Misfit(here, f"the angles of {block.verb!r} would be trained, which a kernel's are not", hint)
