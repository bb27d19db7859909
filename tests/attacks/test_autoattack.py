"""The adapter: which attacks run, in what box and shape, and what is left as it was."""

import logging
import sys
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from qaml.attacks import Target
from qaml.attacks.autoattack.part import AutoAttack, Member, standard_members
from qaml.attacks.gradient.part import PGD
from qaml.errors import PartError
from qaml.types import Bounds
from tests.attacks.truth import UNIT, Problem


@pytest.mark.parametrize(
    ("classes", "members"),
    [
        (2, ("apgd_ce", "fab", "square")),
        (3, ("apgd_ce", "apgd_dlr", "fab_t", "square")),
        (4, ("apgd_ce", "apgd_t", "fab_t", "square")),
        (10, ("apgd_ce", "apgd_t", "fab_t", "square")),
    ],
)
def test_members_fit_the_number_of_classes(classes: int, members: tuple[Member, ...]) -> None:
    assert standard_members(classes) == members


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize(
    ("member", "classes"),
    [
        ("apgd_ce", 2),
        ("fab", 2),
        ("fab_t", 2),
        ("square", 2),
        ("apgd_dlr", 3),
        ("fab_t", 3),
        ("apgd_t", 4),
        ("fab_t", 10),
        ("fab", 10),
        ("square", 10),
    ],
)
def test_every_member_fools_alone(member: Member, classes: int, norm: str) -> None:
    problem = Problem(classes, (1, 6, 6), Bounds(-1, 3), n=20)
    grid = (0.2,) if norm == "linf" else (1.0,)
    attack = AutoAttack.model_validate(
        {"norm": norm, "epsilon": grid, "members": (member,), "queries": 150, "steps": 30}
    )
    fooled = problem.fooled(problem.run(attack))[0]
    vulnerable = problem.worst_margins(grid[0], attack.norm) < 0
    assert not (fooled & ~vulnerable).any()
    assert fooled.sum() > (0.4 if member == "square" else 0.85) * vulnerable.sum()
    assert vulnerable.sum() >= 10


@pytest.mark.parametrize(
    ("member", "classes", "message"),
    [
        ("apgd_dlr", 2, "autoattack's apgd_dlr needs 3 classes, got 2"),
        ("apgd_t", 3, "autoattack's apgd_t needs 4 classes, got 3"),
    ],
)
def test_a_member_that_does_not_fit_is_refused(member: Member, classes: int, message: str) -> None:
    with pytest.raises(PartError, match=message):
        Problem(classes, (1, 6, 6)).run(AutoAttack(epsilon=(0.1,), members=(member,)))


def test_square_in_l2_needs_an_image() -> None:
    attack = AutoAttack(norm="l2", epsilon=(0.5,), members=("square",))
    for shape in ((7,), (1, 4, 8)):
        with pytest.raises(PartError, match="square needs images of 5×5 or more in l2"):
            Problem(2, shape).run(attack)
    # by default it is left out there
    problem = Problem(2, (7,))
    assert problem.fooled(problem.run(AutoAttack(norm="l2", epsilon=(0.5,))))[0].any()


def test_square_alone_searches_every_feature() -> None:
    """Its window never starts at the last column, which would hide the only coordinate that matters."""

    class LastOnly(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            score = inputs[:, -1] - 0.65
            return torch.stack([-score, score], 1)

    inputs = torch.full((40, 4), 0.5)
    attack = AutoAttack(epsilon=(0.2,), members=("square",), queries=100)
    result = attack.run(Target(LastOnly(), UNIT, 2), inputs, torch.zeros(40, dtype=torch.int64), 0, lambda _: None)
    assert result.claimed.all()


def test_a_trace_function_survives() -> None:
    """The library's own driver turns tracing off, and with it coverage and debuggers."""
    problem = Problem(3, (1, 5, 5), n=4)

    def trace(_frame: FrameType, _event: str, _argument: Any) -> None:
        return None

    outer = sys.gettrace()
    sys.settrace(trace)
    try:
        problem.run(AutoAttack(epsilon=(0.05,), steps=3, queries=5))
        kept = sys.gettrace()
    finally:
        sys.settrace(outer)
    assert kept is trace


def test_zero_gradients_are_no_warning(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    problem = Problem(3, (1, 5, 5), n=4)
    with torch.no_grad():
        problem.module.layer.weight.zero_()
    with caplog.at_level(logging.DEBUG):
        AutoAttack(epsilon=(0.05,), steps=3, queries=5).run(
            problem.target, problem.inputs, torch.zeros(4, dtype=torch.int64), 0, lambda _: None
        )
    assert not caplog.records
    assert capsys.readouterr() == ("", "")


def test_logits_are_not_written_to() -> None:
    """Square writes −∞ into what the classifier returned, here a tensor that it keeps."""

    class Keeps(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner
            self.kept: list[Tensor] = []

        def forward(self, inputs: Tensor) -> Tensor:
            logits: Tensor = self.inner(inputs)
            self.kept.append(logits)
            return logits

    problem = Problem(3, (1, 5, 5), n=4)
    keeps = Keeps(problem.module)
    attack = AutoAttack(epsilon=(0.001,), members=("square",), queries=5)
    attack.run(problem.target._replace(module=keeps), problem.inputs, problem.labels, 0, lambda _: None)
    assert len(keeps.kept) > 3
    assert all(bool(torch.isfinite(logits).all()) for logits in keeps.kept)


def test_wrong_inputs_stay_as_they_are() -> None:
    problem = Problem(3, (1, 5, 5), n=10)
    labels = (problem.labels + 1) % 3
    result = AutoAttack(epsilon=(0.1,)).run(problem.target, problem.inputs, labels, 0, lambda _: None)
    np.testing.assert_array_equal(result.adversarials[0], problem.inputs.numpy())
    assert result.claimed.all()


@pytest.mark.parametrize("classes", [3, 10])
def test_not_weaker_than_pgd_on_a_curved_classifier(classes: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        module = nn.Sequential(nn.Flatten(), nn.Linear(25, 30), nn.Tanh(), nn.Linear(30, classes)).eval()
        inputs = torch.rand(25, 1, 5, 5)
    with torch.no_grad():
        labels = module(inputs).argmax(1)
    target = Target(module, UNIT, classes)
    grid = {3: 0.06, 10: 0.01}[classes]
    auto = AutoAttack(epsilon=(grid,), steps=50, queries=50).run(target, inputs, labels, 0, lambda _: None)
    pgd = PGD(epsilon=(grid,)).run(target, inputs, labels, 0, lambda _: None)
    assert 2 < pgd.claimed.sum() < 24
    assert auto.claimed.sum() >= pgd.claimed.sum()


def test_fields_are_checked() -> None:
    with pytest.raises(ValidationError, match="Field required"):
        AutoAttack.model_validate({})
    with pytest.raises(ValidationError, match="at least 1 item"):
        AutoAttack.model_validate({"epsilon": 0.1, "members": ()})
    with pytest.raises(ValidationError, match="'apgd_ce'"):
        AutoAttack.model_validate({"epsilon": 0.1, "members": ("apgd",)})
