"""Models trained on different shares of a dataset are attacked and scored on the same images, by the same steps."""

from __future__ import annotations

from qaml.data.digits import Digits
from qaml.data.transforms.binarise import Binarise
from qaml.data.transforms.subset import Subset
from qaml.plan.plan import make_plan
from qaml.plan.role import Role
from qaml.spec.load import load_text

SUITE = """
suite: shares
evaluation: {seeds: 1, images: 50}
datasets:
  all: {kind: digits}
  few: {kind: digits, transforms: [{kind: subset, train: 300}]}
models:
  linear: {kind: linear, dataset: few}
  fnn: {kind: fnn, dataset: all}
attacks:
  fgsm: {kind: fgsm, epsilon: 0.1}
claims:
  - {id: own, statement: s, kind: bound, metric: robust_accuracy, of: {model: linear, attack: fgsm}, at_least: 0}
  - {id: moved, statement: s, kind: bound, metric: robust_accuracy, of: {model: fnn, attack: fgsm@linear}, at_least: 0}
"""


def test_what_changes_training_data_only_is_left_out_where_a_dataset_is_tested() -> None:
    both, train = Subset(train=10, test=20, seed=3), Subset(train=10)
    part = Digits(transforms=(train, Binarise(threshold=0.5), both))
    assert part.tested == Digits(transforms=(Binarise(threshold=0.5), Subset(test=20, seed=3)))
    assert part.tested.tested == part.tested


def test_adversarials_are_made_once_for_models_that_saw_different_shares() -> None:
    suite = load_text(SUITE, "shares.yaml", "standard")
    plan = make_plan((suite, claim) for claim in suite.claims)
    own = plan.claims["shares::own"].attacks["linear", "fgsm"]
    moved = plan.claims["shares::moved"].attacks["fnn", "fgsm@linear"]
    assert own.crafts == moved.crafts
    trains = [step for step in plan.steps.values() if step.kind == "train"]
    assert {step.parents[Role("data")] for step in trains} == {s.key for s in plan.steps.values() if s.kind == "load"}
    assert len({step.parents[Role("data")] for step in trains}) == 2
