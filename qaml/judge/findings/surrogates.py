"""Findings about the models that transferred attacks are made on."""

from __future__ import annotations

import math
from collections.abc import Iterator

from qaml.judge.findings.check import OfSurrogate, Raised
from qaml.judge.findings.model import ModelEvidence
from qaml.judge.statistics.exact import binomial_excess

ALARMS = 0.001
"""Probability of a false finding for a surrogate exactly at its reference, over all runs together."""


def _below_reference(evidence: ModelEvidence) -> Iterator[Raised]:
    """Raised for a surrogate with runs that are significantly less accurate than its kind is known to be.

    The finding is about these trained models, which the attacks were made on, so only the images are a sample: an exact
    test of each run's errors.
    """
    surrogate, correct = evidence.surrogate, evidence.clean.correct
    assert surrogate is not None
    accuracies, n = correct.mean(axis=1), correct.shape[1]
    errors = [math.floor(n * (1 - share) + 1e-6) for share in accuracies.astype(float)]  # k of K draws are shares
    chances = [binomial_excess(wrong, n, 1 - surrogate.accuracy) for wrong in errors]
    below = sum(chance < ALARMS / len(chances) for chance in chances)
    if below:
        runs = f"{below} of its {len(accuracies)} training runs" if len(accuracies) > 1 else "its training run"
        message = (
            f"{_listed(surrogate.attacks)} {'is' if len(surrogate.attacks) == 1 else 'are'} made on {evidence.model}, "
            f"whose clean accuracy is {100 * float(accuracies.mean()):.1f} % ({runs} surely below): its kind reaches "
            f"{100 * surrogate.accuracy:g} %"
        )
        message += f" ({surrogate.source})" if surrogate.source else ""
        yield Raised(message)


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]


CHECKS = (OfSurrogate("surrogate_below_reference", lambda one: one.surrogate is not None, _below_reference),)
