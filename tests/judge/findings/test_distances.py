"""Findings beside exact distances, from planted evidence: each raised, and each not raised just before."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qaml.claims.base import Cell
from qaml.judge.findings import findings_of
from qaml.judge.findings.subject import Assessed, Rival, Subject
from qaml.judge.judge import judge
from qaml.judge.weakness import Effect, effect_on
from qaml.metrics.distance import is_below
from qaml.metrics.evidence import Attacked, AttackTraits, Clean, Distances
from qaml.vocab import Severity
from tests.judge.findings.evidence import attacked, healthy, healthy_diagnosis, right
from tests.judge.sources import ArraySource, claim, entry, traits

N = 100
EXACT = np.where(np.arange(N) < 90, np.linspace(0.5, 1.5, N), 0.0)
"""Distances of 90 images that are right and 10 that are wrong."""
LENGTH = 2.0
"""Of every input: rounding may take 1e-4 of it."""
DEEPFOOL = traits("deepfool", norm="l2", minimises=True)
ORACLE = traits("exact", norm="l2", minimises=True, is_exact=True)


def subject(found: np.ndarray, boxed: np.ndarray | None = None, exact: np.ndarray = EXACT) -> Subject:
    """A minimising attack that found these norms without bounds, and others within them."""
    norms = found if boxed is None else boxed
    evidence = Attacked(np.zeros((1, 1, N), dtype=np.float32), (math.inf,), np.arange(N), norms=norms[None])
    return Subject(
        model="model",
        traits=DEEPFOOL,
        clean=Clean((exact > 0)[None].astype(np.float32), np.arange(N)),
        attacked=evidence,
        distances=Distances(np.arange(N), found, exact, np.full(N, LENGTH)),
    )


def flagged(one: Subject) -> dict[str, Severity]:
    return {finding.name: finding.severity for finding in findings_of(one)}


def with_failures(n_failures: int) -> np.ndarray:
    return np.where(np.arange(N) < n_failures, np.inf, 1.02 * EXACT)


def test_an_attack_near_the_exact_distance_is_healthy() -> None:
    assert flagged(subject(1.02 * EXACT)) == {}
    assert flagged(subject(EXACT)) == {}
    assert flagged(subject(1.02 * EXACT, boxed=3 * EXACT)) == {}


@pytest.mark.parametrize(("ratio", "is_raised"), [(1.19, False), (1.21, True), (3.0, True)])
def test_a_median_far_above_is_weak(ratio: float, is_raised: bool) -> None:
    found = findings_of(subject(ratio * EXACT))
    assert [(f.name, f.severity) for f in found] == [("beyond_exact_distance", "weak")] * is_raised
    assert all(f"{ratio:.3g} times the exact one" in f.message and "90 images" in f.message for f in found)


def test_a_few_images_far_above_are_not_weak() -> None:
    factor = np.where(np.arange(N) < 40, 50.0, 1.0)
    assert flagged(subject(factor * EXACT)) == {}


@pytest.mark.parametrize(("n_failures", "is_raised"), [(9, False), (10, True), (90, True)])
def test_more_than_a_tenth_of_failures_is_weak(n_failures: int, is_raised: bool) -> None:
    """Of 90 images: an attack that only keeps what is easy would show no ratio at all."""
    found = findings_of(subject(with_failures(n_failures)))
    assert [f.name for f in found] == ["beyond_exact_distance"] * is_raised
    assert all("finds nothing" in f.message for f in found)


def test_images_without_an_adversarial_are_no_failures() -> None:
    exact = np.where(np.arange(N) < 50, np.inf, EXACT)
    assert flagged(subject(np.where(np.isinf(exact), np.inf, 1.01 * exact), exact=exact)) == {}


@pytest.mark.parametrize("where", ["without bounds", "within the bounds"])
@pytest.mark.parametrize(("factor", "is_raised"), [(1 - 2e-4, False), (1 - 6e-4, True)])
def test_an_adversarial_nearer_than_possible_is_void(where: str, factor: float, is_raised: bool) -> None:
    one = EXACT.copy()
    one[7] *= factor
    planted = subject(one) if where == "without bounds" else subject(EXACT, boxed=one)
    found = findings_of(planted)
    assert [(f.name, f.severity) for f in found] == [("below_exact_distance", "void")] * is_raised
    assert all(f"1 {where}" in f.message or "1 without bounds and 1 within" in f.message for f in found)


def test_an_adversarial_where_there_is_none_is_void() -> None:
    exact = np.where(np.arange(N) == 3, np.inf, EXACT)
    assert flagged(subject(np.where(np.isinf(exact), 9.0, exact), exact=exact)) == {"below_exact_distance": "void"}


def test_rounding_near_the_boundary_is_no_bug() -> None:
    exact, lengths = np.array([1e-7, 8e-4, 0.0, np.inf, 1.0]), np.full(5, 9.0)
    assert not is_below(np.array([0.0, 0.0, 0.0, np.inf, 0.9991]), exact, lengths).any()
    assert is_below(np.array([0.0, 0.0, 1e9, 0.9985]), np.array([1e-3, 9.2e-4, np.inf, 1.0]), lengths[:4]).all()


def test_other_images_of_the_claims_attack_are_left_alone() -> None:
    """Exact distances are known of a few images only, and of the first seed."""
    later = subject(EXACT, boxed=0.5 * EXACT)
    moved = later.attacked._replace(indices=np.arange(N) + N)
    assert flagged(later._replace(attacked=moved, clean=later.clean._replace(indices=moved.indices))) == {}


@pytest.mark.parametrize(("n_below", "expected"), [(0, {}), (1, {"below_exact_distance": "void"})])
def test_the_battery_below_the_exact_distance_is_void(n_below: int, expected: dict[str, Severity]) -> None:
    assert flagged(healthy(diagnosis=healthy_diagnosis()._replace(below_exact=n_below))) == expected


def test_few_images_do_not_assess_an_attack() -> None:
    exact = np.where(np.arange(N) < 9, 1.0, 0.0)
    (finding,) = findings_of(subject(5 * exact, exact=exact))
    assert (finding.name, finding.severity, finding.assessed) == ("beyond_exact_distance", "note", False)
    assert "9 images" in finding.message


def assessed(*subjects: Subject) -> dict[str, Assessed]:
    return {one.traits.name: Assessed(one, findings_of(one)) for one in subjects}


def test_a_weak_attack_is_cured_by_the_exact_one_and_leaves_certificates_alone() -> None:
    weak = subject(2 * EXACT)
    exact = subject(EXACT)._replace(traits=ORACLE, distances=None)
    found = assessed(weak, exact)
    cell = Cell(model="model", attack=("deepfool",), metric="norm_quantile")
    assert effect_on(cell, found) == Effect(may_be_lower=True)
    assert effect_on(cell.model_copy(update={"attack": ("deepfool", "exact")}), found) == Effect()
    certified = Cell(model="model", attack=("exact",), metric="certified_accuracy", epsilon=0.5)
    assert effect_on(certified, found) == Effect()
    in_linf = found | {"exact": Assessed(exact._replace(traits=ORACLE._replace(norm="linf")), ())}
    assert effect_on(cell.model_copy(update={"attack": ("deepfool", "exact")}), in_linf) == Effect(may_be_lower=True)


def test_exact_distances_and_bounds_are_not_compared_with_attacks() -> None:
    """A bound in L∞ has no adversarials: every attack fools more than it."""
    bound: AttackTraits = traits("bound", minimises=True, is_exact=True)
    nothing = attacked(right(380), right(380))
    one = healthy(attack=bound, evidence=nothing, rivals=(Rival(traits("fgsm", is_iterative=False), nothing),))
    assert findings_of(one) == ()
    fgsm = healthy("fgsm", attack=traits("fgsm", is_iterative=False), rivals=(Rival(bound, nothing),))
    assert flagged(fgsm._replace(diagnosis=None)) == {}


def test_through_the_judge() -> None:
    """A norm measured with a weak attack can be refuted, not supported; below the exact distance it says nothing."""
    source = ArraySource()
    source.all_traits = {"deepfool": DEEPFOOL, "exact": ORACLE}

    def verdict(one: Subject, at_least: float) -> str:
        source.cleans["m"], source.attacks["m", "deepfool"] = one.clean, one.attacked
        assert one.distances is not None
        source.all_distances["m", "deepfool"] = one.distances
        of = {"model": "m", "attack": "deepfool"}
        return judge(entry(claim("bound", metric="norm_quantile", of=of, at_least=at_least)), source).verdict

    assert verdict(subject(1.02 * EXACT), 0.5) == "supported"
    assert verdict(subject(2 * EXACT), 0.5) == "invalid"
    assert verdict(subject(2 * EXACT), 10.0) == "refuted"
    assert verdict(subject(0.9 * EXACT), 10.0) == "invalid"

    source.attacks["m", "exact"] = subject(EXACT).attacked
    part = claim(
        "bound", metric="certified_accuracy", of={"model": "m", "attack": "exact", "epsilon": 0.4}, at_least=0.7
    )
    found = judge(entry(part), source)
    assert (found.verdict, found.findings) == ("supported", ())
    assert [(cell.epsilon, cell.estimate.value) for cell in found.cells] == [(0.4, 0.9)]
    assert not any("diagnostics" in note for note in found.notes)
