"""Where defences stand that other packages bring, with and without a field ``where``: one truth for all who ask."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from qaml.defences.base import DEFENCES, DefencePart
from qaml.defences.squeezing.part import FeatureSqueezing
from qaml.models.capabilities import Quadratic, is_randomised
from qaml.models.quadratic.network import BoundedQuadratic
from qaml.plan.words import model_in_words
from qaml.run.classifier import defended, wrapped
from qaml.spec.pairs import kinds_inside
from qaml.spec.suite import Inference
from qaml.types import Bounds, FloatArray, InputInfo

INFO = InputInfo((4,), ("a", "b"), Bounds(0.0, 1.0))


class Forwarding(nn.Module):
    """In front of a classifier, and says of itself whatever the classifier says."""

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("classifier"), name)

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.classifier(inputs.mul_(0.5))
        return logits


class Inside(DefencePart):
    kind: Literal["places/inside"] = "places/inside"

    def wrap(self, module: nn.Module, info: InputInfo) -> nn.Module:  # noqa: ARG002
        return Forwarding(module)


class Before(DefencePart):
    kind: Literal["places/before"] = "places/before"

    def defend_inputs(self, inputs: FloatArray, info: InputInfo) -> FloatArray:  # noqa: ARG002
        inputs *= 0.5
        return inputs


class Both(Inside):
    kind: Literal["places/both"] = "places/both"  # type: ignore[assignment]

    def defend_inputs(self, inputs: FloatArray, info: InputInfo) -> FloatArray:  # noqa: ARG002
        return inputs * 0.5


class Training(DefencePart):
    kind: Literal["places/training"] = "places/training"

    changes_training: ClassVar[bool] = True


class SaysSo(Both):
    kind: Literal["places/says"] = "places/says"  # type: ignore[assignment]
    where: Literal["data", "classifier"] = "data"


PLACES: list[tuple[DefencePart, bool, bool]] = [
    (Inside(), False, True),
    (Before(), True, False),
    (Both(), True, True),
    (Training(), False, False),
    (SaysSo(), True, False),
    (SaysSo(where="classifier"), False, True),
    (FeatureSqueezing(), True, False),
    (FeatureSqueezing(where="classifier"), False, True),
]


class _Entry(NamedTuple):
    defences: tuple[DefencePart, ...]
    part: DefencePart = FeatureSqueezing()
    dataset: str = "d"
    seeds: int = 1
    stream: int = 0
    inference: Inference = Inference()


@pytest.mark.parametrize(("defence", "before", "inside"), PLACES)
def test_a_defence_stands_where_its_methods_do(defence: DefencePart, before: bool, inside: bool) -> None:
    assert (defence.defends_data, defence.is_inside) == (before, inside)
    entry: Any = _Entry((defence,))
    assert kinds_inside(entry) == ([defence.kind] if inside else [])
    words = model_in_words(entry)
    assert ("before the attack" in words, "inside the classifier" in words) == (before, inside)
    assert ("in training" in words) == (not before and not inside)

    inputs = np.full((2, 4), 0.63, dtype=np.float32)
    assert bool((defended(inputs, [defence], INFO) != inputs).any()) == before
    assert (inputs == np.float32(0.63)).all()
    classifier = BoundedQuadratic(4, 2)
    assert (wrapped(classifier, [defence], INFO) is not classifier) == inside


def test_every_kind_of_ours_says_where_it_stands() -> None:
    for kind in DEFENCES.kinds():
        part = DEFENCES.load(kind)
        changes = (part.wrap, part.defend_inputs) != (DefencePart.wrap, DefencePart.defend_inputs)
        assert changes == ("where" in part.model_fields), kind


def test_behind_another_package_s_defence_nothing_shows_through_and_inputs_stay() -> None:
    classifier = BoundedQuadratic(4, 2)
    assert isinstance(classifier, Quadratic)
    behind = wrapped(classifier, [Inside()], INFO)
    assert not isinstance(behind, Quadratic)
    assert not is_randomised(behind)
    inputs = torch.rand(2, 4)
    given = inputs.clone()
    behind(inputs)
    assert torch.equal(inputs, given)


class Drawing(nn.Module):
    is_randomised = True

    def __init__(self) -> None:
        super().__init__()
        self.generator = torch.Generator()

    def reseed(self, seed: int) -> None:
        self.generator.manual_seed(seed)

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs[:, :2] + torch.rand(len(inputs), 2, generator=self.generator)


def test_a_randomised_classifier_stays_one_behind_any_defence() -> None:
    behind: Any = wrapped(Drawing(), [Inside()], INFO)
    assert is_randomised(behind)
    behind.reseed(1)
    first = behind(torch.zeros(2, 4))
    behind.reseed(1)
    assert torch.equal(first, behind(torch.zeros(2, 4)))
