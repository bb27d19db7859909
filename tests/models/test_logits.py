from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from qaml.models.logits import has_answer, margins

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("row", "is_answer"),
    [
        ((0.0, 1.0, 2.0), True),
        ((0.0, 1.0, -INF), True),
        ((-1e9, 1.0, 2.0), True),
        ((-INF, 1.0, -INF), True),
        ((INF, 1.0, 2.0), True),
        ((INF, 1.0, -INF), True),
        ((NAN, 1.0, 2.0), False),
        ((NAN, INF, -INF), False),
        ((INF, INF, 0.0), False),
        ((-INF, -INF, -INF), False),
        ((NAN, NAN, NAN), False),
    ],
)
def test_an_answer_is_one_largest_logit_and_no_nan(row: tuple[float, ...], is_answer: bool) -> None:
    assert has_answer(torch.tensor([row, (0.0, 1.0, 2.0)])).tolist() == [is_answer, True]


@pytest.mark.parametrize("mask", [-1e9, -1e30, -INF])
def test_a_mask_leaves_the_margin_between_the_others(mask: float) -> None:
    logits = np.array([[0.1, 0.4, mask], [3.0, 3.0 + 1e-7, mask]])
    found = margins(logits)
    assert found.margin == pytest.approx([0.3, 1e-7])
    assert found.is_below.tolist() == [False, True]


def test_large_logits_close_to_each_other_are_below_precision() -> None:
    assert margins(np.array([[1e9, 1e9 + 64.0, 0.0]])).is_below.tolist() == [True]
    assert margins(np.array([[1e9, 0.0, 0.0]])).is_below.tolist() == [False]


def test_all_but_one_masked_is_decided_and_nan_is_not_about_precision() -> None:
    logits = np.array([[1.0, -INF, -INF], [INF, 0.0, 1.0], [NAN, 0.0, 1.0]])
    assert margins(logits).is_below.tolist() == [False, False, False]
