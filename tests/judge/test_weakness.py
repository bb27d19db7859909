"""Findings limit cells, and other attacks in a cell cure them."""

from __future__ import annotations

import numpy as np
import pytest

from qaml.claims.base import Cell
from qaml.judge.findings import findings_of
from qaml.judge.findings.subject import Assessed, Rival, Subject
from qaml.judge.judge import judge
from qaml.judge.weakness import Effect, effect_on
from qaml.metrics.evidence import Attacked, AttackTraits, Diagnosis
from tests.judge.findings.evidence import attacked, healthy, healthy_diagnosis, right
from tests.judge.sources import ArraySource, claim, entry, traits

LOWER, HIGHER, NONE = Effect(may_be_lower=True), Effect(may_be_higher=True), Effect()
FGSM = traits("fgsm", is_iterative=False)
PGD = traits("pgd")
MOVED = traits("moved", is_white_box=False, surrogate="cnn")
MASKED = healthy_diagnosis(transfer=right(100))
"""Of 380 clean-correct images the transferred attack of the diagnostics fools 280."""


def robust(*attacks: str, **fields: object) -> Cell:
    return Cell.model_validate({"model": "model", "attack": attacks, "metric": "robust_accuracy", **fields})


def of(*pairs: tuple[AttackTraits, Attacked], diagnosis: Diagnosis = MASKED) -> dict[str, Assessed]:
    """Findings of several attacks on one model; white-box ones are diagnosed."""
    found = {}
    for attack, evidence in pairs:
        rivals = tuple(Rival(t, e) for t, e in pairs if t is not attack)
        own = diagnosis if attack.is_white_box else None
        subject = healthy(attack=attack, evidence=evidence, rivals=rivals)._replace(diagnosis=own)
        found[attack.name] = Assessed(subject, findings_of(subject))
    return found


WEAK_PGD = (PGD, attacked(right(280), right(168)))
"""Misses a quarter of what the transferred attack fools."""
NEARLY_PGD = (PGD, attacked(right(280), right(112)))
"""Misses 12 of its 280 adversarials: beaten beyond chance, but by little."""
WEAK_FGSM = (FGSM, attacked(right(300), right(240)))
TRANSFERRED = (MOVED, attacked(right(240), right(100)))
FEEBLE_TRANSFER = (MOVED, attacked(right(375), right(370)))


def test_directions_follow_the_metric() -> None:
    found = of(WEAK_PGD)
    assert effect_on(robust("pgd"), found) == LOWER
    for metric in ("accuracy_under_attack", "retained", "epsilon_at", "norm_quantile"):
        assert effect_on(robust("pgd", metric=metric), found) == LOWER
    assert effect_on(robust("pgd", metric="attack_success_rate"), found) == HIGHER
    assert effect_on(robust("pgd", protocol="as_published"), found) == NONE
    assert effect_on(Cell(model="model", metric="clean_accuracy"), found) == NONE


def test_void_findings_void() -> None:
    found = of(WEAK_PGD, diagnosis=healthy_diagnosis()._replace(outside=3))
    assert effect_on(robust("pgd"), found) == Effect(is_void=True)


def test_transfer_in_the_cell_cures_what_it_showed() -> None:
    found = of(NEARLY_PGD, TRANSFERRED)
    assert effect_on(robust("pgd"), found) == LOWER
    assert effect_on(robust("pgd", "moved"), found) == NONE


def test_an_attack_that_misses_a_quarter_of_known_adversarials_is_not_cured_by_adding_them() -> None:
    """Of the adversarials that nobody showed it misses a quarter, too: the cell stays an upper bound."""
    found = of(WEAK_PGD, TRANSFERRED)
    assert effect_on(robust("pgd", "moved"), found) == LOWER
    # nor by a transferred attack alone: nothing of the model itself was attacked well
    assert effect_on(robust("moved"), found) == NONE  # the claim is about the transferred attack only
    fgsm = (FGSM, attacked(right(300), right(240)))
    assert effect_on(robust("fgsm", "moved"), of(fgsm, TRANSFERRED)) == LOWER


def test_a_feeble_transfer_cures_nothing() -> None:
    found = of(WEAK_PGD, FEEBLE_TRANSFER)
    assert effect_on(robust("pgd", "moved"), found) == LOWER


def test_one_step_and_iterative_together_cure_each_other() -> None:
    fgsm_stronger = healthy_diagnosis(fgsm=right(100), pgd=right(112))
    strong_fgsm = (FGSM, attacked(right(200), right(100)))
    assert effect_on(robust("pgd", "fgsm"), of(WEAK_PGD, strong_fgsm, diagnosis=fgsm_stronger)) == LOWER
    found = of(NEARLY_PGD, strong_fgsm, diagnosis=fgsm_stronger)
    assert effect_on(robust("pgd"), found) == LOWER
    assert effect_on(robust("fgsm"), found) == LOWER
    assert effect_on(robust("pgd", "fgsm"), found) == NONE
    # an FGSM of the claim that is feebler than the battery's cures nothing
    found = of(NEARLY_PGD, WEAK_FGSM, diagnosis=fgsm_stronger)
    assert effect_on(robust("pgd", "fgsm"), found) == LOWER


def test_a_clean_iterative_attack_cures_a_weak_one() -> None:
    strong = (traits("autoattack"), attacked(right(200), right(90)))
    found = of(WEAK_PGD, strong)
    assert effect_on(robust("pgd"), found) == LOWER
    assert effect_on(robust("autoattack"), found) == NONE
    assert effect_on(robust("pgd", "autoattack"), found) == NONE
    other_norm = (strong[0]._replace(norm="l2"), strong[1])
    assert effect_on(robust("pgd", "autoattack"), of(WEAK_PGD, other_norm)) == LOWER
    unseen = found | {"autoattack": Assessed(found["autoattack"].subject._replace(diagnosis=None), ())}
    assert effect_on(robust("pgd", "autoattack"), unseen) == LOWER


def test_a_falling_success_limits_the_budgets_from_the_fall_on() -> None:
    """Cumulative metrics, too: an attack that loses what it had found misses what it had not."""
    found = of((PGD, attacked(right(120), right(168))), diagnosis=healthy_diagnosis())
    for metric in ("robust_accuracy", "accuracy_under_attack", "retained"):
        assert effect_on(robust("pgd", metric=metric), found) == LOWER
        assert effect_on(robust("pgd", metric=metric, epsilon=0.2), found) == LOWER
        assert effect_on(robust("pgd", metric=metric, epsilon=0.1), found) == NONE
    assert effect_on(robust("pgd", metric="epsilon_at"), found) == LOWER
    sound = (traits("autoattack"), attacked(right(100), right(40)))
    found = of((PGD, attacked(right(120), right(168))), sound, diagnosis=healthy_diagnosis())
    assert effect_on(robust("pgd", "autoattack"), found) == NONE


def test_what_was_not_looked_for_is_no_cure() -> None:
    missed = healthy_diagnosis()._replace(planted_missed=right(16, 32))
    strong = (traits("autoattack"), attacked(right(200), right(90)))
    found = of(WEAK_PGD, strong, diagnosis=missed)
    assert effect_on(robust("pgd", "autoattack"), found) == LOWER
    subject = found["autoattack"].subject
    for planted, effect in ((None, LOWER), (right(1, 32), NONE)):
        again = subject._replace(diagnosis=missed._replace(planted_missed=planted))
        assert (
            effect_on(robust("pgd", "autoattack"), found | {"autoattack": Assessed(again, findings_of(again))})
            == effect
        )


def test_an_attack_looked_at_with_a_smaller_budget_is_no_cure() -> None:
    strong = (traits("autoattack"), attacked(right(200), right(90)))
    found = of(WEAK_PGD, strong)
    assert effect_on(robust("pgd", "autoattack"), found) == NONE
    subject = found["autoattack"].subject
    smaller = subject._replace(diagnosis=healthy_diagnosis()._replace(epsilon=0.1))
    found |= {"autoattack": Assessed(smaller, findings_of(smaller))}
    assert {finding.severity for finding in found["autoattack"].findings} <= {"note"}
    assert effect_on(robust("pgd", "autoattack"), found) == LOWER
    assert effect_on(robust("pgd", "autoattack", epsilon=0.1), found) == NONE


@pytest.mark.parametrize(
    "diagnosis",
    [
        healthy_diagnosis()._replace(zero_gradient=right(100)),
        healthy_diagnosis()._replace(outputs_are_probabilities=True),
        healthy_diagnosis(unbounded=right(100)),
    ],
)
def test_masked_gradients_are_not_cured_by_more_attacks(diagnosis: Diagnosis) -> None:
    found = of(WEAK_PGD, (traits("autoattack"), attacked(right(200), right(90))), TRANSFERRED, diagnosis=diagnosis)
    assert effect_on(robust("pgd", "autoattack", "moved"), found) == LOWER


def test_an_attack_out_of_reach_is_cured_by_one_within() -> None:
    short = (traits("bim", reach={0.2: 0.1}), attacked(right(280), right(168)))
    within = (traits("pgd", reach={0.2: 0.5}), WEAK_PGD[1])
    found = of(short, within, diagnosis=healthy_diagnosis())
    assert effect_on(robust("bim"), found) == LOWER
    assert effect_on(robust("bim", "pgd"), found) == NONE


def test_a_comparison_becomes_decidable_by_the_honest_strong_attack() -> None:
    """The RBM's masked gradient makes 'RBM beats CNN' invalid; with the transfer beside it the claim is refuted, and
    with an attack that finds as much as the transfer it can be supported, too.
    """
    source = ArraySource()
    subjects: dict[str, tuple[Subject, Attacked, Attacked]] = {
        "rbm": (healthy(diagnosis=MASKED), TRANSFERRED[1], attacked(right(200), right(90))),
        "cnn": (
            healthy(evidence=attacked(right(250), right(150))),
            FEEBLE_TRANSFER[1],
            attacked(right(250), right(150)),
        ),
    }
    source.all_traits = {"pgd": PGD, "moved": MOVED, "autoattack": traits("autoattack")}
    for model, (subject, transferred, strong) in subjects.items():
        source.attacks[model, "autoattack"] = strong
        source.diagnoses[model, "autoattack"] = subject.diagnosis or MASKED
        assert subject.diagnosis is not None
        source.cleans[model] = subject.clean
        source.attacks[model, "pgd"] = subject.attacked
        source.attacks[model, "moved"] = transferred
        source.diagnoses[model, "pgd"] = subject.diagnosis

    def verdict(attack: list[str], at_least: float) -> tuple[str, set[str]]:
        part = claim(
            "difference",
            metric="robust_accuracy",
            of={"model": "rbm", "attack": attack},
            over={"model": "cnn", "attack": attack},
            at_least=at_least,
        )
        found = judge(entry(part), source)
        weak = {f.name for f in found.findings if f.severity == "weak"}
        return found.verdict, weak - {"another_attack_fools_more"}

    assert verdict(["pgd"], 0.0) == ("invalid", {"transfer_beats_white_box"})
    assert verdict(["pgd", "moved"], 0.0) == ("refuted", {"transfer_beats_white_box"})
    assert verdict(["pgd", "moved"], -0.3) == ("invalid", {"transfer_beats_white_box"})
    assert verdict(["pgd", "moved", "autoattack"], -0.3) == ("supported", {"transfer_beats_white_box"})
    assert verdict(["pgd", "moved", "autoattack"], 0.0) == ("refuted", {"transfer_beats_white_box"})
    assert verdict(["pgd"], 0.3) == ("refuted", {"transfer_beats_white_box"})


def test_void_evidence_makes_any_claim_invalid() -> None:
    source = ArraySource()
    subject = healthy()
    assert subject.diagnosis is not None
    source.cleans["m"], source.attacks["m", "pgd"] = subject.clean, subject.attacked
    source.diagnoses["m", "pgd"] = subject.diagnosis._replace(non_finite=2)
    part = claim("bound", metric="robust_accuracy", of={"model": "m", "attack": "pgd"}, at_least=0.1)
    found = judge(entry(part), source)
    assert found.verdict == "invalid"
    assert "void" in found.reason
    assert np.isfinite(found.measured[0].estimate.value)
