"""A trained parameter has a certain size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from qaml.claims.base import NO_TABLES, Cell, ClaimPart, Decision, Estimator, Measured, ReportedTable
from qaml.claims.rules import decide_all
from qaml.errors import PartError
from qaml.registry import ModelName

SHOWN = 20


class Parameter(ClaimPart):
    """A trained vector against limits, with Student's t over training runs.

    ``mean`` and ``max`` reduce the vector of each run to one number; ``every`` holds each component's own interval
    against the limits, all of which must satisfy them. One training run decides nothing.
    """

    kind: Literal["parameter"] = "parameter"
    model: ModelName
    """Model whose parameter is measured."""
    name: str
    """Name of the parameter in the trained model."""
    reduce: Literal["every", "mean", "max"] = "mean"
    """Reduction of the vector: every component, or the mean or the largest one of each training run."""
    magnitude: bool = False
    """Whether signs are left out, component by component, before anything else."""
    at_least: float | None = None
    """The smallest value that satisfies the claim."""
    at_most: float | None = None
    """The largest value that satisfies the claim."""
    paper: tuple[float, ...] = ()
    """The paper's values, component by component, shown beside ours and reduced like them; they decide nothing."""

    plural: ClassVar[str] = "trained parameters"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("expected at_least, at_most, or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("at_least is larger than at_most")
        return self

    def cells(self, tables: Mapping[str, ReportedTable] = NO_TABLES) -> tuple[Cell, ...]:  # noqa: ARG002
        """The trained model itself."""
        return (Cell(model=self.model, metric="training_loss"),)

    def decide(self, estimator: Estimator) -> Decision:
        """Compare the reduced parameter with the limits."""
        vectors = tuple(self._sized(vector) for vector in estimator.parameter(self.model, self.name))
        if not vectors or not all(vectors) or len({len(vector) for vector in vectors}) > 1:
            raise PartError(f"parameter {self.name!r} of {self.model!r} is empty or changes its length between seeds")
        if self.paper and len(self.paper) != len(vectors[0]):
            raise PartError(f"parameter {self.name!r} has {len(vectors[0])} components, 'paper' has {len(self.paper)}")
        columns = self._reduced(vectors)
        papers = self._reduced((self._sized(self.paper),)) if self.paper else {}
        limits = [limit for limit in (self.at_least, self.at_most) if limit is not None]
        measured = [
            Measured(
                f"{label} of {self.model}",
                estimator.over_seeds(values, against=limits),
                self.at_least,
                self.at_most,
                papers[label][0] if papers else None,
            )
            for label, values in columns.items()
        ]
        decision = decide_all(measured, "plain")
        return decision._replace(measured=decision.measured[:SHOWN])

    def _sized(self, vector: Sequence[float]) -> tuple[float, ...]:
        return tuple(abs(value) if self.magnitude else value for value in vector)

    def _reduced(self, vectors: Sequence[Sequence[float]]) -> dict[str, tuple[float, ...]]:
        """The measured numbers by name, one for each training run."""
        name = f"|{self.name}|" if self.magnitude else self.name
        if self.reduce == "every":
            return {f"{name}[{i}]": values for i, values in enumerate(zip(*vectors, strict=True))}
        if self.reduce == "max":
            return {f"largest {name}": tuple(_largest(vector) for vector in vectors)}
        return {f"mean {name}": tuple(sum(vector) / len(vector) for vector in vectors)}


def _largest(vector: Sequence[float]) -> float:
    """The largest component, or NaN if any component is NaN."""
    return math.nan if any(math.isnan(value) for value in vector) else max(vector)
