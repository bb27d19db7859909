"""From suites to the directed acyclic graph of steps that the selected claims need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from qaml.containment import exits_noticed
from qaml.errors import QamlError, RunError
from qaml.plan.claims import ClaimPlan, ClaimPlanner
from qaml.plan.maker import Machine, StepMaker, unplannable
from qaml.plan.step import Step
from qaml.spec.suite import ClaimEntry, Suite


class Plan(NamedTuple):
    """The steps of the selected claims, and the claims.

    Attributes:
        steps: key → step.
        claims: ``suite::id`` → the claim's own steps.
        unplanned: ``suite::id`` → why the claim cannot be planned.
    """

    steps: Mapping[str, Step]
    claims: Mapping[str, ClaimPlan]
    unplanned: Mapping[str, QamlError] = MappingProxyType({})


def make_plan(
    selected: Iterable[tuple[Suite, ClaimEntry]],
    *,
    seeds: int | None = None,
    more_images: int = 0,
    device: str = "cpu",
    hardware: str = "",
) -> Plan:
    """Plan the selected claims.

    Args:
        selected: claims with their suites.
        seeds: number of training runs of every model, overriding the suites.
        more_images: number of test images that are attacked and scored beyond those that the suites ask for.
        device: ``cpu`` or ``cuda``; results of different device classes are different steps.
        hardware: name of the processor, if results of different processors are different steps, too; else empty.
    """
    steps: dict[str, Step] = {}
    claims: dict[str, ClaimPlan] = {}
    unplanned: dict[str, QamlError] = {}
    planners: dict[str, ClaimPlanner] = {}
    for suite, entry in selected:
        if suite.name not in planners:
            maker = StepMaker(suite, steps, Machine(device, hardware), more_images)
            planners[suite.name] = ClaimPlanner(maker, seeds)
        name = f"{suite.name}::{entry.id}"
        try:
            with exits_noticed():
                claims[name] = planners[suite.name].plan(entry)
        except QamlError as error:
            unplanned[name] = error
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            unplanned[name] = unplannable("the claim", error)
    return Plan(steps, claims, unplanned)


def ancestors(plan: Plan, key: str, is_done: Callable[[str], bool] = lambda _: False) -> dict[str, Step]:
    """A step and all that it is made from, by key; steps that are done are left out, and so are their parents."""
    found: dict[str, Step] = {}
    queue = [key]
    while queue:
        current = queue.pop()
        if current in found or is_done(current):
            continue
        if current not in plan.steps:
            raise RunError(f"the plan has no step {current[:12]}")
        found[current] = plan.steps[current]
        queue.extend(plan.steps[current].parents.values())
    return found
