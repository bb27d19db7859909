"""The closed vocabularies of specs, artefacts and reports, as literal types (``docs/spec.md``)."""

from typing import Literal, get_args

Norm = Literal["linf", "l2"]
Verdict = Literal["supported", "refuted", "inconclusive", "invalid"]
Protocol = Literal["as_published", "budgeted"]
Severity = Literal["void", "weak", "note"]
ProfileName = Literal["quick", "standard", "paper"]
DecisionRule = Literal["single_draw", "vote", "mean", "exact", "shots"]
Unit = Literal["points", "norm", "plain"]
"""Unit of a claim's numbers: shares, which are shown as percentage points, norms, or numbers as they are."""
Order = Literal["shuffled", "file"]

GradientRule = Literal["single_draw", "exact", "parameter_shift", "finite_difference"]

Answers = Literal["scores", "decisions"]
"""What an attacker without gradients gets: a number for each class, or the class alone."""

CellStatus = Literal["worse", "better", "not comparable", "not testable", "vanished", "new", "unchanged"]
"""The judgement of a cell against the baseline."""

VERDICTS: tuple[Verdict, ...] = ("supported", "refuted", "inconclusive", "invalid")
SEVERITIES: tuple[Severity, ...] = ("void", "weak", "note")
"""What findings do to a verdict, the gravest first."""
PROFILES: tuple[ProfileName, ...] = ("quick", "standard", "paper")
CELL_STATUSES: tuple[CellStatus, ...] = get_args(CellStatus)
"""Every status, the most urgent first, as reports list them."""
