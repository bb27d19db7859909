"""One cycle of the learning rate: its values beside torch's own scheduler."""

from __future__ import annotations

import pytest
import torch

from qaml.models.schedule import Pace, one_cycle, set_pace

PEAK = 0.003
WEIGHTS = [torch.nn.Parameter(torch.zeros(1))]
OPTIMISERS = [torch.optim.Adam(WEIGHTS, lr=PEAK), torch.optim.SGD(WEIGHTS, lr=PEAK, momentum=0.9)]


def _paces(optimiser: torch.optim.Optimizer, steps: int) -> list[Pace]:
    """Learning rate and momentum of every step of torch's scheduler."""
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK, total_steps=steps)
    found = []
    for _ in range(steps):
        (group,) = optimiser.param_groups
        found.append(Pace(group["lr"], group["betas"][0] if "betas" in group else group["momentum"]))
        optimiser.step()
        if len(found) < steps:
            scheduler.step()
    return found


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=["adam", "sgd"])
def test_the_cycle_is_torchs(optimiser: torch.optim.Optimizer) -> None:
    """Torch's counts from its first step to its last, ours to the end of training: the same curve, stretched."""
    steps = 40
    turn = 0.3 * steps - 1
    for step, theirs in enumerate(_paces(optimiser, steps)):
        done = 0.3 * step / turn if step < turn else 0.3 + 0.7 * (step - turn) / (steps - 1 - turn)
        assert one_cycle(done, PEAK) == pytest.approx(theirs)


def test_ends_and_turn() -> None:
    assert one_cycle(0.0, 1.0) == pytest.approx((0.04, 0.95))
    assert one_cycle(0.3, 1.0) == pytest.approx((1.0, 0.85))
    assert one_cycle(1.0, 1.0) == pytest.approx((4e-6, 0.95))


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=["adam", "sgd"])
def test_momentum_of_adam_is_its_first_beta(optimiser: torch.optim.Optimizer) -> None:
    set_pace(optimiser, Pace(0.5, 0.7))
    (group,) = optimiser.param_groups
    assert group["lr"] == 0.5
    assert group.get("betas", (0.7, 0.999)) == (0.7, 0.999)
    assert group.get("momentum", 0.7) == 0.7
