"""Findings about negative phases: samples at another temperature, or of another distribution, than the machine's."""

from __future__ import annotations

from collections.abc import Iterator

from qaml.judge.findings.check import OfRuns, Raised
from qaml.judge.findings.model import ModelEvidence
from qaml.metrics.sampling import sampling_error

EFFECTIVE_BETA = "effective beta"
"""Name of an annealer's training curve."""
TEMPERATURE_TOLERANCE = 0.1
LARGEST_ERROR = 1.5
"""Largest deviation of moments, in units of the deviation of as many independent samples."""
LARGEST_REFERENCE_ERROR = 0.5
"""Largest deviation of the reference moments, in the same units."""


def _off_temperature(evidence: ModelEvidence) -> Iterator[Raised]:
    """Raised for an annealer whose samples in the last epoch of training are more than 10 % above or below β = 1."""
    ends = [float(curves[EFFECTIVE_BETA][-1]) for curves in evidence.history if curves.get(EFFECTIVE_BETA)]
    off = [beta for beta in ends if not abs(beta - 1) <= TEMPERATURE_TOLERANCE]
    if off:
        worst = max(off, key=lambda beta: abs(beta - 1))
        yield Raised(
            f"the samples of {len(off)} of {len(ends)} training runs ended at β off 1, the farthest at {worst:.2f}"
        )


def _off_distribution(evidence: ModelEvidence) -> Iterator[Raised]:
    """Raised for samples whose first or second moments deviate by more than 1.5 times the chance of exact samples."""
    inspections = evidence.inspections
    vague = max(float(run["reference_error"]) for run in inspections)
    if vague > LARGEST_REFERENCE_ERROR:
        message = f"not assessed: parallel tempering itself is off by {vague:.1f} times the sampling error"
        yield Raised(message, "note", "a machine that mixes faster: smaller weights")
        return
    errors = [sampling_error(run) for run in inspections]
    off = [error for error in errors if error > LARGEST_ERROR]
    if off:
        worst = inspections[errors.index(max(errors))]
        yield Raised(
            f"the moments of {len(off)} of {len(errors)} training runs are off by more than {LARGEST_ERROR:g} times "
            f"the error of {worst['draws']:,.0f} independent samples, at most by {worst['first']:.1f} times (first) "
            f"and {worst['second']:.1f} times (second)"
        )


CHECKS = (
    OfRuns(
        "annealer_off_temperature",
        lambda one: any(curves.get(EFFECTIVE_BETA) for curves in one.history),
        _off_temperature,
    ),
    OfRuns("samples_off_distribution", lambda one: bool(one.inspections), _off_distribution),
)
