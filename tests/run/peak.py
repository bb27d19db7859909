"""A process that asks a model about made-up adversarials, and prints the memory it took beyond its start, in MiB.

Arguments: a folder, budgets, how often it is asked.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import nn

from qaml.metrics.spectrum import low_frequency_share
from qaml.plan.role import Role
from qaml.run.arrays import write_arrays
from qaml.run.job import Job
from qaml.run.steps import evaluate, picture
from qaml.spec.suite import Inference
from qaml.types import Bounds, InputInfo

INFO = InputInfo((1, 28, 28), tuple("0123456789"), Bounds(0.0, 1.0))


def write(path: Path, images: int, budgets: int) -> None:
    generator = np.random.default_rng(0)
    start = generator.random((images, *INFO.shape), dtype=np.float32)
    arrays: dict[str, Any] = {
        "adversarials": np.stack([np.clip(start + 0.01 * budget, 0, 1) for budget in range(budgets)]),
        "start": start,
        "labels": generator.integers(0, 10, images),
        "indices": np.arange(images),
        "epsilons": 0.01 * np.arange(budgets),
        "claimed": np.ones((budgets, images), dtype=bool),
        "outside": np.zeros((budgets, images), dtype=bool),
        "norms": generator.random(images),
    }
    write_arrays(path, arrays)


def job(folder: Path, epsilons: tuple[float, ...] | None) -> Job:
    described = {"dataset": SimpleNamespace(info=INFO), "inference": Inference(), "defences": []}
    payload = {"classifier": described, "images": None, "order": "file", "epsilons": epsilons, "count": 6}
    parents = {Role("attack"): "a", Role("train"): "t"}
    return Job("k", payload, 0, parents, lambda _, name: folder / name, folder, folder, lambda *_: None)


def peak() -> float:
    """MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main(folder: Path, budgets: int, runs: int) -> None:
    torch.set_num_threads(1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).eval().requires_grad_(False)
    model(torch.zeros(1, *INFO.shape))
    low_frequency_share(np.ones((500, *INFO.shape), dtype=np.float32))
    before, found = peak(), {}
    with patch.object(evaluate, "trained", lambda *_: model), patch.object(picture, "trained", lambda *_: model):
        for name, module, epsilons in (
            ("pictures", picture, None),
            ("budgets", evaluate, None),
            ("distances", evaluate, tuple(0.1 * np.arange(1, budgets + 1))),
        ):
            for _ in range(runs):
                module.execute(job(folder, epsilons))
            found[name] = peak() - before  # of this and what came earlier
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
