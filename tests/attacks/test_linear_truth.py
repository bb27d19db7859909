"""On a linear classifier every attack must hit the closed form: no more, no less."""

import numpy as np
import pytest

from qaml.attacks import ATTACKS, AttackPart
from qaml.attacks.autoattack.part import AutoAttack
from qaml.attacks.gradient.part import BIM, FGSM, MIM, PGD
from qaml.attacks.minimisation.part import CarliniWagner, DeepFool
from qaml.attacks.noise.part import UniformNoise
from qaml.types import Bounds
from qaml.vocab import Norm
from tests.attacks.truth import Problem, norms

SMALL_IMAGE = (1, 5, 5)
GRID = {"linf": (0.01, 0.03, 0.1), "l2": (0.05, 0.15, 0.4)}


def assert_exact(problem: Problem, attack: AttackPart, norm: Norm, slack: float = 1e-3) -> None:
    """Fooled exactly where the worst margin is negative; images within ``slack`` of the boundary are left out."""
    fooled = problem.fooled(problem.run(attack))
    n_fooled = 0
    for index, epsilon in enumerate(attack.grid):
        certain = (problem.worst_margins(epsilon * (1 - slack), norm) > 0) == (
            problem.worst_margins(epsilon * (1 + slack), norm) > 0
        )
        assert certain.mean() > 0.9
        wrong = problem.worst_margins(epsilon, norm) < 0
        np.testing.assert_array_equal(fooled[index][certain], wrong[certain])
        n_fooled += int(wrong.sum())
    assert 0 < n_fooled < fooled.size


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("kind", ["fgsm", "bim", "pgd", "mim"])
def test_gradient_attacks_find_the_closed_form_radius_of_two_classes(kind: str, norm: Norm) -> None:
    problem = Problem(2, SMALL_IMAGE, spread=0.1)
    attack = ATTACKS.load(kind).model_validate({"kind": kind, "norm": norm, "epsilon": GRID[norm]})
    assert_exact(problem, attack, norm)


def test_the_two_closed_forms_agree_where_the_box_is_far() -> None:
    problem = Problem(4, SMALL_IMAGE, spread=0.1)
    for norm, grid in GRID.items():
        radii = problem.radii(norm)  # type: ignore[arg-type]
        for epsilon in grid:
            np.testing.assert_array_equal(problem.worst_margins(epsilon, norm) > 0, radii > epsilon)  # type: ignore[arg-type]


@pytest.mark.parametrize("bounds", [Bounds(0, 1), Bounds(-1, 3)])
@pytest.mark.parametrize("kind", ["fgsm", "bim", "pgd", "mim"])
def test_linf_attacks_are_exact_where_the_box_limits_them(kind: str, bounds: Bounds) -> None:
    problem = Problem(2, (1, 3, 3), bounds)
    span = bounds.high - bounds.low
    attack = ATTACKS.load(kind).model_validate({"kind": kind, "epsilon": (0.05 * span, 0.2 * span, 0.5 * span)})
    limited = np.abs(problem.worst_margins(0.5 * span, "linf")) != np.inf
    assert limited.all()
    assert_exact(problem, attack, "linf")


def test_pgd_nears_the_truth_in_l2_where_the_box_limits_it() -> None:
    problem = Problem(2, (1, 3, 3))
    attack = PGD(norm="l2", epsilon=(0.3, 0.6, 1.0), steps=100)
    fooled = problem.fooled(problem.run(attack))
    for index, epsilon in enumerate(attack.grid):
        assert not fooled[index][problem.worst_margins(epsilon * 1.0001, "l2") > 0].any()
        assert fooled[index][problem.worst_margins(epsilon * 0.98, "l2") < 0].all()
    assert problem.radii("l2").max() > 0.3


@pytest.mark.parametrize(("classes", "bounds"), [(2, Bounds(0, 1)), (3, Bounds(-2, 2)), (10, Bounds(0, 1))])
def test_autoattack_is_exact_in_linf_for_any_number_of_classes(classes: int, bounds: Bounds) -> None:
    problem = Problem(classes, SMALL_IMAGE, bounds, n=10)
    span = bounds.high - bounds.low
    assert_exact(problem, AutoAttack(epsilon=(0.02 * span, 0.1 * span), steps=50, queries=20), "linf", slack=5e-3)


@pytest.mark.parametrize("classes", [2, 10])
def test_autoattack_is_exact_in_l2_for_any_number_of_classes(classes: int) -> None:
    problem = Problem(classes, SMALL_IMAGE, spread=0.1, n=10)
    assert_exact(problem, AutoAttack(norm="l2", epsilon=(0.004, 0.02), steps=50, queries=20), "l2", slack=5e-3)


@pytest.mark.parametrize(
    "attack",
    [
        DeepFool(norm="l2", overshoot=0.005),
        DeepFool(norm="linf", overshoot=0.005),
        CarliniWagner(),
    ],
    ids=lambda a: f"{a.kind}-{a.norm}",
)
@pytest.mark.parametrize("classes", [2, 5])
def test_smallest_norms_are_the_radii(attack: AttackPart, classes: int) -> None:
    problem = Problem(classes, SMALL_IMAGE, spread=0.1)
    found = problem.run(attack).norms
    assert found is not None
    radii = problem.radii(attack.threat_norm)
    assert (found >= radii * (1 - 1e-4) - 1e-6).all()
    # DeepFool adds 1e-4 to every step
    assert (np.abs(found - radii) <= 0.04 * radii + 3e-4).all()


@pytest.mark.parametrize(
    "attack",
    [
        FGSM(epsilon=(0.02, 0.1)),
        BIM(epsilon=(0.02, 0.1), norm="l2"),
        PGD(epsilon=(0.02, 0.1), restarts=3),
        MIM(epsilon=(0.02, 0.1)),
        PGD(epsilon=(0.02, 0.1), loss="margin"),
        UniformNoise(epsilon=(0.02, 0.1)),
        UniformNoise(epsilon=(0.02, 0.1), norm="l2"),
        DeepFool(epsilon=(0.02, 0.1)),
        CarliniWagner(epsilon=(0.02, 0.1), steps=20),
    ],
    ids=lambda a: f"{a.kind}-{a.threat_norm}",
)
def test_no_attack_fools_a_certified_input(attack: AttackPart) -> None:
    problem = Problem(6, (1, 3, 3), n=100)
    fooled = problem.fooled(problem.run(attack))
    n_robust = 0
    for index, epsilon in enumerate(attack.grid):
        robust = problem.worst_margins(epsilon * (1 + 1e-4), attack.threat_norm) > 0
        n_robust += int(robust.sum())
        assert not fooled[index][robust].any()
    assert n_robust > 20


def test_autoattack_closes_the_gap_that_pgd_leaves_between_ten_classes() -> None:
    problem = Problem(10, SMALL_IMAGE, spread=0.1, n=150)
    truth = problem.radii("linf") <= 0.003
    plain = problem.fooled(problem.run(PGD(epsilon=(0.003,), restarts=5, rescale=False)))[0]
    pgd = problem.fooled(problem.run(PGD(epsilon=(0.003,), restarts=5)))[0]
    auto = problem.fooled(problem.run(AutoAttack(epsilon=(0.003,), members=("apgd_ce", "apgd_t"))))[0]
    assert not (pgd & ~truth).any()
    assert plain.sum() < pgd.sum() <= auto.sum() + 1
    assert abs(int(auto.sum()) - int(truth.sum())) <= 1


def test_norms_are_measured_from_the_adversarials() -> None:
    problem = Problem(3, (4,))
    for attack in (DeepFool(norm="linf"), DeepFool(), CarliniWagner(steps=50)):
        result = problem.run(attack)
        assert result.norms is not None
        measured = norms(problem.inputs, result.adversarials, attack.threat_norm)[0]
        found = problem.fooled(result)[0]
        assert found.mean() > 0.5
        np.testing.assert_allclose(result.norms, np.where(found, measured, np.inf), rtol=1e-12)
