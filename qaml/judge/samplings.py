"""Drawings of negative phases: a sampler's estimates and the distributions of the trained machines."""

from __future__ import annotations

import math

from qaml.metrics.sampling import Inspections
from qaml.outcome.drawings import Sampling


def sampling_of(model: str, inspections: Inspections) -> Sampling:
    """The numbers of all seeds, and the distributions of the first seed."""

    def every(name: str) -> tuple[float, ...]:
        values = (run.get(name) for run in inspections)
        return tuple(math.nan if value is None else float(value) for value in values)

    first = inspections[0]
    energies = first.get("energies") or {"edges": (), "estimated": (), "true": ()}
    return Sampling(
        model=model,
        sampler=first["sampler"],
        is_exact=first["is_exact"],
        draws=first["draws"],
        first=every("first"),
        second=every("second"),
        reference_error=every("reference_error"),
        effective_beta=every("effective_beta"),
        broken_chains=every("broken_chains"),
        angle=every("angle"),
        ideal_angle=every("ideal_angle"),
        divergence=every("divergence"),
        true_moments=tuple(first["points"]["true"]),
        moments=tuple(first["points"]["estimated"]),
        energy_edges=tuple(energies["edges"]),
        energies=tuple(energies["estimated"]),
        true_energies=tuple(energies["true"]),
    )
