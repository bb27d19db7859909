"""Estimates follow the work of steps, what like steps took, and passes through models; nothing depends on them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import pytest

from qaml.attacks.gradient.part import PGD
from qaml.data.moons import Moons
from qaml.defences.adversarial_training.part import AdversarialTraining
from qaml.models.linear.part import Linear
from qaml.plan.digest import Digest
from qaml.plan.kinds import StepKind
from qaml.plan.role import Role
from qaml.plan.step import Step, make_step
from qaml.run.costs import estimate
from qaml.run.costs.estimate import PASS, SHIPPED, Costs, shipped, speed
from qaml.run.costs.records import FILE, Record, note, noted
from qaml.run.costs.work import Sizes, Work, model_name, work_of
from qaml.run.store import Store

MOONS, LINEAR = Moons(), Linear()
SIZES = Sizes(800, 200)


def step(kind: StepKind, payload: Mapping[str, Any], *parents: Step) -> Step:
    roles = {Role("data", replicate=number or None): parent for number, parent in enumerate(parents)}
    return make_step(kind, kind, payload, roles, Digest("", ()), 7.0)


def train(**training: Any) -> Step:
    model = LINEAR.model_copy(update={"training": LINEAR.training.model_copy(update=training)})
    return step("train", {"model": model, "crafts": {}, "dataset": MOONS, "replicate": training.get("replicate", 0)})


def attack(images: int | None = None, **settings: Any) -> Step:
    held = {"model": LINEAR, "dataset": MOONS}
    return step("attack", {"attack": PGD(epsilon=(0.1,), **settings), "classifier": held, "images": images})


def work(each: Step) -> Work:
    return work_of(each, lambda: SIZES)


@pytest.mark.parametrize(
    ("small", "large", "factor"),
    [
        (train(epochs=2), train(epochs=6), 3.0),
        (attack(images=50), attack(images=100), 2.0),
        (attack(), attack(images=1000), 1.0),
        (attack(steps=10), attack(steps=40), 4.0),
        (attack(steps=10), attack(steps=10, restarts=5), 5.0),
        (attack(), step("attack", dict(attack().payload) | {"attack": PGD(epsilon=(0.1, 0.2, 0.3))}), 3.0),
    ],
    ids=["epochs", "images", "all images", "steps", "restarts", "budgets"],
)
def test_scales_multiply_and_leave_names(small: Step, large: Step, factor: float) -> None:
    before, after = work(small), work(large)
    assert after.names == before.names
    assert after.model == before.model != ""
    assert after.units == pytest.approx(factor * before.units)


def test_names_tell_what_is_done_and_hold_where_a_default_is_written_out() -> None:
    names = {work(each).names[0] for each in (train(), attack(), attack(norm="l2"))}
    assert len(names) == 3
    assert work(attack(norm="linf")).names == work(attack()).names
    assert work(attack()).names[1:] == ("attack/pgd/linear", "attack/pgd", "attack")
    assert work(train(lr=0.5)) == work(train())


@pytest.mark.parametrize(("regenerate", "factor"), [("once", 1 + 9 / 8), ("epoch", 5.5)])
def test_crafting_adds_passes(regenerate: Literal["once", "epoch"], factor: float) -> None:
    plain = train(epochs=4)
    defence = AdversarialTraining(attack="pgd", clean_share=0.5, regenerate=regenerate)
    crafts = {"defences": [defence], "crafts": {"0": PGD(epsilon=(0.1,), steps=9)}}
    assert work(step("train", dict(plain.payload) | crafts)).units == factor * work(plain).units


@pytest.fixture
def costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Costs]:
    """Estimates from a store alone, with nothing shipped."""
    path = tmp_path / "shipped.json"
    path.write_text('{"speed": 1, "least": {}, "sizes": {}, "passes": {}, "kin": {}, "sums": {}}')
    monkeypatch.setattr(estimate, "SHIPPED", path)
    shipped.cache_clear()
    store = Store(tmp_path / "store")
    store.prepare()
    load = step("load", {"dataset": MOONS})
    yield Costs({load.key: load}, store)
    shipped.cache_clear()


def record(root: Path, each: Step, seconds: float, model: str | None = None) -> None:
    found = work(each)
    note(root, Record(found if model is None else found._replace(model=model), seconds, 100.0))


def test_without_records_a_step_takes_what_its_kind_usually_takes(costs: Costs) -> None:
    assert costs.seconds(train()) == 7.0


def test_like_steps_say_what_a_longer_one_takes(costs: Costs, tmp_path: Path) -> None:
    for seconds, epochs in ((0.1, 1), (1.0, 10), (2.0, 20)):
        record(tmp_path / "store", train(epochs=epochs), seconds)
    expected = costs.seconds(train(epochs=200)) / (Sizes().train / SIZES.train)  # the store has no sizes of the data
    assert expected == pytest.approx(20.0, rel=0.2)
    assert costs.memory(train()) == 100.0


def test_a_measured_pass_carries_what_is_known_of_other_models(costs: Costs, tmp_path: Path) -> None:
    root, slow = tmp_path / "store", "slow-model"
    record(root, train(epochs=10), 1.0)
    note(root, Record(Work((PASS,), 1.0, work(train()).model), 1e-4, 1.0))
    note(root, Record(Work((PASS,), 1.0, slow), 5e-3, 1.0))
    here = work(train(epochs=10))
    other = here._replace(names=("another", *here.names[1:]), model=slow)
    assert costs.estimate(other, 7.0) == pytest.approx(50 * costs.estimate(here, 7.0), rel=0.2)
    assert costs.is_measured(train())


def test_another_machines_speed_is_learnt(costs: Costs, tmp_path: Path) -> None:
    """Shipped are the seconds of a machine as fast as this one; then a step takes four times as long here."""
    first, second = work(train(epochs=10)), work(attack())
    content = {"speed": speed(), "least": {}, "sizes": {}, "passes": {}, "kin": {}}
    sums = {first.names[0]: (100.0, first.units), second.names[0]: (1.0, second.units)}
    estimate.SHIPPED.write_text(json.dumps(content | {"sums": sums}))
    shipped.cache_clear()
    assert costs.estimate(second, 7.0) == pytest.approx(1.0, rel=0.01)
    record(tmp_path / "store", train(epochs=10), 400.0)
    assert Costs({}, costs._store).estimate(second, 7.0) == pytest.approx(3.5, rel=0.05)


@pytest.mark.parametrize(
    "line", [b"", b"\xff\xfe", b"[]", b"{}", b"[[1,2,3],4,5]", b"[" * 5000, b'[[["a"],1e999,""],1,1]']
)
def test_a_line_that_is_no_record_is_passed_over(line: bytes, tmp_path: Path) -> None:
    record(tmp_path, train(), 1.0)
    with (tmp_path / FILE).open("ab") as file:
        file.write(line + b"\n" + line)
    record(tmp_path, train(), 2.0)
    assert [each.seconds for each in noted(tmp_path)][:1] == [1.0]
    assert len(list(noted(tmp_path))) <= 2


@pytest.mark.parametrize("put", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_costs_nothing_but_estimates(put: Any, costs: Costs, tmp_path: Path) -> None:
    put(tmp_path / "store" / FILE)
    costs.note(train(), 1.0, 50.0)
    assert costs.seconds(train()) == 7.0


def test_a_part_that_cannot_be_compared_does_no_harm(costs: Costs) -> None:
    class Odd(type(LINEAR)):  # type: ignore[misc]
        def __getattribute__(self, name: str) -> Any:
            if name == "training":
                raise RuntimeError(name)
            return super().__getattribute__(name)

    odd = train()._replace(payload={"model": Odd(), "dataset": MOONS, "crafts": {}})
    assert costs.seconds(odd) == 7.0


def test_what_is_shipped_is_about_qamls_own_suites() -> None:
    shipped.cache_clear()
    found = shipped()
    assert found.rates.own(Work(("none",), 1.0)) is None
    assert {"train/rbm", "attack/pgd", "judge"} <= found.rates.sums.keys() | found.rates.kin.keys()
    assert SHIPPED.stat().st_size < 200_000
    assert model_name(LINEAR, MOONS) == model_name(LINEAR, MOONS.model_copy(update={"seed": 5}))
