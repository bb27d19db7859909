"""Every finding is raised by evidence built to raise it, and not by a healthy model."""

from __future__ import annotations

import re

import numpy as np
import pytest

from qaml.judge.findings import OF_RUNS, findings_of, look
from qaml.judge.findings.model import ModelEvidence
from qaml.judge.findings.subject import Rival, Subject
from qaml.metrics.evidence import Attacked, Clean
from qaml.vocab import Severity
from tests.judge.findings.evidence import SOUND, N, attacked, healthy, healthy_diagnosis, right
from tests.judge.sources import traits

DIAGNOSIS = healthy_diagnosis()
FGSM = traits("fgsm", is_iterative=False)
TENTH = right(N // 10)


def flagged(subject: Subject) -> dict[str, Severity]:
    return {finding.name: finding.severity for finding in findings_of(subject)}


def test_healthy_evidence_raises_nothing() -> None:
    assert flagged(healthy()) == {}
    assert flagged(healthy(attack=FGSM, evidence=attacked(right(300), right(190)))) == {}


def test_one_step_is_held_against_the_battery() -> None:
    """40 of 400 images are a tenth; 41 are more."""
    assert flagged(healthy(attack=FGSM, evidence=attacked(right(300), right(200)))) == {}
    assert flagged(healthy(attack=FGSM, evidence=attacked(right(300), right(201)))) == {
        "another_attack_fools_more": "weak"
    }


def test_another_iterative_attack_that_fools_more_is_noted() -> None:
    """With two rivals in the claim and three in the battery p must be below 0.0002: 13 images of 380, not 12."""
    one_step = Rival(FGSM, attacked(right(300), right(240)))
    for n_more, found in ((12, {}), (13, {"another_attack_fools_more": "note"})):
        stronger = Rival(traits("autoattack"), attacked(right(280), right(168 - n_more)))
        assert flagged(healthy(rivals=(stronger, one_step))) == found
    assert flagged(healthy(rivals=(Rival(traits("mim"), attacked(right(280), right(168))), one_step))) == {}


def test_noise_is_no_search() -> None:
    noise = traits("noise", is_iterative=False)._replace(is_search=False)
    evidence = attacked(right(375), right(370))
    assert flagged(healthy(attack=noise, evidence=evidence)) == {
        "no_search": "weak",
        "another_attack_fools_more": "weak",
    }


BROKEN: list[tuple[str, Severity, Subject]] = [
    ("non_finite", "void", healthy(diagnosis=DIAGNOSIS._replace(non_finite=1))),
    ("outside_budget", "void", healthy(diagnosis=DIAGNOSIS._replace(outside=1))),
    ("margin_below_precision", "void", healthy(diagnosis=DIAGNOSIS._replace(margin_below_precision=TENTH))),
    ("margin_below_precision", "note", healthy(diagnosis=DIAGNOSIS._replace(margin_below_precision=right(3)))),
    ("zero_gradients", "weak", healthy(diagnosis=DIAGNOSIS._replace(zero_gradient=right(39)))),
    ("zero_gradients", "note", healthy(diagnosis=DIAGNOSIS._replace(zero_gradient=right(38)))),
    ("probabilities_as_logits", "weak", healthy(diagnosis=DIAGNOSIS._replace(outputs_are_probabilities=True))),
    ("iterative_weaker_than_one_step", "weak", healthy(diagnosis=healthy_diagnosis(fgsm=right(100)))),
    (
        "iterative_weaker_than_one_step",
        "weak",
        healthy(attack=FGSM, evidence=attacked(right(300), right(150)), diagnosis=healthy_diagnosis(pgd=right(250))),
    ),
    ("transfer_beats_white_box", "weak", healthy(diagnosis=healthy_diagnosis(transfer=right(100)))),
    (
        "transfer_beats_white_box",
        "weak",
        healthy(
            attack=FGSM, evidence=attacked(right(300), right(240)), diagnosis=healthy_diagnosis(transfer=right(100))
        ),
    ),
    (
        "transfer_beats_white_box",
        "weak",
        healthy(rivals=(Rival(traits("moved", is_white_box=False, surrogate="cnn"), attacked(TENTH, TENTH)),)),
    ),
    (
        "noise_as_strong",
        "weak",
        healthy(evidence=attacked(right(365), right(365)), diagnosis=healthy_diagnosis(noise=right(360))),
    ),
    ("success_falls_with_epsilon", "weak", healthy(evidence=attacked(right(120), right(168)))),
    (
        "success_falls_with_epsilon",
        "note",
        healthy(attack=FGSM, evidence=attacked(right(200), right(240))),
    ),
    ("unbounded_attack_fails", "weak", healthy(diagnosis=healthy_diagnosis(unbounded=right(20)))),
    ("cannot_reach_epsilon", "weak", healthy(attack=traits("bim", reach={0.1: 0.1, 0.2: 0.15}))),
    (
        "cannot_reach_epsilon",
        "note",
        healthy(attack=traits("bim", reach={0.2: 0.15}))._replace(is_published=True),
    ),
    ("no_averaging", "weak", healthy(diagnosis=healthy_diagnosis(eot=right(40)))),
    ("planted_missed", "weak", healthy(diagnosis=DIAGNOSIS._replace(planted_missed=right(10, 32)))),
    (
        "planted_missed",
        "note",
        healthy(
            attack=FGSM,
            evidence=attacked(right(300), right(240)),
            diagnosis=DIAGNOSIS._replace(planted_missed=right(10, 32)),
        ),
    ),
]


@pytest.mark.parametrize(("name", "severity", "subject"), BROKEN)
def test_raised(name: str, severity: Severity, subject: Subject) -> None:
    assert flagged(subject).get(name) == severity


def test_a_few_missed_planted_adversarials_are_chance() -> None:
    assert flagged(healthy(diagnosis=DIAGNOSIS._replace(planted_missed=right(9, 32)))) == {}
    assert flagged(healthy(diagnosis=DIAGNOSIS._replace(planted_missed=right(4, 5)))) == {}


def test_a_constant_model_leaves_nothing_to_fool() -> None:
    stuck = healthy_diagnosis(unbounded=right(380))
    assert flagged(healthy(diagnosis=stuck)) == {"unbounded_attack_fails": "weak"}
    assert flagged(healthy(diagnosis=stuck._replace(is_constant=True))) == {}


def test_library_count() -> None:
    evidence = attacked(right(280), right(168))
    assert evidence.claimed is not None
    wrong = evidence.claimed.copy()
    wrong[0, 0, 300:302] = False
    assert flagged(healthy(evidence=evidence._replace(claimed=wrong))) == {"library_count_differs": "note"}
    wrong[0, 0, 301] = True
    assert flagged(healthy(evidence=evidence._replace(claimed=wrong))) == {}


@pytest.mark.parametrize(
    ("accuracies", "is_raised"),
    [
        ((0.95, 0.94, 0.10), True),
        ((0.95, 0.94, 0.66), False),
        ((0.95, 0.70, 0.50), False),
        ((0.9, 0.92, 0.91, 0.89, 0.2), True),
    ],
)
def test_collapsed_seed(accuracies: tuple[float, ...], is_raised: bool) -> None:
    correct = np.stack([right(int(1000 * a), 1000) for a in accuracies]).astype(np.float32)
    found = list(look(OF_RUNS, ModelEvidence("model", Clean(correct, np.arange(1000)))))
    assert [finding.name for finding in found] == ["collapsed_seed"] * is_raised
    assert all(finding.severity == "note" and "seed" in finding.message for finding in found)


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ([], None),
        ([{"loss": [0.1]}], None),
        ([{"effective beta": [0.3, 0.95]}, {"effective beta": [1.08]}], None),
        (
            [{"effective beta": [1.0]}, {"effective beta": [1.0, 0.43]}],
            "of 1 of 2 training runs ended at β off 1, .* 0.43",
        ),
        ([{"effective beta": [float("nan")]}], "of 1 of 1 training runs"),
    ],
)
def test_an_annealer_off_its_temperature(curves: list[dict[str, list[float]]], message: str | None) -> None:
    found = list(look(OF_RUNS, ModelEvidence("qrbm", SOUND, history=curves)))
    assert [(each.name, each.severity) for each in found] == [("annealer_off_temperature", "note")] * bool(message)
    assert all(re.search(str(message), finding.message) for finding in found)


def test_two_seeds_cannot_tell_a_collapse() -> None:
    correct = np.stack([right(900, 1000), right(100, 1000)]).astype(np.float32)
    (finding,) = look(OF_RUNS, ModelEvidence("model", Clean(correct, np.arange(1000))))
    assert not finding.assessed
    assert list(look(OF_RUNS, ModelEvidence("model", Clean(correct[:1], np.arange(1000))))) == []


def test_below_a_hundred_images_statistical_findings_are_not_assessed() -> None:
    subject = healthy(n=99, diagnosis=healthy_diagnosis(99, transfer=right(0, 99)))
    found = {finding.name: finding for finding in findings_of(subject)}
    known = found.pop("another_attack_fools_more")  # a share with its own interval needs no hundred images
    assert (known.severity, known.assessed) == ("weak", True)
    assert set(found) == {
        "iterative_weaker_than_one_step",
        "transfer_beats_white_box",
        "noise_as_strong",
        "success_falls_with_epsilon",
        "unbounded_attack_fails",
        "zero_gradients",
    }
    assert all(not f.assessed and f.severity == "note" and "99 images" in f.message for f in found.values())


def test_small_differences_are_no_findings() -> None:
    # 7 images of 380: beyond chance (p = 0.008 is not even enough), but below 2 points; with three rivals p < 0.00033
    assert flagged(healthy(diagnosis=healthy_diagnosis(transfer=right(161)))) == {}
    # 11 images, 2.9 points, p = 0.0005: not beyond chance
    assert flagged(healthy(diagnosis=healthy_diagnosis(transfer=right(157)))) == {}
    # 12 images, 3.2 points, p = 0.00024
    assert flagged(healthy(diagnosis=healthy_diagnosis(transfer=right(156)))) == {"transfer_beats_white_box": "weak"}


def test_no_averaging_needs_the_claims_own_iterative_attack_to_be_beaten_too() -> None:
    averaged = healthy_diagnosis(eot=right(40))
    own_eot = attacked(right(60), right(41))
    assert "no_averaging" not in flagged(healthy(evidence=own_eot, diagnosis=averaged))


def test_random_models_are_compared_draw_by_draw() -> None:
    # every image is right with probability 0.7 under both attacks; shares of 8 draws against single draws
    generator = np.random.default_rng(1)
    n = 4000
    shares = (generator.binomial(8, 0.7, (1, 1, n)) / 8).astype(np.float32)
    single = generator.random(n) < 0.7
    diagnosis = healthy_diagnosis(n, fgsm=single, transfer=single, pgd=single)._replace(draws=8)
    subject = healthy(evidence=Attacked(shares, (0.2,), np.arange(n), draws=8), diagnosis=diagnosis, n=n)
    assert flagged(subject) == {}


def test_attacks_that_are_not_white_box_raise_only_what_concerns_them() -> None:
    moved = traits("moved", is_white_box=False, surrogate="cnn")
    diagnosis = healthy_diagnosis(transfer=right(0), fgsm=right(0))._replace(zero_gradient=right(N))
    assert flagged(healthy(attack=moved, diagnosis=diagnosis)) == {}


def test_without_diagnostics_the_claims_own_attacks_are_compared() -> None:
    rival = Rival(FGSM, attacked(right(200), right(100)))
    subject = healthy(rivals=(rival,))._replace(diagnosis=None)
    assert flagged(subject) == {"iterative_weaker_than_one_step": "weak"}
    other_norm = Rival(FGSM._replace(norm="l2"), rival.attacked)
    assert flagged(subject._replace(rivals=(other_norm,))) == {}
