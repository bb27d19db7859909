"""What an attack misses, with and without qaml's own battery beside it, where the truth is known image by image."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qaml.run.arrays import read_arrays
from qaml.run.classifier import WEIGHTS, restore
from qaml.run.dataset import loaded
from qaml.run.exact import exact_norms
from qaml.session.options import Options
from qaml.session.session import Session
from qaml.types import Bounds
from qaml.vocab import Norm
from tests.attacks.truth import steepest_in_ball_and_box
from tests.campaign.pairs import write
from tests.campaign.truth import climb, margin, towards
from tests.reference.rbm_margin import Machine, verify

Flags = NDArray[np.bool_]

IMAGES = 200
NODES = 40_000
"""Bounds at most for a rival class: most images need less than 300, a few take a minute."""
DIGITS = {"kind": "digits"}
WIDE = {"kind": "campaign/wide_digits"}


class Case(NamedTuple):
    """A model whose robust images are known at a budget.

    Attributes:
        robust: (module, inputs, labels, epsilon, bounds) → (n,) robust for sure: all others are fooled, or not decided
            (then they count as missed).
        truth: how it is known. ``closed form`` and ``exact distance``: exactly; ``searched``: by a long search, so that
            misses may be more; ``certified`` and ``proved``: from below, so that misses may be fewer.
        dataset: that it is trained on.
    """

    name: str
    model: dict[str, Any]
    norm: Norm
    epsilon: float
    robust: Callable[[nn.Module, Tensor, Tensor, float, Bounds], Flags]
    truth: str
    dataset: dict[str, Any] = DIGITS


class Misses(NamedTuple):
    """Shares of the images that are fooled for sure (or not decided), and that these attacks leave right."""

    case: Case
    images: int
    robust: float
    found: float
    shares: dict[str, float]
    seconds: float


def linear_robust(norm: Norm) -> Callable[[nn.Module, Tensor, Tensor, float, Bounds], Flags]:
    """The closed form within ball and box: every rival's margin at the steepest point."""

    def robust(module: nn.Module, inputs: Tensor, labels: Tensor, epsilon: float, bounds: Bounds) -> Flags:
        x = inputs.flatten(1).double().numpy()
        weights = np.stack([w.detach().double().numpy() for w in module.parameters() if w.dim() == 2][:1])[0]
        bias = next(b.detach().double().numpy() for b in module.parameters() if b.dim() == 1)
        logits, y = x @ weights.T + bias, labels.numpy()
        slopes = weights[None] - weights[y][:, None]
        down, up = bounds.low - x[:, None], bounds.high - x[:, None]
        if norm == "linf":
            down, up = np.maximum(down, -epsilon), np.minimum(up, epsilon)
            gains = np.maximum(slopes * down, slopes * up).sum(-1)
        else:
            gains = (slopes * steepest_in_ball_and_box(slopes, down, up, epsilon)).sum(-1)
        margins = np.take_along_axis(logits, y[:, None], 1) - logits - gains
        margins[np.arange(len(y)), y] = np.inf
        sure: Flags = margins.min(1) > 0
        return sure

    return robust


def beyond_exact_distance(module: nn.Module, inputs: Tensor, labels: Tensor, epsilon: float, bounds: Bounds) -> Flags:  # noqa: ARG001
    """Farther from every other answer than the budget, by the exact distance that ignores the bounds."""
    distances = exact_norms(module, inputs, labels)
    assert distances is not None
    return distances > epsilon


def searched(norm: Norm) -> Callable[[nn.Module, Tensor, Tensor, float, Bounds], Flags]:
    """What a long search of our own does not fool: all rivals one by one, and the margin from ten starts."""

    def robust(module: nn.Module, inputs: Tensor, labels: Tensor, epsilon: float, bounds: Bounds) -> Flags:
        still = np.ones(len(labels), dtype=bool)
        with torch.no_grad():
            classes = module(inputs[:1]).shape[1]
        losses = [(towards(k), 0) for k in range(classes)] + [(towards(k), 1) for k in range(classes)]
        losses += [(margin, seed) for seed in range(2, 10)]
        for loss, seed in losses:
            found = climb(module, inputs, labels, epsilon, norm, bounds, loss, seed)
            with torch.no_grad():
                still &= (module(found).argmax(1) == labels).numpy()
        return still

    return robust


def proved(module: nn.Module, inputs: Tensor, labels: Tensor, epsilon: float, bounds: Bounds) -> Flags:  # noqa: ARG001
    """Of an RBM, by branch and bound."""
    arrays = {name: value.detach().double().numpy() for name, value in module.named_parameters()}
    pixels = inputs[0].numel()
    weights, visible = arrays["weights"], arrays["visible_bias"]
    machine = Machine(weights[:pixels].T.copy(), weights[pixels:].T.copy(), arrays["hidden_bias"], visible[pixels:])
    images = inputs.flatten(1).double().numpy()
    with torch.no_grad():
        is_right = (module(inputs).argmax(1) == labels).numpy()
    answers = [
        is_right[i] and verify(machine, image, int(y), epsilon, NODES) == "proved"
        for i, (image, y) in enumerate(zip(images, labels, strict=True))
    ]
    return np.array(answers, dtype=bool)


LINEAR = {"kind": "linear", "training": {"lr": 1e-2, "epochs": 20}}
QUADRATIC = {"kind": "quadratic", "norm_bounded": True, "training": {"lr": 1e-2, "epochs": 15}}
FREE = {"kind": "quadratic", "training": {"lr": 3e-3, "epochs": 15}}
QVC = {"kind": "qvc", "layers": 30, "logit_scale": 10.0, "training": {"lr": 0.02, "batch": 64, "epochs": 8}}
UNSCALED = {**QVC, "logit_scale": 1.0}
RBM20 = {"kind": "rbm", "hidden": 20, "training": {"lr": 1e-2, "epochs": 30, "batch": 10}}
RBM40 = {**RBM20, "hidden": 40}

CASES: list[Case] = [
    Case("linear", LINEAR, "linf", 0.05, linear_robust("linf"), "closed form"),
    Case("linear", LINEAR, "linf", 0.1, linear_robust("linf"), "closed form"),
    Case("linear", LINEAR, "l2", 0.5, linear_robust("l2"), "closed form"),
    Case("quadratic, norm-bounded, no bounds", QUADRATIC, "l2", 0.5, beyond_exact_distance, "exact distance", WIDE),
    Case("quadratic, norm-bounded", QUADRATIC, "l2", 0.5, beyond_exact_distance, "certified"),
    Case("quadratic, norm-bounded", QUADRATIC, "l2", 0.5, searched("l2"), "searched"),
    Case("quadratic, norm-bounded", QUADRATIC, "linf", 0.06, searched("linf"), "searched"),
    Case("quadratic, free", FREE, "linf", 0.06, searched("linf"), "searched"),
    Case("QVC, 30 layers, no bounds", QVC, "l2", 0.3, beyond_exact_distance, "exact distance", WIDE),
    Case("QVC, 30 layers", QVC, "l2", 0.3, beyond_exact_distance, "certified"),
    Case("QVC, 30 layers", QVC, "l2", 0.3, searched("l2"), "searched"),
    Case("QVC, 30 layers", QVC, "linf", 0.04, searched("linf"), "searched"),
    Case("QVC, expectations as logits", UNSCALED, "linf", 0.04, searched("linf"), "searched"),
    Case("RBM, 20 hidden", RBM20, "linf", 0.05, proved, "proved"),
    Case("RBM, 20 hidden", RBM20, "linf", 0.1, proved, "proved"),
    Case("RBM, 40 hidden", RBM40, "linf", 0.05, proved, "proved"),
    Case("RBM, 40 hidden", RBM40, "linf", 0.1, proved, "proved"),
]

ATTACKS: dict[str, dict[str, Any]] = {
    "cross-entropy": {"kind": "pgd", "steps": 40},
    "margin": {"kind": "pgd", "steps": 40, "loss": "margin"},
    "autoattack": {"kind": "autoattack", "steps": 50, "queries": 1000},
}


def suite_of(case: Case) -> dict[str, Any]:
    """A claim for each attack."""
    attacks = {name: {**attack, "norm": case.norm, "epsilon": case.epsilon} for name, attack in ATTACKS.items()}
    claims = [
        {
            "id": name,
            "statement": "Something is robust.",
            "kind": "bound",
            "metric": "robust_accuracy",
            "of": {"model": "m", "attack": name},
            "at_least": 0.01,
        }
        for name in attacks
    ]
    return {
        "suite": "exactly",
        "evaluation": {"images": IMAGES},
        "diagnostics": {"images": IMAGES},
        "datasets": {"d": case.dataset},
        "models": {"m": {**case.model, "dataset": "d", "seeds": 1}},
        "attacks": attacks,
        "claims": claims,
    }


def look(case: Case, root: Path) -> Misses:
    """Train, attack and diagnose one model, and hold what is left against the truth."""
    start = time.perf_counter()
    path = write(suite_of(case), root / "suite" / f"exactly-{os.getpid()}.yaml")
    session = Session(Options((path,), "quick", root / "store", root / "report", run_id=f"exactly-{time.time_ns()}"))
    nodes = [claim.node for claim in session.claims]
    session.select(nodes)
    for node in nodes:
        session.outcome(node)
    images = _Images(session)
    right = {name: images.right(name) for name in ATTACKS}
    battery = images.battery()
    right["with the battery"] = right["cross-entropy"] & battery
    right["the battery alone"] = battery
    # a proof takes long: it is tried where nothing is found, and what is found needs none
    tried = np.logical_and.reduce(list(right.values())) if case.truth == "proved" else np.ones_like(battery)
    truth = np.zeros_like(tried)
    some = torch.from_numpy(np.flatnonzero(tried))
    truth[tried] = case.robust(images.module, images.inputs[some], images.labels[some], case.epsilon, images.bounds)
    assert not any((truth & ~each).any() for each in right.values()) or case.truth == "searched"
    shares = {name: float((each & ~truth).mean()) for name, each in right.items()}
    return Misses(case, len(truth), float(truth.mean()), float(battery.mean()), shares, time.perf_counter() - start)


class _Images:
    """The battery's images of a finished session with one model of one run, and what is right on them."""

    def __init__(self, session: Session) -> None:
        self.session = session
        steps = session.plan.steps.values()
        self._diagnosis = next(step for step in steps if step.kind == "diagnose")
        description = self._diagnosis.payload["classifier"]
        (train,) = (step for step in steps if step.kind == "train")
        self.module = restore(description, session.store.read(train.key, WEIGHTS), "cpu")
        data = loaded(description["dataset"]).data
        self.bounds = data.info.bounds
        self._arrays = read_arrays(session.store.read(self._diagnosis.key, "diagnosis.npz"))
        self.indices = self._arrays["indices"]
        place = {index: number for number, index in enumerate(data.test.indices)}
        order = [place[index] for index in self.indices]
        self.inputs = torch.from_numpy(data.test.inputs[order].copy())
        self.labels = torch.from_numpy(data.test.labels[order].copy())

    def battery(self) -> Flags:
        """Right under all that runs at the budget."""
        members = [v for k, v in self._arrays.items() if k.startswith("correct_") and k != "correct_unbounded"]
        seen = [np.where(np.isnan(shares), 1, shares) > 0 for shares in members]  # not a number: nobody looked
        flags: Flags = np.logical_and.reduce([*seen, self._arrays["clean_correct"] > 0])
        return flags

    def right(self, attack: str) -> Flags:
        """Right when clean and under this attack of the suite."""
        steps = self.session.plan.steps.values()
        title = next(s for s in steps if s.kind == "evaluate" and f" {attack}" in s.title)
        arrays = read_arrays(self.session.store.read(title.key, "predictions.npz"))
        by_index = dict(zip(arrays["indices"], arrays["correct"][-1] > 0.5, strict=True))
        return np.array([by_index[index] for index in self.indices]) & (self._arrays["clean_correct"] > 0.5)


def every_case(root: Path) -> Iterator[Misses]:
    for case in CASES:
        yield look(case, root)
