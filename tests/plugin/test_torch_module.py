"""Plain torch modules of the user's: with weights, not trusted, and crashing in training."""

from __future__ import annotations

import hashlib

import pytest
import torch
from safetensors.torch import save_file

from tests.plugin.project import Project, Result

MODULE = """
import torch


def small(hidden):
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 10)
    )


class Crashing(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(64, 10)

    def forward(self, inputs):
        if self.training:
            raise ZeroDivisionError("the third layer is missing")
        return self.layer(inputs.flatten(1))
"""
SPEC = """
suite: own
evaluation: {{seeds: 1, images: 50}}
diagnostics: {{enabled: false}}
datasets:
  digits: {{kind: digits, transforms: [{{kind: subset, train: 100, test: 50}}]}}
models:
  mine:
    kind: torch_module
    dataset: digits
    factory: my_networks:small
    arguments: {{hidden: 7}}
    weights: {{path: small.safetensors, sha256: {digest}}}
  theirs: {{kind: torch_module, dataset: digits, factory: "their_networks:small"}}
  crashing: {{kind: torch_module, dataset: digits, factory: "my_networks:Crashing"}}
attacks:
  fgsm: {{kind: fgsm, epsilon: 0.1}}
claims:
  - id: "{{model}}-{{limit}}"
    for: {{model: [mine, theirs, crashing], limit: [0.5, 0.6]}}
    statement: The network is as bad as any that was never trained.
    kind: bound
    metric: robust_accuracy
    of: {{model: "{{model}}", attack: fgsm}}
    at_most: "{{limit}}"
"""


class Own(Project):
    """The specs above, and the weights."""

    def write(self) -> bytes:
        generator = torch.Generator().manual_seed(0)
        shapes = {"1.weight": (7, 64), "1.bias": (7,), "3.weight": (10, 7), "3.bias": (10,)}
        path = self.root / "small.safetensors"
        save_file({name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}, path)
        for module in ("my_networks", "their_networks"):
            (self.root / f"{module}.py").write_text(MODULE)
        weights = path.read_bytes()
        self.spec("own", SPEC.format(digest=hashlib.sha256(weights).hexdigest()))
        self.environment |= {"PYTHONPATH": str(self.root), "QAML_TRUSTED_MODULES": "my_networks"}
        return weights


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Own, bytes, Result]:
    project = Own(tmp_path_factory.mktemp("own") / "project")
    weights = project.write()
    return project, weights, project.pytest()


def test_weights_are_used_as_they_are(run: tuple[Own, bytes, Result]) -> None:
    project, weights, result = run
    assert result.outcome("own::mine-0-5") == result.outcome("own::mine-0-6") == "passed"
    kept = project.artefacts()["train mine, seed 0"] / "weights.safetensors"
    assert kept.read_bytes() == weights


def test_code_that_nobody_trusts_is_not_run(run: tuple[Own, bytes, Result]) -> None:
    result = run[2]
    assert result.outcome("own::theirs-0-5") == "error"
    assert "hint: if you trust it, run with QAML_TRUSTED_MODULES=their_networks" in result.text("own::theirs-0-5")
    assert "Traceback" not in result.text("own::theirs-0-5")


def test_a_crash_is_an_error_of_every_claim_that_needs_it_and_nobody_waits(run: tuple[Own, bytes, Result]) -> None:
    project, _, result = run
    crashed = ("own::crashing-0-5", "own::crashing-0-6")
    for claim in crashed:
        assert result.outcome(claim) == "error"
        assert "train crashing, seed 0 failed: ZeroDivisionError: the third layer is missing" in result.text(claim)
        # its author must see where
        assert 'raise ZeroDivisionError("the third layer is missing")' in result.text(claim)
    assert result.out.count("Traceback (most recent call last)") == len(crashed)
    assert "During handling" not in result.out
    assert "The above exception" not in result.out
    failures = project.report()["failures"]
    assert [f["id"] for f in failures] == ["theirs-0-5", "theirs-0-6", "crashing-0-5", "crashing-0-6"]
    assert not any("Traceback" in failure["message"] for failure in failures)
