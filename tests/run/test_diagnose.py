"""The validity battery on models built to raise its findings, and on healthy ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from qaml.run.steps.diagnose import look, n_outside, reach_of_bounds
from qaml.types import Bounds, InputInfo

N = 64


class Built(nn.Module):
    """A linear classifier of 12 features with something done to its inputs and its logits."""

    def __init__(
        self, before: Callable[[Tensor], Tensor] = lambda x: x, after: Callable[[Tensor], Tensor] = lambda z: z
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(12, 3)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            self.linear.weight.copy_(torch.randn((3, 12), generator=generator))
            self.linear.bias.zero_()
        self.before, self.after = before, after

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.before(inputs))
        return self.after(logits)


@pytest.fixture
def inputs() -> Tensor:
    return torch.rand((N, 12), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def labels(inputs: Tensor) -> Tensor:
    logits: Tensor = Built()(inputs)
    return logits.argmax(1).detach()


def test_a_healthy_model_raises_nothing(inputs: Tensor, labels: Tensor) -> None:
    seen = look(Built(), inputs, labels)
    assert seen["clean_correct"].all()
    assert not seen["zero_gradient"].any()
    assert seen["non_finite"] == 0
    assert not seen["outputs_are_probabilities"]
    assert not seen["margin_below_precision"].any()


def test_quantised_inputs_have_zero_gradients(inputs: Tensor, labels: Tensor) -> None:
    seen = look(Built(before=lambda x: torch.round(4 * x) / 4), inputs, labels)
    assert seen["zero_gradient"].all()


def test_a_saturated_softmax_is_seen_through(inputs: Tensor, labels: Tensor) -> None:
    """The loss has no gradient in float32; the margin has one, so an attack on the margin would work."""
    model = Built(after=lambda z: 1e5 * z)
    leaf = inputs.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(nn.functional.cross_entropy(model(leaf), labels, reduction="sum"), leaf)
    assert (~gradient.any(dim=1)).sum() > N // 2
    seen = look(model, inputs, labels)
    assert not seen["zero_gradient"].any()
    assert model.linear.weight.dtype == torch.float32


def test_probabilities_where_logits_belong(inputs: Tensor, labels: Tensor) -> None:
    seen = look(Built(after=lambda z: torch.softmax(100 * z, 1)), inputs, labels)
    assert seen["outputs_are_probabilities"]


def test_logits_that_are_not_finite_are_counted(inputs: Tensor, labels: Tensor) -> None:
    spoilt = Built(after=lambda z: torch.where(torch.arange(N)[:, None] < 5, torch.nan, 1.0) * z)
    assert look(spoilt, inputs, labels)["non_finite"] == 5


def test_margins_below_precision(inputs: Tensor, labels: Tensor) -> None:
    seen = look(Built(after=lambda z: 1e8 + z), inputs, labels)
    assert seen["margin_below_precision"].all()


@pytest.mark.parametrize(
    ("shift", "norm", "outside"),
    [(0.1, "linf", 0), (0.1 + 1e-4, "linf", 1), (0.1, "l2", 1), (0.1 / np.sqrt(12), "l2", 0)],
)
def test_adversarials_outside_the_budget_are_counted(shift: float, norm: str, outside: int) -> None:
    clean = torch.full((1, 12), 0.5)
    assert n_outside(clean + shift, clean, norm, 0.1, Bounds(0, 1)) == outside  # type: ignore[arg-type]


def test_adversarials_outside_the_bounds_are_counted() -> None:
    clean = torch.ones((2, 12))
    assert n_outside(clean + torch.tensor([[0.01], [0.0]]), clean, "linf", 0.1, Bounds(0, 1)) == 1


def test_the_bounds_reach_from_corner_to_corner() -> None:
    info = InputInfo((1, 2, 2), ("a", "b"), Bounds(-1, 1))
    assert reach_of_bounds("linf", info) == 2
    assert reach_of_bounds("l2", info) == pytest.approx(4)
