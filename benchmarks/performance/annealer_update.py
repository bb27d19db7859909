"""An update of the annealed RBM (Kehoe et al. 2021): 99 units on Chimera C16, 500 reads in 5 gauges, stage by stage.

The machine is that of the first annealed update: 59 visible and 40 hidden units with weights of a partially trained
one. Sampling should be what an update costs, not the way to the annealer and back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from qaml.models.rbm.kernel import adam
from qaml.samplers.annealer.part import Annealer
from qaml.samplers.annealer.phase import AnnealerPhase
from qaml.samplers.base import BoltzmannParameters
from qaml.samplers.conditional import conditional_moments

VISIBLE, HIDDEN, BATCH, UPDATES = 59, 40, 1000, 5
BAR = 0.9


def rows() -> list[dict[str, Any]]:
    """Time updates, and the chip within them."""
    rng = np.random.default_rng(0)
    shapes = ((VISIBLE, HIDDEN), (VISIBLE,), (HIDDEN,))
    machine: BoltzmannParameters[Any] = BoltzmannParameters(
        *((0.5 * rng.standard_normal(shape)).astype(np.float32) for shape in shapes)
    )
    data = (rng.random((BATCH, VISIBLE)) < 0.3).astype(np.float32)
    phase = AnnealerPhase(Annealer(), VISIBLE, HIDDEN, 0)
    chip: Any = phase.chip
    seconds = {"sampling": 0.0, "all": 0.0}
    chip.sample = _timed(chip.sample, seconds, "sampling")
    first, second = ([np.zeros_like(p).ravel() for p in machine] for _ in range(2))

    def update(step: int) -> None:
        positive, negative = conditional_moments(machine, data), phase.moments(machine, data)
        for i, parameter in enumerate(machine):
            adam(parameter.ravel(), positive[i].ravel(), negative[i].ravel(), first[i], second[i], 1e-2, 0.0, step)

    update(1)  # compiles
    seconds.update(dict.fromkeys(seconds, 0.0))
    timed = _timed(update, seconds, "all")
    for step in range(2, 2 + UPDATES):
        timed(step)
    share = seconds["sampling"] / seconds["all"]
    return [
        {
            "name": f"update of an annealed RBM, {VISIBLE} × {HIDDEN} on Chimera C16, 500 reads: share of sampling",
            "value": seconds["all"] / UPDATES,
            "unit": "s",
            "peer": f"sampling alone: {seconds['sampling'] / UPDATES:.3g} s",
            "ratio": share,
            "bar": BAR,
            "holds": share >= BAR,
        }
    ]


def _timed(call: Callable[..., Any], seconds: dict[str, float], stage: str) -> Callable[..., Any]:
    def timed(*arguments: Any, **settings: Any) -> Any:
        start = time.perf_counter()
        try:
            return call(*arguments, **settings)
        finally:
            seconds[stage] += time.perf_counter() - start

    return timed


if __name__ == "__main__":
    for row in rows():
        print(f"{row['name']}: {row['value']:.3g} {row['unit']}, {row['peer']}, ratio {row['ratio']:.3g}")
