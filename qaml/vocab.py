"""The closed vocabularies of specs, artefacts and reports, as literal types (DESIGN, section 2)."""

from typing import Literal

Norm = Literal["linf", "l2"]
Verdict = Literal["supported", "refuted", "inconclusive", "invalid"]
Protocol = Literal["as_published", "budgeted"]
Severity = Literal["void", "weak", "note"]
ProfileName = Literal["quick", "standard", "paper"]
Decision = Literal["single_draw", "vote", "mean", "exact", "shots"]

GradientRule = Literal["single_draw", "exact", "parameter_shift", "finite_difference"]

VERDICTS: tuple[Verdict, ...] = ("supported", "refuted", "inconclusive", "invalid")
PROFILES: tuple[ProfileName, ...] = ("quick", "standard", "paper")
