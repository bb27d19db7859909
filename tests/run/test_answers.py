"""Asking a classifier: NaN is no class, in no decision and no draw."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from qaml.run.answers import NO_ANSWER, answers, classes, correct_shares, probabilities
from qaml.spec.suite import Inference
from qaml.vocab import DecisionRule

INPUTS = np.random.default_rng(0).random((6, 2)).astype(np.float32)
LABELS = (INPUTS[:, 1] > INPUTS[:, 0]).astype(np.int64)


class Larger(nn.Module):
    """The class of the larger feature; spoilt where a row's number is among ``spoilt``."""

    def __init__(self, spoilt: tuple[int, ...] = (), value: float = math.nan) -> None:
        super().__init__()
        self.spoilt, self.value = spoilt, value

    def forward(self, inputs: Tensor) -> Tensor:
        logits = 5 * inputs
        for row in self.spoilt:
            logits[row] = self.value
        return logits


class Drawn(Larger):
    """A randomised one that gives NaN to image 2 in some draws."""

    is_randomised = True

    def reseed(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def forward(self, inputs: Tensor) -> Tensor:
        logits = 5 * inputs
        if torch.rand((), generator=self.generator) < 0.5:
            logits[2] = math.nan
        return logits


def test_a_sound_classifier_answers_everything() -> None:
    found = correct_shares(Larger(), INPUTS, LABELS, Inference(), 0, "cpu")
    assert found.correct.tolist() == [1.0] * 6
    assert not found.unanswered.any()
    assert found.draws == 1
    np.testing.assert_array_equal(found.first.predicted, LABELS)
    np.testing.assert_allclose(found.first.shares, torch.softmax(torch.tensor(5 * INPUTS), 1), atol=1e-6)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_neither_right_nor_a_class(value: float) -> None:
    found = correct_shares(Larger((1, 4), value), INPUTS, LABELS, Inference(), 0, "cpu")
    assert np.flatnonzero(found.unanswered).tolist() == [1, 4]
    assert np.flatnonzero(found.correct == 0).tolist() == [1, 4]
    assert np.flatnonzero(found.first.predicted == NO_ANSWER).tolist() == [1, 4]
    assert found.first.confidence[[1, 4]].tolist() == [0.0, 0.0]
    assert np.flatnonzero(classes(Larger((1, 4), value), torch.from_numpy(INPUTS)) == NO_ANSWER).tolist() == [1, 4]


@pytest.mark.parametrize("decision", ["single_draw", "vote", "mean"])
def test_a_draw_without_an_answer_leaves_the_image_without_one(decision: DecisionRule) -> None:
    inference = Inference(decision=decision, draws=8, evidence_draws=8)
    found = correct_shares(Drawn(), INPUTS, LABELS, inference, 0, "cpu")
    assert np.flatnonzero(found.unanswered).tolist() == [2]
    assert found.correct[2] == 0
    assert found.draws == 8


def test_no_answer_to_an_input_that_is_no_number_counts() -> None:
    spoilt = INPUTS.copy()
    spoilt[3, 0] = math.nan

    class Blind(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return 5 * inputs.nan_to_num(0.0)

    assert np.flatnonzero(answers(Blind(), spoilt, Inference(), 0, "cpu").unanswered).tolist() == [3]


def test_masked_and_certain_classes_have_probabilities() -> None:
    logits = torch.tensor([[1.0, -math.inf, 0.0], [math.inf, 3.0, -math.inf]])
    shares = probabilities(logits)
    assert shares.sum(1).tolist() == pytest.approx([1.0, 1.0])
    assert shares[0, 1] == 0
    assert shares[1].tolist() == pytest.approx([1.0, 0.0, 0.0])
