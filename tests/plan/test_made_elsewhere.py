"""Attacks made on other models, and what a detector needs, as steps."""

from __future__ import annotations

from qaml.plan.plan import Plan, ancestors, make_plan
from qaml.plan.role import Role
from qaml.plan.step import Step
from qaml.spec.load import load_suite
from qaml.spec.suite import Reference
from tests.spec.cases import ROOT

SUITE = load_suite(ROOT / "tests" / "specs" / "valid" / "detectors.yaml", "standard")


def planned(*claims: str) -> Plan:
    return make_plan(((SUITE, claim) for claim in SUITE.claims if claim.id in claims), seeds=2)


def needed(plan: Plan, claim: str) -> list[Step]:
    return list(ancestors(plan, plan.claims[f"detectors::{claim}"].judge.key).values())


def test_white_box_and_transferred_adversarials_are_made_once() -> None:
    plan = planned("linear-under-pgd-of-linear", "fnn-under-pgd-of-linear")
    own = plan.claims["detectors::linear-under-pgd-of-linear"].attacks["linear", "pgd"]
    crossed = plan.claims["detectors::fnn-under-pgd-of-linear"].attacks["fnn", "pgd@linear"]
    assert [step.key for step in own.crafts] == [step.key for step in crossed.crafts]
    assert [step.key for step in own.scores] != [step.key for step in crossed.scores]
    assert own.battery is not None
    assert crossed.battery is None, "the battery is about attacks that see the model"
    assert own.crafts[1].title == "attack linear with pgd, seed 1"


def test_a_joint_attack_sees_all_of_its_models_in_their_seeds() -> None:
    plan = planned("several")
    craft = plan.claims["detectors::several"].attacks["linear", "both"].crafts[1]
    assert craft.title == "attack linear + fnn with pgd, seed 1"
    assert [plan.steps[craft.parents[Role("train", replicate=maker)]].title for maker in (None, 1)] == [
        "train linear, seed 1",
        "train fnn, seed 1",
    ]
    assert list(craft.payload["classifiers"]) == ["train", "train 1"]


def test_a_detector_needs_what_exists_anyway_and_that_its_attacks_work() -> None:
    plan = planned("detects", "fnn-under-pgd-of-linear", "linear-under-pgd-of-linear")
    steps = needed(plan, "detects")
    checked = {"surrogate", "diagnose", "plant"}
    assert {step.kind for step in steps} == {"load", "train", "attack", "evaluate", "judge"} | checked
    assert sorted(step.title for step in steps if step.kind == "attack") == [
        f"attack linear with {attack}, seed {seed}" for attack in ("fgsm", "pgd") for seed in (0, 1)
    ]
    for other in ("fnn-under-pgd-of-linear", "linear-under-pgd-of-linear"):
        scores = {step.key for step in needed(plan, other) if step.kind == "evaluate"}
        assert scores <= {step.key for step in steps}


def test_makers_with_a_reference_are_known_to_the_judge_of_joint_attacks_and_detectors() -> None:
    held = {name: model._replace(reference=Reference(0.9)) for name, model in SUITE.models.items()}
    suite = SUITE._replace(models=held)
    claims = make_plan(((suite, claim) for claim in suite.claims), seeds=1).claims
    surrogates = {
        name: claims[f"detectors::{name}"].judge.payload["claim"].surrogates for name in ("several", "detects")
    }
    assert surrogates["several"] == {"linear": (("both",), 0.9, ""), "fnn": (("pgd@fnn", "both"), 0.9, "")}
    assert surrogates["detects"] == {"linear": (("pgd@linear", "fgsm@linear"), 0.9, "")}


def test_a_detector_changes_its_own_verdict_only() -> None:
    changed = dict(SUITE.detectors)
    changed["pair"] = changed["pair"].model_copy(update={"confidence": 0.3})
    other = SUITE._replace(detectors=changed)
    claim = next(claim for claim in SUITE.claims if claim.id == "detects")
    old, new = (set(make_plan([(suite, claim)], seeds=1).steps) for suite in (SUITE, other))
    assert len(old - new) == len(new - old) == 1


def test_a_transfer_with_budgets_of_its_own() -> None:
    moved = SUITE.attacks["moved"].model_copy(update={"epsilon": (0.05, 0.3)})
    suite = SUITE._replace(attacks={**SUITE.attacks, "moved": moved})
    claim = next(claim for claim in suite.claims if claim.id == "neither")
    crafts = make_plan([(suite, claim)], seeds=1).claims["detectors::neither"].attacks["fnn", "moved"].crafts
    assert crafts[0].payload["attack"].grid == (0.05, 0.3)
