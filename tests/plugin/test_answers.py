"""Networks that answer differently when they are asked than when they were trained: none is supported."""

from __future__ import annotations

import pytest

from tests.plugin.project import Project, Result

MODULE = """
import math

import torch
from torch import nn


def off_the_grid(x):
    return ((x * 16 - (x * 16).round()).abs().flatten(1).amax(1) > 1e-4)[:, None]


ASKED = {
    "plain": lambda n, x: n(x),
    "mask": lambda n, x: torch.cat([n(x)[:, :9], torch.full((len(x), 1), -1e9)], 1),
    "infinite-mask": lambda n, x: torch.cat([n(x)[:, :9], torch.full((len(x), 1), -math.inf)], 1),
    "nan": lambda n, x: n(x).masked_fill(off_the_grid(x), math.nan),
    "overflow": lambda n, x: 1e30 * (1e30 * n(x)),
    "noise": lambda n, x: n(x + 0.3 * torch.randn_like(x)),
    "noise-off-the-grid": lambda n, x: n(x + 0.3 * off_the_grid(x)[:, :, None, None] * torch.randn_like(x)),
    "batch": lambda n, x: n((x - x.mean(0)) / (x.std(0) + 1e-3) * 0.3 + 0.3),
    "dark": lambda n, x: n(x / 1e4),
}


class Net(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.how = how
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))

    def forward(self, x):
        return self.net(x) if self.training else ASKED[self.how](self.net, x)
"""
KINDS = (
    "plain", "mask", "infinite-mask", "nan", "overflow", "noise", "noise-off-the-grid", "batch", "dark",
)  # fmt: skip
SPEC = (
    """
suite: asked
evaluation: {seeds: 1, images: 120}
diagnostics: {enabled: false}
datasets:
  digits: {kind: digits}
models:
"""
    + "".join(
        f"  {kind}: {{kind: torch_module, dataset: digits, factory: 'asked:Net', arguments: {{how: {kind}}}, "
        "training: {epochs: 8, lr: 3e-3}}\n"
        for kind in KINDS
    )
    + """
  diverged: {kind: fnn, dataset: digits, training: {lr: 1e30, epochs: 1}}
attacks:
  pgd: {kind: pgd, epsilon: 0.1, steps: 5}
claims:
  - id: "clean-{model}"
    for: {model: [MODELS]}
    statement: The network has learned something.
    kind: bound
    metric: clean_accuracy
    of: {model: "{model}"}
    at_least: 0.5
  - id: "fooled-{model}"
    for: {model: [MODELS]}
    statement: The attack fools it somewhere.
    kind: bound
    metric: attack_success_rate
    of: {model: "{model}", attack: pgd}
    at_least: 0.001
""".replace("MODELS", ", ".join((*KINDS, "diverged")))
)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    project = Project(tmp_path_factory.mktemp("asked") / "project", QAML_TRUSTED_MODULES="asked")
    (project.root / "asked.py").write_text(MODULE)
    project.spec("asked", SPEC)
    return project.pytest()


@pytest.mark.parametrize("kind", ["plain", "mask", "infinite-mask"])
def test_sound_networks_and_legal_masks_are_judged(result: Result, kind: str) -> None:
    assert result.outcome(f"asked::clean-{kind}") == "passed"
    assert "invalid" not in result.text(f"asked::fooled-{kind}")


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("fooled-nan", "no_answer"),
        ("clean-overflow", "no_answer"),
        ("clean-diverged", "no_answer"),
        ("clean-diverged", "training_diverged"),
        ("clean-noise", "answers_differ"),
        ("fooled-noise", "answers_differ"),
        ("fooled-noise-off-the-grid", "answers_differ"),
        ("clean-batch", "answers_differ"),
        ("fooled-batch", "answers_differ"),
        ("fooled-dark", "at_chance"),
    ],
)
def test_others_are_void_with_the_finding(result: Result, name: str, finding: str) -> None:
    assert result.outcome(f"asked::{name}") == "failed"
    text = result.text(f"asked::{name}")
    assert "⊘ invalid" in text
    assert f"{finding} (" in text


def test_clean_images_on_the_grid_have_an_answer(result: Result) -> None:
    assert result.outcome("asked::clean-nan") == "passed"
    assert result.outcome("asked::clean-noise-off-the-grid") == "passed"
