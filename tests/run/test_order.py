"""The order of steps: counted as they come and go, it is what looking at the whole plan would find."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaml.plan.kinds import StepKind
from qaml.plan.plan import Plan, ancestors, make_plan
from qaml.plan.step import Step
from qaml.run.order import URGENT, Order
from qaml.spec.load import load_suite
from tests.run.simulation import LongestPathFirst, ours, simulate
from tests.run.test_scheduler import step

SPECS = Path(__file__).parents[2] / "specs"
PAPERS = ("kehoe2021", "huang2023", "west2022")


@cache
def paper(name: str, profile: str) -> Plan:
    suite = load_suite(SPECS / f"{name}.yaml", profile)  # type: ignore[arg-type]
    return make_plan((suite, entry) for entry in suite.claims)


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("profile", ["quick", pytest.param("standard", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", PAPERS)
def test_verdicts_come_early_and_the_whole_is_no_later(name: str, profile: str, workers: int) -> None:
    """By the steps' expected seconds; docs/architecture.md has the table."""
    plan = paper(name, profile)
    run = simulate(plan, [ours(plan, workers) for _ in range(workers)])
    former = simulate(plan, [LongestPathFirst(plan) for _ in range(workers)])
    assert set(run.steps) == set(former.steps)
    assert run.seconds <= 1.02 * former.seconds
    assert run.first < 0.3 * run.seconds
    assert former.first > 0.9 * former.seconds, "a comparison with itself shows nothing"


@pytest.mark.parametrize("name", PAPERS)
def test_one_worker_begins_with_what_the_first_claim_needs(name: str) -> None:
    plan = paper(name, "quick")
    run = simulate(plan, [ours(plan, 1)])
    judge = next(iter(plan.claims.values())).judge
    assert set(run.first_steps) == set(ancestors(plan, judge.key))


def test_a_step_that_all_would_wait_for_comes_before_the_own_claim() -> None:
    small = [step(f"small {n}", cost=1) for n in range(4)]
    own = step("own", *small, cost=1)
    long = step("long", cost=6)
    other = step("other", long, cost=1)
    steps = {each.key: each for each in (*small, own, long, other)}
    for workers, first in ((2, long), (1, small[0])):
        order = Order(steps, (own.key, other.key), lambda _: False, workers)
        order.want(own.key)
        taken = steps[next(order.candidates())]
        assert taken == long if first == long else taken in small


class Whole:
    """What is ready and lost, found by looking at all of a plan each time."""

    def __init__(self, steps: Mapping[str, Step], wanted: set[str]) -> None:
        self.steps, self.wanted = steps, wanted
        self.there: set[str] = set()
        self.failed: set[str] = set()
        self.refused: set[str] = set()

    def is_lost(self, key: str) -> bool:
        return key not in self.there and (
            key in self.failed
            or self.is_behind_refusal(key)
            or any(self.is_lost(p) and not self.is_optional(p) for p in self.parents(key))
        )

    def is_behind_refusal(self, key: str) -> bool:
        return key not in self.there and (
            key in self.refused or any(self.is_behind_refusal(p) for p in self.parents(key))
        )

    def is_optional(self, key: str) -> bool:
        return self.steps[key].is_courtesy and not self.is_behind_refusal(key)

    def parents(self, key: str) -> set[str]:
        return set(self.steps[key].parents.values())

    def needed(self) -> set[str]:
        found, queue = set[str](), list(self.wanted)
        while queue:
            key = queue.pop()
            if key not in found and key not in self.there and not self.is_lost(key):
                found.add(key)
                queue += self.parents(key)
        return found

    def ready(self) -> set[str]:
        return {key for key in self.needed() if all(self.is_no_hindrance(parent) for parent in self.parents(key))}

    def is_no_hindrance(self, parent: str) -> bool:
        return parent in self.there or (self.is_lost(parent) and self.is_optional(parent))


def random_steps(data: st.DataObject) -> dict[str, Step]:
    steps: dict[str, Step] = {}
    kinds: tuple[StepKind, ...] = ("train", "train", "picture")
    for number in range(data.draw(st.integers(2, 9))):
        earlier = st.sampled_from(list(steps) or [""])
        parents = [steps[key] for key in data.draw(st.lists(earlier, unique=True, max_size=3)) if key]
        cost = data.draw(st.integers(1, 5))
        made = step(str(number), *parents, cost=cost, kind=data.draw(st.sampled_from(kinds)))
        steps[made.key] = made
    return steps


def happens(what: str, key: str, whole: Whole, order: Order) -> None:
    """Something becomes of a step, and both are told."""
    match what:
        case "arrived":
            whole.there.add(key)
            whole.failed.discard(key)
            whole.refused.discard(key)
            order.arrived(key)
        case "vanished":
            whole.there.discard(key)
            order.vanished(key)
        case "failed":
            whole.failed.add(key)
            order.fail(key)
        case "refused":
            whole.failed.add(key)
            whole.refused.add(key)
            order.fail(key, is_refused=True)
        case "wanted":
            whole.wanted.add(key)
            order.want(key)
        case _:
            order.look_again()


@given(st.data())
def test_counting_finds_what_looking_at_everything_finds(data: st.DataObject) -> None:
    """Whatever arrives, fails, vanishes and is asked for, in whatever order."""
    steps = random_steps(data)
    keys = st.sampled_from(list(steps))
    whole = Whole(steps, set(data.draw(st.lists(keys, min_size=1))))
    whole.there = set(data.draw(st.lists(keys)))
    workers = data.draw(st.integers(1, 3))
    order = Order(steps, whole.wanted, whole.there.__contains__, workers)
    events = st.sampled_from(["taken", "taken", "arrived", "vanished", "failed", "refused", "wanted", "look again"])
    for _ in range(data.draw(st.integers(0, 12))):
        what, key = data.draw(events), data.draw(keys)
        if what == "taken":
            key = next(order.candidates(), key)
            what = data.draw(st.sampled_from(["arrived", "failed", "refused"]))
        happens(what, key, whole, order)
        check(order, whole)


def check(order: Order, whole: Whole) -> None:
    found = list(order.candidates())
    assert sorted(found) == sorted(whole.ready())
    assert order.has_work == bool(found)
    standing = [step.key for step in order.needed() if not order.is_lost(step.key)]
    longest = max((order.remaining_path[each] for each in standing), default=0.0)
    assert order.seconds_left(10**9) == pytest.approx(longest, abs=1e-6)
    urgent = URGENT * sum(whole.steps[each].cost for each in whole.needed()) / order.workers - 1e-9
    places = []
    for each in found:
        path = order.remaining_path[each]
        is_urgent = order.workers > 1 and path >= urgent
        places.append((not is_urgent, not (is_urgent or order.is_own(each)), -path, list(whole.steps).index(each)))
    assert places == sorted(places)
    for each in whole.wanted:
        assert order.is_lost(each) == whole.is_lost(each)
        assert bool(order.failures_behind(each)) >= whole.is_lost(each)
