"""Metrics of a negative phase: deviations of a sampler's estimates from the trained machine's own averages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Inspections = Sequence[Mapping[str, Any]]
"""The content of each seed's inspection; none where samples were not inspected."""


def sampling_errors(inspections: Inspections) -> tuple[float, ...]:
    """Of each seed, the deviation of moments in units of what as many independent samples would deviate.

    Raises:
        ValueError: the samples were not inspected.
    """
    return tuple(sampling_error(run) for run in _known(inspections))


def sampling_error(inspection: Mapping[str, Any]) -> float:
    """The larger of the deviations of first and second moments."""
    return max(float(inspection["first"]), float(inspection["second"]))


def gradient_angles(inspections: Inspections) -> tuple[float, ...]:
    """Of each seed, the angle between the estimated and the true gradient of the trained machine, in degrees.

    Raises:
        ValueError: the samples were not inspected.
    """
    return tuple(float(run["angle"]) for run in _known(inspections))


def _known(inspections: Inspections) -> Inspections:
    if not inspections:
        raise ValueError("its samples were not inspected")
    return inspections
