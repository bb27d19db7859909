"""Models whose attack fails by what their users did: nothing is supported that others' adversarials refute."""

from __future__ import annotations

import pytest

from tests.campaign.whole import WHOLE
from tests.plugin.project import Project, Result

MODULE = """
import torch
from torch import nn

ASKED = {
    "plain": lambda n, x: n(x),
    "scaled": lambda n, x: 100 * n(x),
    "faint": lambda n, x: n(x) / 1e4,
    "softmax": lambda n, x: torch.softmax(30 * n(x), 1),
    "ripple": lambda n, x: n((x * 8).round() / 8 + 1e-3 * torch.sin(3e3 * x)),
    "rounded": lambda n, x: n((x * 8).round() / 8),
    "detached-half": lambda n, x: n(0.5 * x + (0.5 * x).detach() + 0 * x).detach() + 1e-9 * n(-x),
}


class Net(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.how = how
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
        self.register_buffer("run", torch.rand(1))  # another number in every training run

    def forward(self, x):
        return self.net(x) if self.training else ASKED[self.how](self.net, x)


class Sometimes(Net):
    \"\"\"Masked in the last of four training runs.\"\"\"

    def forward(self, x):
        return self.net(x) if self.training or self.run < 0.7 else ASKED["rounded"](self.net, x)


class Rugged(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, x):
        return self.net(x + 0.06 * torch.sin(300 * x))
"""
MASKS = (
    ("scaled", "faint", "softmax", "ripple", "rounded", "detached-half") if WHOLE else ("faint", "softmax", "rounded")
)
MODULE_KIND = "kind: torch_module, dataset: digits"
TRAINED = "training: {epochs: 15, lr: 3e-3}"
SPEC = (
    """
suite: masked
evaluation: {seeds: 1, images: 100}
diagnostics: {images: 100}
datasets:
  digits: {kind: digits}
models:
"""
    + "".join(
        f"  {how}: {{{MODULE_KIND}, factory: 'masked:Net', arguments: {{how: {how}}}, {TRAINED}}}\n"
        for how in ("plain", *MASKS)
    )
    + f"""
  sometimes: {{{MODULE_KIND}, factory: 'masked:Sometimes', arguments: {{how: plain}}, {TRAINED}, seeds: 4}}
  rugged: {{{MODULE_KIND}, factory: 'masked:Rugged', {TRAINED}}}
  net: {{kind: fnn, dataset: digits, hidden: [64, 32], dropout: 0.0, {TRAINED}}}
attacks:
  pgd: {{kind: pgd, epsilon: 0.1, steps: 10}}
  fgsm: {{kind: fgsm, epsilon: 0.1}}
  bim: {{kind: bim, epsilon: 0.1, steps: 3, relative_step: 0.34}}
  noise: {{kind: uniform_noise, epsilon: 0.1}}
  square: {{kind: autoattack, epsilon: 0.15, members: [square], queries: 300}}
  one-start: {{kind: pgd, epsilon: 0.15, steps: 10}}
claims:

  - id: "{{model}}-under-{{attack}}"
    for: {{model: [{", ".join(MASKS)}], attack: [pgd, fgsm]}}
"""
    + """
    statement: A masked network keeps six tenths.
    kind: bound
    metric: robust_accuracy
    of: {model: "{model}", attack: "{attack}"}
    at_least: 0.6
  - id: sometimes
    statement: s
    kind: bound
    metric: robust_accuracy
    of: {model: sometimes, attack: pgd}
    at_least: 0.4
  - id: plain
    statement: s
    kind: bound
    metric: robust_accuracy
    of: {model: plain, attack: pgd}
    at_least: 0.15
  - id: few-steps
    statement: s
    kind: bound
    metric: robust_accuracy
    of: {model: net, attack: bim}
    at_least: 0.15
  - id: noise
    statement: s
    kind: bound
    metric: robust_accuracy
    of: {model: net, attack: noise}
    at_least: 0.5
  - id: noise-raw
    statement: s
    kind: bound
    metric: attack_success_rate
    of: {model: net, attack: noise}
    at_most: 0.3
  - id: about-attacks
    statement: Square takes three points more.
    kind: difference
    metric: robust_accuracy
    of: {model: rugged, attack: one-start}
    over: {model: rugged, attack: square}
    at_least: 0.03
  - id: rugged
    statement: s
    kind: bound
    metric: robust_accuracy
    of: {model: rugged, attack: one-start}
    at_least: 0.3
  - id: smooth
    statement: Perturbations of a model without gradients are what they are.
    kind: bound
    metric: low_frequency_share
    of: {model: rounded, attack: pgd}
    at_least: 0.0
"""
)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    project = Project(tmp_path_factory.mktemp("masked") / "project", QAML_TRUSTED_MODULES="masked")
    (project.root / "masked.py").write_text(MODULE)
    project.spec("masked", SPEC)
    return project.pytest("-q")


@pytest.mark.parametrize("attack", ["pgd", "fgsm"])
@pytest.mark.parametrize("mask", MASKS)
def test_no_mask_is_supported(mask: str, attack: str, result: Result) -> None:
    outcome, text = result.tests[f"masked::{mask}-under-{attack}"]
    assert outcome in ("failed", "skipped"), text
    assert any(verdict in text for verdict in ("invalid", "refuted", "inconclusive")), text


def test_one_masked_run_of_four_is_seen(result: Result) -> None:
    """Its images are a quarter of the battery's; the other runs alone would say 45 %."""
    text = result.text("masked::sometimes")
    assert "invalid" in text
    assert "4 seeds" in text


def test_the_plain_network_is_judged(result: Result) -> None:
    assert result.outcome("masked::plain") == "passed"


def test_noise_supports_nothing(result: Result) -> None:
    for name in ("noise", "noise-raw"):
        assert "no_search" in result.text(f"masked::{name}")
        assert "invalid" in result.text(f"masked::{name}")


def test_a_claim_about_attacks_is_judged_and_one_about_the_model_is_not(result: Result) -> None:
    assert result.outcome("masked::about-attacks") == "passed"
    assert "invalid" in result.text("masked::rugged")


def test_perturbations_of_an_attack_that_fails_say_nothing(result: Result) -> None:
    assert "void" in result.text("masked::smooth")
