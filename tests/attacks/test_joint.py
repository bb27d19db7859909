"""Joint attacks: an ensemble of classifiers, and what fools both of two models at once."""

from __future__ import annotations

import json
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from qaml.attacks import AttackPart
from qaml.attacks.base import Target
from qaml.attacks.gradient.part import PGD
from qaml.attacks.joint.network import Ensemble, balanced
from qaml.attacks.joint.part import Joint
from qaml.attacks.scale import GAP
from qaml.attacks.transfer import Transfer
from qaml.data.base import load
from qaml.data.digits import Digits
from qaml.errors import PartError
from qaml.models.base import Hooks, ModelPart
from qaml.registry import references
from qaml.types import InputInfo
from tests.attacks.truth import Problem

JOINT = {"kind": "joint", "surrogates": ["cnn", "qvc"], "attack": "pgd"}


def make(**fields: object) -> Joint:
    part = AttackPart.model_validate_json(json.dumps({**JOINT, **fields}))
    assert isinstance(part, Joint)
    return part


class Scaled(nn.Module):
    """A linear classifier with logits of a chosen size."""

    def __init__(self, size: float, seed: int) -> None:
        super().__init__()
        self.size = size
        self.weight = torch.randn(6, 3, generator=torch.Generator().manual_seed(seed))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.size * inputs @ self.weight


def test_names_are_references() -> None:
    assert set(references(make())) == {
        (("surrogates", 0), "models", "cnn"),
        (("surrogates", 1), "models", "qvc"),
        (("attack",), "attacks", "pgd"),
    }
    assert make().makers == ("cnn", "qvc")
    assert not make().is_white_box


def test_unresolved_it_knows_nothing() -> None:
    with pytest.raises(
        PartError, match="the norm and step size of a joint attack are those of its attack 'pgd' on 'cnn'"
    ):
        _ = make().threat_norm
    with pytest.raises(PartError, match="the adversarials of a joint attack"):
        Problem(2, (3,)).run(make())


def test_an_attack_made_elsewhere_is_refused() -> None:
    with pytest.raises(PartError, match="expected 'pgd' to be an attack that computes adversarials, got a transfer"):
        make().resolved(Transfer(surrogate="cnn", attack="fgsm"))
    assert make(epsilon=0.1).resolved(PGD(epsilon=(0.2, 0.3))).grid == (0.1,)


def test_the_ensembles_softmax_is_the_product_of_its_members() -> None:
    members, inputs = [Scaled(1.0, 0), Scaled(0.1, 1)], torch.rand(5, 6, generator=torch.Generator().manual_seed(2))
    product = torch.softmax(members[0](inputs), 1) * torch.softmax(10 * members[1](inputs), 1)
    shares = torch.softmax(Ensemble(members, (1.0, 10.0))(inputs), 1)
    torch.testing.assert_close(shares, product / product.sum(1, keepdim=True))


def test_balanced_members_have_equal_gaps_whatever_the_size_of_their_logits() -> None:
    small, large = Scaled(0.01, 0), Scaled(7.0, 0)
    inputs = torch.rand(801, 6, generator=torch.Generator().manual_seed(2))
    scales = balanced([small, large], inputs)
    for member, scale in zip((small, large), scales, strict=True):
        top = (scale * member(inputs)).topk(2, dim=1).values
        assert float((top[:, 0] - top[:, 1]).median()) == pytest.approx(GAP, rel=1e-5)


def test_a_constant_member_keeps_its_logits() -> None:
    inputs = torch.rand(10, 6)
    assert balanced([Scaled(0.0, 0)], inputs) == (1.0,)
    assert balanced([Scaled(1.0, 0)], inputs[:0]) == (1.0,)


def test_scales_given_are_used() -> None:
    members, inputs = [Scaled(1.0, 0), Scaled(1.0, 1)], torch.rand(4, 6)
    made = make(scale=[2, 0.5]).ensemble(members, inputs)
    torch.testing.assert_close(made(inputs), Ensemble(members, (2.0, 0.5))(inputs))


class Digit(NamedTuple):
    """Two models of the digits and the images to attack."""

    info: InputInfo
    members: tuple[nn.Module, nn.Module]
    inputs: Tensor
    labels: Tensor

    def answers(self, module: nn.Module) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
        """What both models answer to PGD at ε = 0.2 made on this module."""
        target = Target(module, self.info.bounds, self.info.n_classes)
        made = PGD(epsilon=(0.2,), steps=20).run(target, self.inputs, self.labels, 0, lambda _: None).adversarials[0]
        return [member(torch.from_numpy(made)).argmax(1).numpy() for member in self.members]


@pytest.fixture(scope="module")
def digit() -> Digit:
    data = load(Digits())
    members = []
    for kind in ("linear", "fnn"):
        part = ModelPart.model_validate_json(json.dumps({"kind": kind, "training": {"epochs": 20}}))
        module = part.build(data.info, 0)
        part.fit(module, data.train, data.info, Hooks(), 0)
        members.append(module.eval().requires_grad_(False))
    test = data.test
    inputs, labels = torch.from_numpy(test.inputs[:200]), torch.from_numpy(test.labels[:200])
    return Digit(data.info, (members[0], members[1]), inputs, labels)


def test_it_fools_both_models_with_one_answer(digit: Digit) -> None:
    labels = digit.labels.numpy()

    def fooled_alike(answers: list[np.ndarray[tuple[int], np.dtype[np.int64]]]) -> float:
        one, other = answers
        return float(((one == other) & (one != labels)).mean())

    joint = digit.answers(make().ensemble(digit.members, digit.inputs))
    singles = [digit.answers(member) for member in digit.members]
    assert fooled_alike(joint) > max(fooled_alike(single) for single in singles) + 0.15
    # each model alone is fooled about as well as by an attack of its own, and detection falls to nearly nothing
    for index, own in enumerate(singles):
        assert (joint[index] == labels).mean() <= (own[index] == labels).mean() + 0.06
        assert (joint[1 - index] == labels).mean() < (own[1 - index] == labels).mean() - 0.15
    disagree = [float((one != other).mean()) for one, other in (joint, *singles)]
    assert disagree[0] < 0.1 < 0.25 < min(disagree[1:])
