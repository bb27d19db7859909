"""Findings limit cells, and other attacks in a cell cure them."""

from __future__ import annotations

import numpy as np
import pytest

from qaml.claims.base import Cell
from qaml.judge.findings import Rival, Subject, findings_of
from qaml.judge.judge import judge
from qaml.judge.weakness import Assessed, Effect, effect_on
from qaml.metrics.evidence import Attacked, AttackTraits, Diagnosis
from tests.judge.findings.evidence import attacked, healthy, healthy_diagnosis, right
from tests.judge.sources import ArraySource, claim, entry, traits

LOWER, HIGHER, NONE = Effect(may_be_lower=True), Effect(may_be_higher=True), Effect()
FGSM = traits("fgsm", is_iterative=False)
PGD = traits("pgd")
MOVED = traits("moved", is_white_box=False, surrogate="cnn")
MASKED = healthy_diagnosis(transfer=right(100))


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
    found = of(WEAK_PGD, TRANSFERRED)
    assert effect_on(robust("pgd"), found) == LOWER
    assert effect_on(robust("pgd", "moved"), found) == NONE


def test_a_feeble_transfer_cures_nothing() -> None:
    found = of(WEAK_PGD, FEEBLE_TRANSFER)
    assert effect_on(robust("pgd", "moved"), found) == LOWER


def test_one_step_and_iterative_together_cure_each_other() -> None:
    fgsm_stronger = healthy_diagnosis(fgsm=right(100), pgd=right(168))
    strong_fgsm = (FGSM, attacked(right(200), right(100)))
    found = of(WEAK_PGD, strong_fgsm, diagnosis=fgsm_stronger)
    assert effect_on(robust("pgd"), found) == LOWER
    assert effect_on(robust("fgsm"), found) == LOWER
    assert effect_on(robust("pgd", "fgsm"), found) == NONE
    # an FGSM of the claim that is feebler than the battery's cures nothing
    found = of(WEAK_PGD, WEAK_FGSM, diagnosis=fgsm_stronger)
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


def test_cumulative_grids_cure_a_falling_success() -> None:
    found = of((PGD, attacked(right(120), right(168))), diagnosis=healthy_diagnosis())
    assert effect_on(robust("pgd"), found) == NONE
    assert effect_on(robust("pgd", metric="accuracy_under_attack"), found) == LOWER


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
    found = of(short, WEAK_PGD, diagnosis=healthy_diagnosis())
    assert effect_on(robust("bim"), found) == LOWER
    assert effect_on(robust("bim", "pgd"), found) == NONE


def test_a_comparison_becomes_decidable_by_the_honest_strong_attack() -> None:
    """The RBM's masked gradient makes 'RBM beats CNN' invalid; with the transfer beside it the claim is refuted."""
    source = ArraySource()
    subjects: dict[str, tuple[Subject, Attacked]] = {
        "rbm": (healthy(diagnosis=MASKED), TRANSFERRED[1]),
        "cnn": (healthy(evidence=attacked(right(250), right(150))), FEEBLE_TRANSFER[1]),
    }
    source.all_traits = {"pgd": PGD, "moved": MOVED}
    for model, (subject, transferred) in subjects.items():
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
        return found.verdict, {f.name for f in found.findings if f.severity == "weak"}

    assert verdict(["pgd"], 0.0) == ("invalid", {"transfer_beats_white_box"})
    assert verdict(["pgd", "moved"], 0.0) == ("refuted", {"transfer_beats_white_box"})
    assert verdict(["pgd", "moved"], -0.3) == ("supported", {"transfer_beats_white_box"})
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
