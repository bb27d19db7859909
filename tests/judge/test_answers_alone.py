"""Claims under attacks that only ask, end to end: their truth is known, of a linear model and of a stump."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file

import qaml
from qaml.data.moons import Moons
from tests.attacks.stepwise import Stump

EPSILON = 0.2
SPEC = """
suite: answers
evaluation: {{images: 200, order: file, seeds: 1}}
diagnostics: {{images: 100, enabled: {is_checked}}}
datasets: {{moons: {{kind: moons, noise: 0.1}}}}
models:
  model: {model}
attacks:
  exact: {{kind: fgsm, epsilon: 0.2}}
  square: {{kind: square, epsilon: 0.2, queries: 60}}
  few: {{kind: square, epsilon: 0.2, queries: 2}}
  decisions: {{kind: hop_skip_jump, norm: linf, queries: 150}}
claims:
"""
CLAIM = """
  - id: {name}
    statement: s
    kind: bound
    metric: {metric}
    of: {{model: model, attack: {attack}}}
    at_least: {limit:.4f}
"""
LINEAR = "{kind: linear, dataset: moons, training: {epochs: 20, lr: 0.05}}"
DECIDED = {"square-below": "supported", "square-above": "refuted", "distance": "supported"}


def measured(folder: Path, model: str, claims: str, *, is_checked: bool = True) -> qaml.api.Results:
    text = SPEC.format(model=model, is_checked=str(is_checked).lower()) + claims
    (folder / "answers.yaml").write_text(text)
    return qaml.run_suite(folder / "answers.yaml", store=folder / "store", report=folder / "report")


def verdicts(folder: Path, model: str, truth: float, distance: float) -> dict[str, str]:
    """Verdicts on claims beside the truth by more than the interval."""
    claims = CLAIM.format(name="distance", metric="norm_quantile", attack="decisions", limit=distance)
    for attack in ("square", "few"):
        for side, limit in (("below", truth - 0.12), ("above", truth + 0.12)):
            claims += CLAIM.format(name=f"{attack}-{side}", metric="robust_accuracy", attack=attack, limit=limit)
    return {outcome.id: outcome.verdict for outcome in measured(folder, model, claims)}


def test_of_a_linear_model_one_gradient_step_knows_the_truth(tmp_path: Path) -> None:
    claim = CLAIM.format(name="truth", metric="robust_accuracy", attack="exact", limit=0.5)
    truth = measured(tmp_path, LINEAR, claim, is_checked=False)["truth"].measured[0].estimate.value
    found = verdicts(tmp_path, LINEAR, truth, 0.02)
    # two queries leave more than the limit: that is no refutation, and the battery keeps it from being support
    assert found == DECIDED | {"few-below": "invalid", "few-above": "invalid"}


@pytest.mark.slow
def test_a_stump_without_gradients_is_judged_by_its_exact_distances(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, file = Stump(), tmp_path / "stump.safetensors"
    save_file(module.state_dict(), file)
    monkeypatch.setenv("QAML_TRUSTED_MODULES", "tests.attacks.stepwise")
    test = Moons(noise=0.1).read().test
    is_right = (test.inputs[:, 0] > 0.5) == test.labels
    truth = float((is_right & (np.abs(test.inputs[:, 0].astype(np.float64) - 0.5) > EPSILON)).mean())
    weights = f"{{path: {file}, sha256: {hashlib.sha256(file.read_bytes()).hexdigest()}}}"
    model = f"{{kind: torch_module, dataset: moons, factory: 'tests.attacks.stepwise:Stump', weights: {weights}}}"
    found = verdicts(tmp_path, model, truth, 0.1)
    assert found.items() >= DECIDED.items()
    assert found["few-above"] in ("refuted", "invalid")
