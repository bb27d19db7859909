"""The negative phase without sampling: every state of the smaller layer is summed."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from qaml.errors import PartError
from qaml.samplers.base import NegativePhase, SamplerPart


class Exact(SamplerPart):
    """Exact model averages by enumeration; the smaller layer may have at most 20 units."""

    kind: Literal["exact"] = "exact"

    max_units: ClassVar[int] = 20

    def start(self, n_visible: int, n_hidden: int, seed: int, device: str = "cpu") -> NegativePhase[Any]:  # noqa: ARG002
        """Make the sampler for one training run.

        Raises:
            PartError: both layers have more than 20 units.
        """
        if min(n_visible, n_hidden) > self.max_units:
            raise PartError(
                f"sampler 'exact' enumerates the smaller layer, at most {self.max_units} units, "
                f"got {n_visible} visible and {n_hidden} hidden",
                f"use at most {self.max_units} hidden units, or sample with 'pcd' or 'parallel_tempering'",
            )
        from qaml.samplers.exact.enumeration import ExactPhase

        return ExactPhase(device)
