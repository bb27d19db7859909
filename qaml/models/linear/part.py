"""Configuration of a linear classifier."""

from __future__ import annotations

from typing import ClassVar, Literal

from qaml.models.capabilities import Capability
from qaml.models.network_part import NetworkPart
from qaml.types import InputInfo, Module


class Linear(NetworkPart):
    """Logits Wx + b: multinomial logistic regression, and a control whose robustness is known in closed form."""

    takes_states: ClassVar[bool] = True

    kind: Literal["linear"] = "linear"

    default_seeds: ClassVar[int] = 5

    @property
    def has_exact_distances(self) -> bool:
        """Always true: the boundary between two classes is a hyperplane."""
        return True

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Its weights and biases, from which distances follow."""
        return frozenset({"affine_map"})

    def network(self, info: InputInfo) -> Module:
        """The untrained classifier; images are flattened."""
        from qaml.models.linear.network import LinearClassifier

        return LinearClassifier(info.n_features, info.n_classes)
