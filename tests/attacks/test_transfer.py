"""Transfer: fields only; the runner resolves it."""

import pytest

from qaml.attacks import AttackPart
from qaml.attacks.gradient.part import FGSM, PGD
from qaml.attacks.minimisation.part import DeepFool
from qaml.attacks.transfer import Transfer
from qaml.errors import PartError
from qaml.registry import references
from tests.attacks.truth import Problem

TRANSFER = {"kind": "transfer", "surrogate": "cnn", "attack": "fgsm"}


def make(**fields: object) -> Transfer:
    part = AttackPart.model_validate({**TRANSFER, **fields})
    assert isinstance(part, Transfer)
    return part


def test_names_are_references() -> None:
    assert set(references(make())) == {(("surrogate",), "models", "cnn"), (("attack",), "attacks", "fgsm")}


def test_is_not_white_box() -> None:
    assert not make().is_white_box
    assert not make().needs_gradients


def test_the_inner_attack_runs_at_its_own_budgets_or_at_the_transfers() -> None:
    inner = PGD(epsilon=(0.1, 0.2), norm="l2")
    assert make().resolved(inner) is inner
    replaced = make(epsilon=[0.05, "1/10"]).resolved(inner)
    assert replaced.grid == (0.05, 0.1)
    assert replaced.threat_norm == "l2"
    assert inner.grid == (0.1, 0.2)
    assert make(epsilon=0.5).grid == (0.5,)
    assert make().resolved(DeepFool()).grid == (float("inf"),)


def test_a_transfer_of_a_transfer_is_refused() -> None:
    with pytest.raises(PartError, match="expected 'fgsm' to be an attack that computes adversarials"):
        make().resolved(make())


def test_unresolved_it_knows_nothing() -> None:
    with pytest.raises(PartError, match="the norm and step size of a transfer are those of its attack 'fgsm' on 'cnn'"):
        _ = make().threat_norm
    with pytest.raises(PartError, match="the budgets of a transfer"):
        _ = make().grid
    with pytest.raises(PartError, match="the adversarials of a transfer"):
        Problem(2, (3,)).run(make())


def test_resolved_it_is_that_attack() -> None:
    problem = Problem(2, (4,))
    inner = FGSM(epsilon=(0.1,))
    result = problem.run(make(epsilon=0.1).resolved(inner))
    assert (result.adversarials == problem.run(inner).adversarials).all()
