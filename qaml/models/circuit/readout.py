"""The values that a circuit is asked for, and how they become logits, as a spec writes them."""

from __future__ import annotations

from typing import Annotated, Self, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from qaml.models.circuit.blocks import Targets, Wire
from qaml.types import Settings, as_tuple

Group: TypeAlias = Annotated[tuple[str | Wire, ...], Field(min_length=1)]


def _as_groups(value: object) -> object:
    """Wires, or a list of lists of wires, as tuples."""
    held = as_tuple(value)
    return tuple(tuple(each) if isinstance(each, list) else each for each in held) if isinstance(held, tuple) else held


Groups: TypeAlias = Annotated[tuple[str | Wire | Group, ...], BeforeValidator(_as_groups), Field(min_length=1)]


class Values(Settings):
    """Expectation values or probabilities at the end of a circuit.

    Without ``z``, ``parity`` and ``probabilities``, Z of the wires that pooling leaves is measured.
    """

    z: Targets | None = None
    """⟨Z⟩ of each of these wires."""
    parity: Groups | None = None
    """⟨Z…Z⟩ of these wires together: of one group, or of a list of them, such as ``[[0, 1], [2, 3]]``."""
    probabilities: Targets | None = None
    """Probabilities of the outcomes 0, 1, … of these wires together; the first wire is the most significant bit."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        given = [name for name in ("z", "parity", "probabilities") if self.__dict__[name] is not None]
        if len(given) > 1:
            raise ValueError(f"a readout is one of z, parity and probabilities, this one has {' and '.join(given)}")
        if self.parity is not None and len({isinstance(each, tuple) for each in self.parity}) > 1:
            raise ValueError("'parity' is a list of wires, or a list of lists of wires")
        return self

    @property
    def groups(self) -> tuple[tuple[str | int, ...], ...]:
        """The groups of ``parity``."""
        several = tuple(each for each in self.parity or () if isinstance(each, tuple))
        return several or (tuple(each for each in self.parity or () if not isinstance(each, tuple)),)


class Readout(Values):
    """Expectation values or probabilities at the end of a circuit, one a class.

    One expectation value v of two classes has the logits v and −v. Without ``z``, ``parity`` and ``probabilities``, Z
    of the wires that pooling leaves is measured, from the first on.
    """

    z: Targets | None = None
    """⟨Z⟩ of these wires, one a class; of ``all`` or of a register, as many as there are classes."""
    parity: Groups | None = None
    """⟨Z…Z⟩ of these wires together: of one group, or of a list of them, one a class, such as ``[[0, 1], [2, 3]]``."""
    renormalise: bool = False
    """Whether the probabilities of the classes are divided by their sum."""
    log: bool = False
    """Whether logits are logarithms: of probabilities, or of (1 ± v)/2 for one expectation value v and two classes;
    cross-entropy is then −log P(y)."""
    head: bool = False
    """Whether a trained linear layer makes logits of all values, of any number of them."""

    @model_validator(mode="after")
    def _fields_fit_together(self) -> Readout:
        if self.renormalise and self.probabilities is None:
            raise ValueError("'renormalise' is for 'probabilities'")
        if self.head and (self.renormalise or self.log):
            raise ValueError("'head' takes values as they are, without 'renormalise' and 'log'")
        return self
