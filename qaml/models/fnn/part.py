"""Configuration of Huang & Zhang's fully connected network."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from qaml.models.network_part import NetworkPart
from qaml.types import InputInfo, Module

Width = Annotated[int, Field(ge=1, le=16_384)]


class FNN(NetworkPart):
    """Two hidden layers with ReLU, each followed by dropout: Huang & Zhang 2023, section 4.1, attack settings.

    The paper names a softmax output; here the softmax is part of the loss, and outputs are logits. It does not state
    the dropout rate or the activation.
    """

    takes_states: ClassVar[bool] = True

    kind: Literal["fnn"] = "fnn"
    hidden: tuple[Width, Width] = (512, 53)
    """Numbers of units of the two hidden layers."""
    dropout: float = Field(0.2, ge=0, lt=1)
    """Share of units dropped after each hidden layer in training."""

    default_seeds: ClassVar[int] = 5

    def network(self, info: InputInfo) -> Module:
        """The untrained network; images are flattened."""
        from qaml.models.fnn.network import FullyConnected

        return FullyConnected(info.n_features, info.n_classes, self.hidden, self.dropout)
