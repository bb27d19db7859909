"""Validity findings: can the measurement be trusted? Pure functions of evidence (``docs/findings.md``)."""

from __future__ import annotations

from qaml.judge.findings.bookkeeping import collapsed_seed, no_search, of_arithmetic
from qaml.judge.findings.comparisons import of_comparisons
from qaml.judge.findings.distances import of_distances
from qaml.judge.findings.gradients import of_diagnosis
from qaml.judge.findings.nearer import of_norms
from qaml.judge.findings.sampling import of_sampling, off_temperature
from qaml.judge.findings.scale import of_scale
from qaml.judge.findings.subject import Rival, Subject
from qaml.judge.findings.surrogates import below_reference
from qaml.outcome.outcome import Finding

__all__ = [
    "Rival",
    "Subject",
    "below_reference",
    "collapsed_seed",
    "findings_of",
    "of_sampling",
    "off_temperature",
]


def findings_of(subject: Subject) -> tuple[Finding, ...]:
    """Every finding about one model under one attack, void ones first; exact distances are not searched for."""
    if subject.traits.is_exact:
        return ()
    found = [
        *no_search(subject),
        *of_diagnosis(subject),
        *of_distances(subject),
        *of_comparisons(subject),
        *of_arithmetic(subject),
        *[*of_scale(subject), *of_norms(subject)],
    ]
    return tuple(sorted(found, key=lambda finding: finding.rank))
