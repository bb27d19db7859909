"""Configuration of a quadratic classifier."""

from __future__ import annotations

from typing import ClassVar, Literal

from qaml.models.network_part import NetworkPart
from qaml.types import InputInfo, Module


class Quadratic(NetworkPart):
    """Quadratic logits: free, xᵀA_kx + b_k·x + c_k, or bounded as those of a collapsed variational circuit.

    A variational classifier with amplitude encoding has logits xᵀO_kx/‖x‖² with ‖O_k‖ ≤ 1 (its circuit does not depend
    on the input), so ``norm_bounded: true`` can represent every such circuit and is its classical control.
    """

    takes_states: ClassVar[bool] = True

    kind: Literal["quadratic"] = "quadratic"
    norm_bounded: bool = False
    """Whether logits are xᵀO_kx/‖x‖² with every eigenvalue of O_k in [−1, 1]; then there is no linear and no constant
    term, and all-zero inputs are accepted: their logits are zero."""

    default_seeds: ClassVar[int] = 5

    @property
    def has_exact_distances(self) -> bool:
        """Whether the norm is bounded: every boundary is then a quadratic cone."""
        return self.norm_bounded

    def network(self, info: InputInfo) -> Module:
        """The untrained classifier; images are flattened."""
        from qaml.models.quadratic.network import BoundedQuadratic, FreeQuadratic

        network = BoundedQuadratic if self.norm_bounded else FreeQuadratic
        return network(info.n_features, info.n_classes)
