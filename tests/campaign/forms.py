"""The same weaknesses behind every kind of claim: what one kind does not support, another one must not either."""

from __future__ import annotations

from collections.abc import Callable
from math import nan
from typing import Any, NamedTuple

from tests.campaign.healthy import module_of
from tests.campaign.pairs import ATTACKS, Pair, model_of
from tests.campaign.plain import FIELDS
from tests.campaign.runner import Record, Workplace, judged
from tests.campaign.truth import Truth

SLACK = 0.03
"""Beyond what is known to be true."""

MASKS = (
    "times100",
    "over1e9",
    "clamped",
    "rounded_fine",
    "ripple_rounded",
    "noise_hidden",
    "standardised",
    "when_differentiated",
    "permuted",
    "decoy",
)


class Known(NamedTuple):
    """What is known of a masked network and its plain one.

    Attributes:
        masked: it keeps at most so much at the full budget.
        near: and so much at four fifths of it.
        clean: its accuracy.
        plain: what the plain network keeps, as near as many attacks know it.
    """

    masked: float
    near: float
    clean: float
    plain: float
    epsilon: float


class Form(NamedTuple):
    """A claim that is false.

    Attributes:
        claim: (what is known) → the claim's own fields.
        budgets: of the attack, as shares of the full one.
    """

    claim: Callable[[Known], dict[str, Any]]
    budgets: tuple[float, ...] = (1.0,)


MASKED = {"model": "m", "attack": "a"}
PLAIN = {"model": "plain", "attack": "a"}


def _bound(metric: str, side: str, limit: float, **cell: Any) -> dict[str, Any]:
    return {"kind": "bound", "metric": metric, "of": {**MASKED, **cell}, side: round(limit, 4)}


def _difference(of: dict[str, Any], over: dict[str, Any], side: str, limit: float) -> dict[str, Any]:
    return {"kind": "difference", "metric": "robust_accuracy", "of": of, "over": over, side: round(limit, 4)}


FORMS: dict[str, Form] = {
    "accuracy_under_attack": Form(lambda k: _bound("accuracy_under_attack", "at_least", k.masked + SLACK)),
    "success_rate": Form(lambda k: _bound("attack_success_rate", "at_most", 1 - k.masked / k.clean - SLACK)),
    "retained": Form(lambda k: _bound("retained", "at_least", k.masked / k.clean + SLACK)),
    "every_budget": Form(
        lambda k: _bound("robust_accuracy", "at_least", k.masked + SLACK, epsilon="every"), (0.25, 0.5, 1.0)
    ),
    "smallest": Form(
        lambda k: _bound("robust_accuracy", "at_least", k.masked + SLACK, epsilon="every", aggregate="min"), (0.5, 1.0)
    ),
    "crossing": Form(
        lambda k: _bound("epsilon_at", "at_least", 0.8 * k.epsilon, level=round(k.near + SLACK, 4)), (0.5, 0.8, 1.0)
    ),
    "more_than_plain": Form(lambda k: _difference(MASKED, PLAIN, "at_least", max(k.masked - k.plain, 0) + 2 * SLACK)),
    "less_than_masked": Form(lambda k: _difference(PLAIN, MASKED, "at_most", min(k.plain - k.masked, 0) - 2 * SLACK)),
    "loses_little": Form(
        lambda k: _difference(
            {"model": "m", "metric": "clean_accuracy"}, MASKED, "at_most", max(k.clean - k.masked - SLACK, 0.01)
        )
    ),
    "flat": Form(
        lambda _: {
            "kind": "trend",
            "metric": "robust_accuracy",
            "along": [{**MASKED, "epsilon": "every"}],
            "direction": "flat",
            "margin": 0.08,
        },
        (0.1, 1.0),
    ),
    "ordered": Form(
        lambda k: {
            "kind": "ordering",
            "metric": "robust_accuracy",
            "order": [MASKED, PLAIN],
            "tie": round(max(k.masked - k.plain, 0) + 2 * SLACK, 4),
        }
    ),
    "any_of": Form(
        lambda k: {
            "kind": "any_of",
            "claims": [
                _bound("robust_accuracy", "at_least", k.masked + SLACK),
                _bound("retained", "at_least", k.masked / k.clean + SLACK),
            ],
        }
    ),
}


def every_form() -> list[tuple[str, Pair, Form]]:
    """Name, weakness under PGD or FGSM, claim."""
    found = []
    for number, how in enumerate(MASKS):
        for name, form in FORMS.items():
            pair = Pair("digits", "mlp", how, "pgd" if number % 2 else "mim")
            found.append((f"{pair.name}-{name}", pair, form))
    return found


def try_form(name: str, pair: Pair, form: Form, place: Workplace) -> Record:
    """A suite with the masked and the plain network, and the claim."""
    truth = place.truth(pair.field, pair.net)
    known = known_of(truth, pair)
    claim = form.claim(known)
    attack = {**ATTACKS[pair.attack], "epsilon": [round(pair.epsilon * share, 6) for share in form.budgets]}
    suite = {
        "suite": "forms",
        "datasets": {"d": FIELDS[pair.field].spec},
        "models": {"m": model_of(pair, truth.plain), "plain": {**module_of(truth.plain), "dataset": "d"}},
        "attacks": {"a": attack},
        "claims": [{"id": "c", "statement": "Not so.", **claim}],
    }
    results, seconds = place.run(suite)
    limit = next((value for key, value in claim.items() if key in ("at_least", "at_most", "margin", "tie")), nan)
    return judged((name, name.rpartition("-")[2], pair.attack, known.masked, limit, known.clean), results, seconds)


def known_of(truth: Truth, pair: Pair) -> Known:
    epsilon = pair.epsilon
    return Known(
        truth.at_most(pair.how, pair.norm, epsilon),
        truth.at_most(pair.how, pair.norm, round(0.8 * epsilon, 6)),
        truth.clean(pair.how),
        truth.at_most("plain", pair.norm, epsilon),
        epsilon,
    )
