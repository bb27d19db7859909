"""A detector finds adversarials and leaves clean images alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from qaml.claims.base import NO_TABLES, Cell, ClaimPart, Decision, Estimator, Measured, ReportedTable
from qaml.claims.rules import decide_all
from qaml.registry import DetectorName


class Detection(ClaimPart):
    """Both rates jointly: supported if both intervals satisfy their limit, refuted if either surely fails its own."""

    kind: Literal["detection"] = "detection"
    detector: DetectorName
    """Name of the detector in the suite."""
    true_positives_at_least: float = Field(ge=0, le=1)
    """Share of adversarials that must be found."""
    false_positives_at_most: float = Field(ge=0, le=1)
    """Share of clean images that may be flagged."""

    plural: ClassVar[str] = "detection rates"

    def cells(self, tables: Mapping[str, ReportedTable] = NO_TABLES) -> tuple[Cell, ...]:  # noqa: ARG002
        """No cells: a detector brings its own evidence."""
        return ()

    def decide(self, estimator: Estimator) -> Decision:
        """Compare both rates with their limits."""
        found, flagged = estimator.detection(self.detector)
        measured = [
            Measured(f"true positive rate of {self.detector}", found, at_least=self.true_positives_at_least),
            Measured(f"false positive rate of {self.detector}", flagged, at_most=self.false_positives_at_most),
        ]
        return decide_all(measured, "percent")
