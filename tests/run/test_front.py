"""A model behind a front beside models on pixels: one dataset, transfers both ways, training against pixel attacks."""

from __future__ import annotations

import numpy as np
import pytest

from qaml.run.arrays import read_arrays
from qaml.session.options import Options
from qaml.session.session import Session

SPEC = """
suite: front
evaluation: {seeds: 1, images: 50}
diagnostics: {enabled: false}
datasets:
  digits: {kind: digits, transforms: [{kind: subset, train: 200}]}
  components: {kind: digits, transforms: [{kind: subset, train: 200}, {kind: pca, components: 6}]}
models:
  linear: {kind: linear, dataset: digits, training: {epochs: 2, lr: 1e-2, batch: 64}}
  behind: {kind: fnn, dataset: digits, front: [{kind: pca, components: 6}], training: {epochs: 4, lr: 1e-2, batch: 50}}
  hard: {extends: behind, defences: [{kind: adversarial_training, attack: fgsm}]}
  apart: {kind: fnn, dataset: components, training: {epochs: 4, lr: 1e-2, batch: 50}}
attacks:
  fgsm: {kind: fgsm, epsilon: 0.1}
claims:
  - id: "{model}-{attack}"
    for: {model: [behind, hard, linear], attack: [fgsm, fgsm@linear, fgsm@behind]}
    statement: Something is left.
    kind: bound
    metric: robust_accuracy
    of: {model: "{model}", attack: "{attack}"}
    at_least: 0.01
  - id: "{model}"
    for: {model: [behind, apart]}
    statement: Something is left.
    kind: bound
    metric: clean_accuracy
    of: {model: "{model}"}
    at_least: 0.01
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    root = tmp_path_factory.mktemp("front")
    (root / "front.yaml").write_text(SPEC)
    made = Session(Options((root / "front.yaml",), "quick", root / "store", root / "report"))
    made.select(claim.node for claim in made.claims)
    return made


def test_a_front_is_the_model_of_transformed_data_attacked_in_pixels(session: Session) -> None:
    clean = [session.outcome(f"front::{name}").measured[0].estimate.value for name in ("behind", "apart")]
    assert clean[0] == pytest.approx(clean[1], abs=0.1), "of two training runs with draws of their own"
    session.outcome("front::behind-fgsm")
    steps = session.plan.claims["front::behind-fgsm"].attacks["behind", "fgsm"]
    made = read_arrays(session.store.read(steps.crafts[0].key, "adversarials.npz"))
    assert made["adversarials"].shape == (1, 50, 1, 8, 8)
    assert np.abs(made["adversarials"][0] - made["start"]).max() == pytest.approx(0.1, abs=1e-6)
    assert not made["outside"].any()


def test_transfers_go_both_ways_and_training_sees_pixel_attacks(session: Session) -> None:
    left = {
        claim.node.split("::")[1]: session.outcome(claim.node).measured[0].estimate.value for claim in session.claims
    }
    white = {name: value for name, value in left.items() if "fgsm" in name}
    assert len(white) == 9
    assert all(0 <= value <= 1 for value in white.values())
    clean = left["behind"]
    assert min(white.values()) < clean - 0.1
    assert left["behind-fgsm"] <= min(value for name, value in white.items() if name.startswith("behind"))
