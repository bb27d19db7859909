"""An attack's own box, from a spec to findings: without limits, with one side, and within the bounds of the data."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from qaml.attacks.base import AttackPart
from qaml.attacks.exact_l2.part import ExactL2
from qaml.attacks.gradient.part import FGSM, PGD
from qaml.attacks.transfer import Transfer
from qaml.plan.canonical import canonical
from qaml.plan.words import in_words
from qaml.run.arrays import read_arrays
from qaml.session.options import Options
from qaml.session.session import Session
from qaml.types import AnyArray, Bounds

SPEC = """
suite: box
evaluation: {seeds: 1, images: 100}
diagnostics: {images: 60}
datasets:
  digits: {kind: digits, transforms: [{kind: subset, train: 300, test: 100}]}
models:
  linear: {kind: linear, dataset: digits, training: {epochs: 2, lr: 1e-2, batch: 64}}
  fnn: {kind: fnn, dataset: digits, training: {epochs: 2, lr: 1e-2, batch: 64}}
attacks:
  pgd: {kind: pgd, epsilon: 0.05, steps: 10, loss: margin}
  free: {extends: pgd, box: none}
  half: {extends: pgd, box: [null, 1]}
  moved: {kind: transfer, attack: pgd, surrogate: fnn, box: none}
  cw: {kind: deepfool, box: none}
claims:
  - id: "{attack}"
    for: {attack: [pgd, free, half, moved]}
    statement: Something is left.
    kind: bound
    metric: robust_accuracy
    of: {model: linear, attack: "{attack}", epsilon: 0.05}
    at_least: 0.01
  - id: near
    statement: The median distance is at least 0.01.
    kind: bound
    metric: norm_quantile
    of: {model: linear, attack: [cw, exact]}
    at_least: 0.01
  - id: both
    statement: Something is left.
    kind: bound
    metric: robust_accuracy
    of: {model: linear, attack: [pgd, free], epsilon: 0.05}
    at_least: 0.01
"""
SPEC = SPEC.replace("  cw:", "  exact: {kind: exact_l2}\n  cw:")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    root = tmp_path_factory.mktemp("box")
    (root / "box.yaml").write_text(SPEC)
    made = Session(Options((root / "box.yaml",), "quick", root / "store", root / "report"))
    made.select(claim.node for claim in made.claims)
    return made


def made_by(session: Session, claim: str, attack: str) -> dict[str, AnyArray]:
    session.outcome(f"box::{claim}")
    steps = session.plan.claims[f"box::{claim}"].attacks["linear", attack]
    return read_arrays(session.store.read(steps.crafts[0].key, "adversarials.npz"))


@pytest.mark.parametrize(
    ("attack", "low", "high"), [("pgd", 0.0, 1.0), ("free", -0.05, 1.05), ("half", -0.05, 1.0), ("moved", -0.05, 1.05)]
)
def test_adversarials_fill_the_attacks_box_and_keep_to_it(
    session: Session, attack: str, low: float, high: float
) -> None:
    made = made_by(session, attack, attack)
    assert made["adversarials"].min() == pytest.approx(low, abs=1e-6)
    assert made["adversarials"].max() == pytest.approx(high, abs=1e-6)
    assert not made["outside"].any()


def test_a_larger_box_fools_more_and_is_diagnosed_under_itself(session: Session) -> None:
    left = {name: session.outcome(f"box::{name}").measured[0].estimate.value for name in ("pgd", "half", "free")}
    assert left["free"] <= left["half"] <= left["pgd"] - 0.02
    batteries = [session.plan.claims[f"box::{name}"].attacks["linear", name].battery for name in left]
    assert len({battery.key for battery in batteries if battery}) == 3
    assert "box" not in batteries[0].payload  # type: ignore[union-attr]
    for name, battery in zip(left, batteries, strict=True):
        assert battery is not None
        arrays = read_arrays(session.store.read(battery.key, "diagnosis.npz"))
        assert arrays["outside"] == 0
        # of one threat, the battery and the attack come to the same; of another they could not
        assert arrays["correct_pgd"].mean() == pytest.approx(left[name], abs=0.06)


def test_only_attacks_of_one_box_are_compared(session: Session) -> None:
    findings = session.outcome("box::both").findings
    assert not [found for found in findings if found.name == "another_attack_fools_more"]


def test_without_a_box_a_minimising_attack_is_held_to_the_exact_distance(session: Session) -> None:
    found = session.outcome("box::near")
    assert not {"below_exact_distance", "another_attack_is_nearer"} & {finding.name for finding in found.findings}
    near, exact = (made_by(session, "near", name)["norms"] for name in ("cw", "exact"))
    searched = session.plan.claims["box::near"].attacks["linear", "cw"].exact
    assert searched is not None
    right = exact > 0
    assert (near[right] >= exact[right] * (1 - 1e-5)).all()
    assert np.median(near[right] / exact[right]) < 1.05


def parsed(text: str) -> AttackPart:
    return AttackPart.model_validate({"kind": "fgsm", "epsilon": 0.1, "box": text})


def test_a_box_is_none_or_two_limits_of_which_each_may_be_open() -> None:
    assert parsed("none").box == (None, None)
    assert parsed([None, 2]).box_within(Bounds(0, 1)) == Bounds(-float("inf"), 2)  # type: ignore[arg-type]
    assert FGSM(epsilon=(0.1,)).box_within(Bounds(0, 1)) == Bounds(0, 1)
    for wrong, said in (("off", "expected 'none' or"), (None, "got null"), ([1, 1], "low < high"), ([0], "required")):
        with pytest.raises(ValidationError, match=said):
            parsed(wrong)  # type: ignore[arg-type]


def test_a_box_that_is_not_given_leaves_no_trace_in_keys() -> None:
    assert "box" not in canonical(PGD(epsilon=(0.1,)))
    assert "box" not in in_words(PGD(epsilon=(0.1,)))
    assert '"box":[null,null]' in canonical(PGD(epsilon=(0.1,), box=(None, None)))


def test_a_transfer_may_replace_the_box_and_exact_distances_have_none() -> None:
    inner = FGSM(epsilon=(0.1,))
    assert Transfer(attack="fgsm", surrogate="cnn").resolved(inner) == inner
    moved = Transfer(attack="fgsm", surrogate="cnn", box=(0, None)).resolved(inner)
    assert (moved.box, moved.epsilon) == ((0, None), (0.1,))
    with pytest.raises(ValidationError, match="exact distances ignore the box"):
        ExactL2(box=(0, 1))
