"""Attacks beside exact distances, from a spec to findings: a norm-bounded quadratic model on digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qaml.outcome.outcome import Outcome
from qaml.run.arrays import read_arrays
from qaml.run.steps.exact import without_bounds
from qaml.session.options import Options
from qaml.session.session import Session
from qaml.types import Bounds

SPEC = """
suite: exact
evaluation: {seeds: 1, images: 120}
datasets:
  digits: {kind: digits, transforms: [{kind: subset, train: 500, test: 120}]}
models:
  quadratic: {kind: quadratic, norm_bounded: true, dataset: digits, training: {epochs: 5, lr: 1e-2, batch: 64}}
  squeezed: {extends: quadratic, defences: [{kind: feature_squeezing, bits: 3, where: classifier}]}
attacks:
  deepfool: {kind: deepfool}
  crippled: {kind: deepfool, overshoot: 1.0}
  pgd: {kind: pgd, norm: l2, epsilon: 0.5, steps: 10}
claims:
  - id: "{model}-{attack}"
    for: {model: [quadratic, squeezed], attack: [deepfool, crippled]}
    statement: The median distance is at least 0.01.
    kind: bound
    metric: norm_quantile
    of: {model: "{model}", attack: "{attack}"}
    at_least: 0.01
  - id: pgd
    statement: Something is left, and perturbations are smooth.
    kind: bound
    metric: low_frequency_share
    of: {model: quadratic, attack: pgd}
    at_least: 0.01
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    root = tmp_path_factory.mktemp("exact")
    (root / "exact.yaml").write_text(SPEC)
    made = Session(Options((root / "exact.yaml",), "quick", root / "store", root / "report"))
    made.select(claim.node for claim in made.claims)
    return made


def outcome(session: Session, claim: str) -> Outcome:
    return session.outcome(f"exact::{claim}")


def weak_or_void(found: Outcome) -> dict[str, str]:
    return {finding.name: finding.severity for finding in found.findings if finding.severity != "note"}


def test_a_healthy_attack_comes_near_the_exact_distance(session: Session) -> None:
    # Carlini & Wagner's is nearer within the bounds, where exact distances do not look
    assert weak_or_void(outcome(session, "quadratic-deepfool")) == {"another_attack_is_nearer": "weak"}
    steps = session.plan.claims["exact::quadratic-deepfool"].attacks["quadratic", "deepfool"]
    assert steps.exact is not None
    arrays = read_arrays(session.store.read(steps.exact.key, "exact.npz"))
    exact, found = arrays["exact"], arrays["found"]
    assert len(exact) == 100
    is_right = exact > 0
    assert 0.7 < is_right.mean() < 1
    assert np.isfinite(found[is_right]).all()
    assert (found[is_right] >= exact[is_right] * (1 - 1e-5)).all()
    assert 1.0 < np.median(found[is_right] / exact[is_right]) < 1.1


def test_an_attack_that_overshoots_is_weak(session: Session) -> None:
    found = outcome(session, "quadratic-crippled")
    assert weak_or_void(found) == {"beyond_exact_distance": "weak", "another_attack_is_nearer": "weak"}
    assert found.verdict == "invalid"
    (finding,) = (f for f in found.findings if f.name == "beyond_exact_distance")
    assert "times the exact one" in finding.message


def test_a_defence_around_the_model_leaves_no_exact_distance(session: Session) -> None:
    found = outcome(session, "squeezed-crippled")
    assert not {"beyond_exact_distance", "below_exact_distance"} & {finding.name for finding in found.findings}


def test_the_battery_stays_above_the_exact_distance(session: Session) -> None:
    found = outcome(session, "pgd")
    assert "below_exact_distance" not in {finding.name for finding in found.findings}
    steps = session.plan.claims["exact::pgd"].attacks["quadratic", "pgd"]
    assert steps.battery is not None
    assert steps.exact is None
    assert read_arrays(session.store.read(steps.battery.key, "diagnosis.npz"))["below_exact"] == 0
    assert found.unit == "points"
    assert 0 < found.measured[0].estimate.value < 1


def test_without_bounds_there_is_a_width_of_room_on_either_side() -> None:
    assert without_bounds(Bounds(-1, 2)) == Bounds(-4, 5)


CIRCUIT = """
suite: circuit
evaluation: {seeds: 1, images: 60}
diagnostics: {enabled: false}
datasets:
  digits: {kind: digits, transforms: [{kind: select_classes, classes: [0, 1]}]}
models:
  qvc: {kind: qvc, layers: 4, dataset: digits, training: {epochs: 3, lr: 5e-2, batch: 32}}
attacks:
  fgsm: {kind: fgsm, epsilon: [0.05, 0.1]}
  exact: {kind: exact_l2}
claims:
  - {id: clean, statement: s, kind: bound, metric: shots_needed, of: {model: qvc}, at_least: 1}
  - id: attacked
    statement: s
    kind: bound
    metric: shots_needed
    of: {model: qvc, attack: fgsm, epsilon: 0.05, quantile: 0.9}
    at_least: 1
  - id: certified
    statement: s
    kind: difference
    metric: certified_accuracy
    of: {model: qvc, attack: exact, epsilon: 0.01}
    over: {model: qvc, attack: exact, epsilon: 100}
    at_least: 0.5
"""


@pytest.mark.slow
def test_a_circuit_has_shots_and_certificates(tmp_path: Path) -> None:
    (tmp_path / "circuit.yaml").write_text(CIRCUIT)
    made = Session(Options((tmp_path / "circuit.yaml",), "quick", tmp_path / "store", tmp_path / "report"))
    assert made.broken == []
    made.select(claim.node for claim in made.claims)
    clean, attacked, certified = (made.outcome(claim.node) for claim in made.claims)
    assert clean.unit == attacked.unit == "plain"
    assert 1 < clean.measured[0].estimate.value < attacked.measured[0].estimate.value < np.inf
    # nothing is farther from another answer than from the origin, of at most 8
    assert (certified.verdict, certified.findings) == ("supported", ())
    assert certified.cells[1].estimate.value == 0
