"""What attacks hand over: budgets, bounds and form, of attacks that keep to them and of others."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import Tensor

from qaml.attacks.base import AttackPart, AttackResult, Progress, Target
from qaml.errors import RunError
from qaml.run.adversarials import check_crafted, check_result, outside
from qaml.types import Bounds, FloatArray
from qaml.vocab import Norm

BOX = Bounds(0.0, 1.0)
START: FloatArray = np.full((4, 1, 2, 2), 0.5, dtype=np.float32)


class Any(AttackPart):
    """An attack that is never run."""

    kind: str = "any"
    norm: Norm = "linf"

    @property
    def threat_norm(self) -> Norm:
        return self.norm

    def run(self, target: Target, inputs: Tensor, labels: Tensor, seed: int, progress: Progress) -> AttackResult:
        raise NotImplementedError


class Boundless(Any):
    ignores_bounds: ClassVar[bool] = True


class Minimising(Any):
    minimises: ClassVar[bool] = True


class Exact(Minimising):
    needs_exact: ClassVar[bool] = True


class Bound(Exact):
    @property
    def is_bound(self) -> bool:
        return True


def moved(*by: float) -> FloatArray:
    """(1, 4, 1, 2, 2): one pixel of each image moved."""
    found = START.copy()
    found[:, 0, 0, 0] += np.array(by, dtype=np.float32)
    return found[None]


def result(adversarials: FloatArray, norms: NDArray[np.float64] | None = None) -> AttackResult:
    return AttackResult(adversarials, np.zeros(adversarials.shape[:2], dtype=bool), norms)


@pytest.mark.parametrize(
    ("attack", "by", "broken"),
    [
        (Any(epsilon=(0.1,)), (0.1, -0.1, 0.05, 0.0), []),
        (Any(epsilon=(0.1,)), (0.3, -0.1, 0.1001, 0.0), [0, 2]),
        (Any(epsilon=(0.6,)), (0.6, -0.6, 0.5, -0.5), [0, 1]),
        (Boundless(epsilon=(0.6,)), (0.6, -0.6, 0.7, -0.5), [2]),
        (Any(epsilon=(0.1,)), (np.nan, np.inf, -np.inf, 0.0), [0, 1, 2]),
        (Any(epsilon=(0.1,), norm="l2"), (0.1, 0.11, 0.0, 0.0), [1]),
    ],
)
def test_what_breaks_the_budget_or_the_bounds_is_counted(
    attack: AttackPart, by: tuple[float, ...], broken: list[int]
) -> None:
    assert np.flatnonzero(outside(attack, result(moved(*by)), START, BOX)[0]).tolist() == broken


def test_every_budget_is_held_against_its_own_row() -> None:
    both = np.concatenate([moved(0.2, 0.1, 0.0, 0.0), moved(0.2, 0.1, 0.0, 0.0)])
    assert outside(Any(epsilon=(0.1, 0.2)), result(both), START, BOX).tolist() == [[True, *[False] * 3], [False] * 4]


@pytest.mark.parametrize(
    ("norms", "broken"),
    [
        ((0.2, 0.1, 0.3, np.inf), []),
        ((0.1, 0.1, 0.3, np.inf), [0]),  # further away than it claims
        ((0.2, 0.1, 0.9, np.inf), [2]),  # nearer: the distance is not its own
        ((0.2, 0.1, 0.3, 0.5), [3]),  # a distance without an adversarial
    ],
)
def test_distances_are_those_of_the_adversarials(norms: tuple[float, ...], broken: list[int]) -> None:
    found = result(moved(0.2, -0.1, 0.3, 0.0), np.array(norms))
    assert np.flatnonzero(outside(Minimising(norm="l2"), found, START, BOX)[0]).tolist() == broken


def test_exact_distances_are_infima_and_bounds_have_no_adversarials() -> None:
    by = 0.1 * 1.001
    found = result(moved(by, by, 0.0, 0.0), np.array([0.1, 0.1, 0.1, np.inf]))
    assert not outside(Exact(norm="l2"), found, START, BOX).any()
    assert outside(Exact(norm="l2"), result(moved(0.2, 0.2, 0.0, 0.0), found.norms), START, BOX).sum() == 2
    assert not outside(Bound(norm="linf"), result(moved(0.4, 0.4, 0.0, 0.0), found.norms), START, BOX).any()


SHARES: NDArray[typing.Any] = np.zeros((1, 4))
SOUND = result(moved(0.1, 0.0, 0.0, 0.0))
FORMS: dict[str, tuple[AttackPart, Callable[[], AttackResult], str]] = {
    "shape": (Any(epsilon=(0.1,)), lambda: result(SOUND.adversarials.reshape(1, 4, 4)), r"of shape \(1, 4, 1, 2, 2\)"),
    "count": (
        Any(epsilon=(0.1,)),
        lambda: result(SOUND.adversarials[:, :3]),
        r"got float32 of shape \(1, 3, 1, 2, 2\)",
    ),
    "budgets": (Any(epsilon=(0.1, 0.2)), lambda: SOUND, r"of shape \(2, 4, 1, 2, 2\)"),
    "type": (Any(epsilon=(0.1,)), lambda: result(SOUND.adversarials.astype(np.float64)), "got float64"),
    "bytes": (Any(epsilon=(0.1,)), lambda: result(SOUND.adversarials.astype(np.uint8)), "got uint8"),
    "claims": (Any(epsilon=(0.1,)), lambda: AttackResult(SOUND.adversarials, SHARES), "claimed .*got float64"),
    "no norms": (Minimising(), lambda: SOUND, "norms .*got NoneType"),
    "norms": (Minimising(), lambda: SOUND._replace(norms=np.zeros(3)), r"norms .*got float64 of shape \(3,\)"),
    "NaN": (Minimising(), lambda: SOUND._replace(norms=np.full(4, np.nan)), "norms that are NaN"),
}


@pytest.mark.parametrize(("attack", "returned", "message"), FORMS.values(), ids=FORMS)
def test_another_form_is_refused(attack: AttackPart, returned: Callable[[], AttackResult], message: str) -> None:
    with pytest.raises(RunError, match=message):
        check_result(attack, returned(), START)


def test_the_promised_form_is_taken() -> None:
    check_result(Any(epsilon=(0.1,)), SOUND, START)
    check_result(Minimising(), SOUND._replace(norms=np.full(4, np.inf)), START)


def test_training_goes_on_with_what_keeps_to_the_budget_only() -> None:
    attack = Any(epsilon=(0.1,))
    uncounted = SOUND._replace(claimed=np.zeros((1, 0), dtype=bool))
    check_crafted(attack, uncounted, START, BOX)
    check_crafted(attack, result(moved(np.nan, 0.0, 0.0, 0.0)), START, BOX)  # training diverged, which is said there
    with pytest.raises(RunError, match=r"ε = 0\.1 or the bounds in training, for 2 of 4 images"):
        check_crafted(attack, result(moved(0.3, -0.2, 0.0, 0.0)), START, BOX)
