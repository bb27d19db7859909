"""An attack that moves three budgets, end to end: whatever it fools says nothing, on its own model and elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import qaml
from qaml.attacks.base import AttackResult
from qaml.attacks.gradient import descent

SPEC = """
suite: outside
evaluation: {seeds: 1, images: 60}
datasets: {d: {kind: digits}}
models:
  net: {kind: linear, dataset: d, training: {epochs: 2}}
  twin: {extends: net, stream: 1}
attacks: {fgsm: {kind: fgsm, epsilon: 0.02}}
claims:
  - id: "fooled-{attack}"
    for: {attack: [fgsm, fgsm@twin]}
    statement: Hardly anything is left.
    kind: bound
    metric: robust_accuracy
    of: {model: net, attack: "{attack}"}
    at_most: 0.99
"""


@pytest.mark.parametrize("factor", [1, 3])
def test_an_attack_beyond_its_budget_refutes_nothing(
    factor: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = descent.attack

    def further(part, target, inputs, labels, seed, progress):  # type: ignore[no-untyped-def]
        found = sound(part, target, inputs, labels, seed, progress)
        start = inputs.cpu().numpy()
        moved = np.clip(start + factor * (found.adversarials - start), 0, 1).astype(np.float32)
        return AttackResult(moved if factor > 1 else found.adversarials, found.claimed)

    monkeypatch.setattr(descent, "attack", further)
    (tmp_path / "outside.yaml").write_text(SPEC)
    results = qaml.run_suite(tmp_path / "outside.yaml", store=tmp_path / "store", report=tmp_path / "report")
    broken = [[f.name for f in outcome.findings].count("outside_budget") for outcome in results]
    assert [outcome.verdict == "invalid" for outcome in results] == [factor > 1] * 2
    assert all(broken) if factor > 1 else not any(broken)
