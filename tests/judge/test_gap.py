"""What the battery finds beyond a cell's own attacks, and what it leaves of a verdict."""

from __future__ import annotations

import numpy as np
import pytest

from qaml.claims.base import Cell, Estimate, Term
from qaml.claims.rules import verdict_of
from qaml.judge.findings.subject import Assessed
from qaml.judge.gap import about_attacks, checked
from qaml.judge.judge import judge
from qaml.judge.source import Detections
from qaml.metrics.evidence import Attacked, Clean, Diagnosis
from tests.judge.findings.evidence import attacked, healthy, healthy_diagnosis, right
from tests.judge.sources import ArraySource, claim, entry, nothing_more, traits

N = 400


def cell(metric: str = "robust_accuracy", attack: tuple[str, ...] = ("bim",), **fields: object) -> Cell:
    return Cell.model_validate({"model": "model", "attack": attack, "metric": metric, **fields})


def assessed(diagnosis: Diagnosis | None, evidence: Attacked | None = None, **trait: object) -> dict[str, Assessed]:
    name = str(trait.pop("name", "bim"))
    subject = healthy(attack=traits(name, **trait), evidence=evidence)._replace(diagnosis=diagnosis)  # type: ignore[arg-type]
    return {name: Assessed(subject, ())}


def test_images_right_under_the_attack_and_wrong_with_the_battery_are_counted() -> None:
    """The attack leaves 168 right at 0.2; the battery's best member leaves 160, another one 150."""
    found = checked(cell(), assessed(healthy_diagnosis(pgd=right(160), fgsm=right(150))), (0.2,))
    assert found.is_in_scope
    assert found.gap == ((18.0,), (N,))


def test_what_a_member_did_not_see_had_been_fooled_before() -> None:
    square = np.full(N, np.nan, dtype=np.float32)
    square[:170] = right(100)[:170]
    found = checked(cell(), assessed(healthy_diagnosis(square=square)), (0.2,))  # type: ignore[arg-type]
    assert found.gap is not None
    assert found.gap.fooled == (68.0,)


def test_one_masked_run_of_four_is_seen_and_told_apart() -> None:
    """All runs are right under the attack; the battery fools the last one's images only."""
    runs = np.arange(N) % 4
    members = {"pgd": (runs < 3).astype(np.float32)}
    everything = np.ones((4, N), dtype=np.float32)
    diagnosis = nothing_more(N, 0.2)._replace(correct=members, runs=runs)
    subject = healthy()._replace(
        clean=Clean(everything, np.arange(N)),
        attacked=Attacked(everything[:, None], (0.2,), np.arange(N)),
        diagnosis=diagnosis,
    )
    found = checked(cell(), {"bim": Assessed(subject, ())}, (0.2,))
    assert found.gap == ((0.0, 0.0, 0.0, 100.0), (100, 100, 100, 100))


def test_shares_of_the_clean_correct_are_counted_among_them() -> None:
    for metric in ("retained", "attack_success_rate"):
        found = checked(cell(metric), assessed(healthy_diagnosis(pgd=right(150))), (0.2,))
        assert found.gap == ((18.0,), (380,))


def test_a_smaller_budget_is_checked_by_batteries_within_it() -> None:
    known = assessed(healthy_diagnosis(pgd=right(0)))
    assert checked(cell(epsilon=0.1), known, (0.1,)).gap is None
    subject = known["bim"].subject._replace(weaker=(nothing_more(N, 0.1),))
    assert checked(cell(epsilon=0.1), {"bim": Assessed(subject, ())}, (0.1,)).gap == ((0.0,), (N,))


@pytest.mark.parametrize(
    ("changes", "trait"),
    [
        ({"protocol": "as_published"}, {}),
        ({"metric": "fidelity"}, {}),
        ({}, {"is_white_box": False, "surrogate": "cnn"}),
        ({}, {"is_exact": True}),
    ],
)
def test_out_of_scope(changes: dict[str, str], trait: dict[str, object]) -> None:
    found = checked(cell(**changes), assessed(healthy_diagnosis(), **trait), (0.2,))  # type: ignore[arg-type]
    assert not found.is_in_scope


def test_claims_about_attacks_compare_two_of_them_on_one_model() -> None:
    weak, strong = cell(), cell(attack=("pgd",))
    other = Cell(model="other", attack=("pgd",), metric="robust_accuracy")
    assert about_attacks((Term(weak, 1.0), Term(strong, -1.0))) == {"model"}
    assert about_attacks((Term(weak, 1.0), Term(other, -1.0))) == frozenset()
    assert about_attacks((Term(cell(epsilon=0.1), 1.0), Term(weak, -1.0))) == frozenset()
    assert about_attacks((Term(cell("clean_accuracy", ()), 1.0), Term(weak, -1.0))) == frozenset()


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "supported"),
        ({"worst_low": 0.51}, "supported"),
        ({"worst_low": 0.49}, "invalid"),
        ({"worst_low": 0.0, "is_unchecked": (True, False)}, "inconclusive"),
        ({"worst_high": 2.0}, "supported"),
        ({"low": 0.3, "high": 0.4, "value": 0.35, "worst_low": 0.1}, "refuted"),
        ({"low": 0.3, "worst_low": 0.1}, "inconclusive"),
    ],
)
def test_what_is_supported_must_hold_with_the_battery(changes: dict[str, object], verdict: str) -> None:
    plain = Estimate(0.6, 0.55, 0.65)
    assert verdict_of(plain._replace(**changes), 0.5, None) == verdict  # type: ignore[arg-type]


def test_a_verdict_says_what_the_battery_leaves() -> None:
    """72 % ± 4 under the attack; the battery fools 30 images of 400 more."""
    source = ArraySource()
    source.cleans["model"] = Clean(right(380)[None].astype(np.float32), np.arange(N))
    source.attacks["model", "bim"] = attacked(right(288), epsilons=(0.2,))
    source.diagnoses["model", "bim"] = nothing_more(N, 0.2)._replace(correct={"pgd": right(258)})

    def answer(at_least: float) -> tuple[str, str]:
        part = claim("bound", metric="robust_accuracy", of={"model": "model", "attack": "bim"}, at_least=at_least)
        found = judge(entry(part), source)
        return found.verdict, found.reason

    assert answer(0.55)[0] == "supported"
    verdict, reason = answer(0.65)
    assert verdict == "invalid"
    assert "72.0 %" in reason
    assert "with the battery at most 64.5" in reason
    assert answer(0.80)[0] == "refuted"


def test_a_detector_that_hears_of_a_failing_attack_says_nothing() -> None:
    """Being weaker than another attack is no failure; gradients of zero are."""
    source = ArraySource()
    source.cleans["model"] = Clean(right(380)[None].astype(np.float32), np.arange(N))
    source.attacks["model", "bim"] = attacked(right(288), epsilons=(0.2,))
    flags = right(300)[None].astype(np.float32)
    heard = (("model", None), ("model", "bim"))
    source.detected["pair"] = Detections(flags, 1 - flags, heard=heard)
    part = claim("detection", detector="pair", true_positives_at_least=0.6, false_positives_at_most=0.4)
    for diagnosis, verdict in (
        (nothing_more(N, 0.2), "supported"),
        (nothing_more(N, 0.2)._replace(correct={"pgd": right(100)}), "supported"),
        (nothing_more(N, 0.2)._replace(zero_gradient=right(100)), "invalid"),
    ):
        source.diagnoses["model", "bim"] = diagnosis
        assert judge(entry(part), source).verdict == verdict
