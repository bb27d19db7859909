"""A run against a baseline: every status, and the way to confirm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qaml.gate.baseline import Baseline, Evidence, GateError, Recorded
from qaml.gate.cells import GatedCell
from qaml.gate.fresh import Fresh
from qaml.gate.regression import JudgedCell, compare


def evidence(lost: int, runs: int = 1, n: int = 1000, start: int = 0) -> Evidence:
    """All right but the first images; runs differ by one image each."""
    correct = np.ones((runs, n), np.float32)
    for run in range(runs):
        correct[run, : lost + run] = 0
    return Evidence(correct, np.arange(start, start + n))


VERSIONS = {"numpy": "2.4", "torch": "2.13.0"}


def cell(found: Evidence, weights: str = "a", **changed: Any) -> GatedCell:
    made: dict[str, Any] = {
        "data": "d" * 16,
        "measure": "e" * 16,
        "code": "c" * 16,
        "versions": VERSIONS,
        "is_fixed": False,
    } | changed
    return GatedCell(found, weights=(weights * 16,) * len(found.correct), file="specs/s.yaml", line=7, **made)


def judge(
    before: dict[str, GatedCell],
    after: dict[str, GatedCell],
    fresh: Fresh | None = None,
    reserve: dict[str, Evidence] | None = None,
    **settings: Any,
) -> dict[str, JudgedCell]:
    spare = {f"{name} reserve": found for name, found in (reserve or {}).items()}
    recorded = {
        name: Recorded(
            accuracy=float(c.evidence.correct.mean()),
            runs=len(c.evidence.correct),
            images=len(c.evidence.indices),
            data=c.data,
            measure=c.measure,
            code=c.code,
            libraries="same",
            weights=c.weights,
            evidence=name,
            reserve=f"{name} reserve" if name in (reserve or {}) else None,
        )
        for name, c in before.items()
    }
    settings.setdefault("libraries", {"same": VERSIONS})
    baseline = Baseline(created="2026-11-28", profile="quick", evidence_sha256="", cells=recorded, **settings)
    changes = compare(baseline, {name: c.evidence for name, c in before.items()} | spare, after, fresh)
    return {change.cell: change for change in changes}


def test_the_same_weights_are_judged_on_the_same_images() -> None:
    before = {"s/m/clean": cell(evidence(10)), "s/m/fgsm@0.1": cell(evidence(100)), "s/m/pgd@0.1": cell(evidence(500))}
    after = {"s/m/clean": cell(evidence(10)), "s/m/fgsm@0.1": cell(evidence(150)), "s/m/pgd@0.1": cell(evidence(300))}
    found = judge(before, after)
    assert {name: change.status for name, change in found.items()} == {
        "s/m/clean": "unchanged",
        "s/m/fgsm@0.1": "worse",
        "s/m/pgd@0.1": "better",
    }
    assert (found["s/m/fgsm@0.1"].file, found["s/m/fgsm@0.1"].line) == ("specs/s.yaml", 7)
    assert next(iter(found)) == "s/m/fgsm@0.1"  # bad news first
    assert found["s/m/clean"].detectable == pytest.approx(0.04, abs=0.01)


def test_only_images_of_both_sides_count() -> None:
    found = judge({"c": cell(evidence(10, n=500))}, {"c": cell(evidence(10, n=1000))})["c"]
    assert found.status == "unchanged"
    assert found.drop is not None
    assert found.drop.value == 0.0
    apart = judge({"c": cell(evidence(10))}, {"c": cell(evidence(10, start=1000))})["c"]
    assert (apart.status, apart.why) == ("not comparable", "no image is in both")


def test_new_and_vanished_cells_are_told() -> None:
    found = judge({"old": cell(evidence(1))}, {"young": cell(evidence(1))})
    assert {name: change.status for name, change in found.items()} == {"old": "vanished", "young": "new"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"data": "f" * 16}, "other than in the baseline: the declaration of the dataset"),
        ({"measure": "f" * 16}, "other than in the baseline: the settings of the attack"),
        ({"versions": {**VERSIONS, "torch": "2.14.0"}}, "torch 2.13.0 → 2.14.0: save the baseline anew"),
    ],
)
def test_another_dataset_attack_or_library_is_never_compared(changed: dict[str, Any], words: str) -> None:
    found = judge({"c": cell(evidence(0))}, {"c": cell(evidence(900), **changed)})["c"]
    assert found.status == "not comparable"
    assert found.drop is None
    assert found.why.startswith(words)


def test_a_baseline_that_does_not_name_its_libraries_is_not_compared() -> None:
    found = judge({"c": cell(evidence(0))}, {"c": cell(evidence(900))}, libraries={})["c"]
    assert (found.status, found.why) == (
        "not comparable",
        "the baseline is of an earlier version of qaml: save the baseline anew",
    )


def test_other_code_is_compared_and_said_where_a_cell_is_worse() -> None:
    before = {"c": cell(evidence(0))}
    recoded = judge(before, {"c": cell(evidence(900), code="f" * 16)})["c"]
    assert recoded.status == "worse"
    assert recoded.why.startswith("the code that attacks and scores has changed, too")
    assert judge(before, {"c": cell(evidence(900))})["c"].why == ""
    assert judge(before, {"c": cell(evidence(0), code="f" * 16)})["c"].status == "unchanged"


def test_one_run_trained_again_is_not_testable() -> None:
    found = judge({"c": cell(evidence(0))}, {"c": cell(evidence(900), "b")})["c"]
    assert (found.status, found.drop) == ("not testable", None)
    assert "1 against 1 runs" in found.why


def test_a_persons_own_weights_are_compared_image_by_image() -> None:
    found = judge({"c": cell(evidence(0), is_fixed=True)}, {"c": cell(evidence(50), "b", is_fixed=True)})["c"]
    assert found.status == "worse"


def test_runs_trained_again_are_judged_by_their_spread() -> None:
    before = {"c": cell(evidence(100, runs=4))}
    assert judge(before, {"c": cell(evidence(102, runs=4), "b")})["c"].status == "unchanged"
    found = judge(before, {"c": cell(evidence(200, runs=4), "b")})["c"]
    assert found.status == "worse"
    assert found.drop is not None
    assert found.drop.method == "4 training runs against 4"


def test_a_tolerance_belongs_to_the_cells_that_fit_it() -> None:
    before = {"s/m/clean": cell(evidence(10)), "s/n/clean": cell(evidence(10))}
    after = {"s/m/clean": cell(evidence(60)), "s/n/clean": cell(evidence(60))}
    found = judge(before, after, tolerances={"s/m/*": 0.06})
    assert (found["s/m/clean"].status, found["s/n/clean"].status) == ("unchanged", "worse")


def test_more_than_the_data_can_give_is_an_error() -> None:
    before = {"c": cell(evidence(10, n=100))}
    assert judge(before, before, sensitivity=0.2)["c"].status == "unchanged"
    with pytest.raises(GateError, match=r"drops of 2 points to be noticed, and 1 cells cannot: c notices 1\d"):
        judge(before, before, sensitivity=0.02)


def test_bad_luck_with_seeds_is_not_confirmed() -> None:
    before, after = {"c": cell(evidence(100, runs=4))}, {"c": cell(evidence(200, runs=4), "b")}

    def more(lost: int) -> Any:
        return runs(
            lambda names: {
                name: Evidence(np.concatenate((evidence(200, 4).correct, evidence(lost, 4).correct)), np.arange(1000))
                for name in names
            }
        )

    lucky = judge(before, after, more(100))["c"]
    assert lucky.status == "unchanged"
    assert lucky.why == "looked worse, but 4 further training runs do not confirm it"
    assert judge(before, after, more(200))["c"].status == "worse"
    assert judge(before, after, runs(lambda _: {}))["c"].status == "worse"  # nothing fresh to be had


def runs(more: Any) -> Fresh:
    def no_images(names: list[str]) -> dict[str, Evidence]:
        raise AssertionError(f"no images are in reserve, but {names} were asked for")

    return Fresh(more, no_images)


def images(lost: int) -> Fresh:
    """A thousand further images of which the first are lost now."""
    return Fresh(lambda _: {}, lambda names: {name: evidence(lost, start=1000) for name in names})


def test_bad_luck_with_images_is_not_confirmed() -> None:
    before, after = {"c": cell(evidence(100), is_fixed=True)}, {"c": cell(evidence(150), "b", is_fixed=True)}
    reserve = {"c": evidence(100, start=1000)}
    assert judge(before, after, images(150))["c"].status == "worse"  # none in reserve
    lucky = judge(before, after, images(100), reserve)["c"]
    assert (lucky.status, lucky.why) == ("unchanged", "looked worse, but 1000 further images do not confirm it")
    sure = judge(before, after, images(150), reserve)["c"]
    assert (sure.status, sure.why) == ("worse", "1000 further images")
    assert sure.drop is not None
    assert sure.drop.value == pytest.approx(0.05)


def test_what_cannot_be_confirmed_stays_worse_beside_what_is_not() -> None:
    before = {name: cell(evidence(100), is_fixed=True) for name in "ab"}
    after = {"a": cell(evidence(115), "x", is_fixed=True), "b": cell(evidence(150), "x", is_fixed=True)}
    found = judge(before, after, images(100), {"b": evidence(100, start=1000)})
    assert {name: change.status for name, change in found.items()} == {"a": "worse", "b": "unchanged"}


def always(found: dict[str, Evidence]) -> Callable[[list[str]], dict[str, Evidence]]:
    return lambda _: found


def some_lost(n: int, start: int, share: float) -> Evidence:
    """Images of which a share is wrong, spread evenly."""
    correct = (np.arange(n) % round(1 / share) != 0).astype(np.float32)[None]
    return Evidence(correct, np.arange(start, start + n))


@pytest.mark.parametrize(("now", "more", "n"), [(1200, 200, 200), (1100, 300, 200), (900, 500, 300), (1000, 100, 100)])
def test_the_reserve_counts_image_by_image_whatever_the_suite_looks_at_now(now: int, more: int, n: int) -> None:
    """The baseline looked at 1,000 images and kept 200 more; the suite asks for more or fewer since."""
    before = {"c": cell(evidence(0), is_fixed=True)}
    reserve = {"c": Evidence(np.ones((1, 200), np.float32), np.arange(1000, 1200))}
    after = {"c": cell(some_lost(now, 0, 0.1), "b", is_fixed=True)}
    beyond = some_lost(more, now, 0.1)
    found = judge(before, after, Fresh(lambda _: {}, lambda _: {"c": beyond}), reserve)["c"]
    assert (found.status, found.why) == ("worse", f"{n} further images")
    assert found.drop is not None
    assert found.before is not None
    assert found.after is not None
    assert found.before - found.after == pytest.approx(found.drop.value)


def test_without_further_images_nothing_is_confirmed_and_nothing_overruled() -> None:
    before = {"c": cell(evidence(0), is_fixed=True)}
    after = {"c": cell(some_lost(1000, 0, 0.1), "b", is_fixed=True)}
    elsewhere = Fresh(lambda _: {}, lambda _: {"c": evidence(0, start=5000)})
    found = judge(before, after, elsewhere, {"c": evidence(0, start=1000)})["c"]
    assert (found.status, found.why) == ("worse", "")


def test_one_cell_that_is_not_confirmed_raises_no_bar_for_another() -> None:
    """The second look is at what looked worse, not at all cells anew."""
    names = ["a", "b", *(f"c{i}" for i in range(50))]
    before = {name: cell(evidence(0), is_fixed=True) for name in names}
    after = {name: cell(evidence(0), "x", is_fixed=True) for name in names}
    after["a"] = cell(evidence(60), "x", is_fixed=True)
    after["b"] = cell(evidence(15), "x", is_fixed=True)
    reserve = {name: evidence(0, start=1000) for name in "ab"}
    more = {"a": evidence(0, start=1000), "b": evidence(15, start=1000)}
    found = judge(before, after, Fresh(lambda _: {}, lambda asked: {n: more[n] for n in asked}), reserve)
    assert (found["a"].status, found["b"].status) == ("unchanged", "worse")


@pytest.mark.parametrize("spare", [20, 200, 1000])
def test_a_reserve_costs_next_to_no_power(spare: int) -> None:
    """What is noticed with a chance of 95 % without a reserve is noticed nearly as often with one, however small."""
    rng, caught = np.random.default_rng(spare), 0
    for _ in range(100):
        sides = []
        for n, start in ((1000, 0), (spare, 1000)):
            kinds = rng.choice(3, n, p=[0.92, 0.06, 0.02])
            indices = np.arange(start, start + n)
            lost, gained = ((kinds == kind)[None] for kind in (1, 2))
            sides.append((Evidence(1.0 - gained, indices), Evidence(1.0 - lost, indices)))
        (before, after), (held, more) = sides
        found = judge(
            {"c": cell(before, is_fixed=True)},
            {"c": cell(after, "b", is_fixed=True)},
            Fresh(lambda _: {}, always({"c": more})),
            {"c": held},
            level=0.01,
        )
        caught += found["c"].status == "worse"
    assert caught >= 95
