"""Workers that take steps of a plan in simulated time, by the very order that real ones take them in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import NamedTuple, Protocol

from qaml.plan.plan import Plan
from qaml.run.order import Order

AHEAD = 2
"""Tests that xdist hands to a worker: the one at work and the one after, even with ``--maxschedchunk=1``."""


class Run(NamedTuple):
    """What came of a simulated run.

    Attributes:
        seconds: until the last verdict.
        first: until the first verdict.
        steps: keys in the order in which they were begun.
        first_steps: those that were begun before the first verdict.
    """

    seconds: float
    first: float
    steps: list[str]
    first_steps: list[str]


class Rule(Protocol):
    """What a worker goes by."""

    def want(self, key: str) -> None:
        """This worker is at this claim."""

    def candidates(self) -> Iterator[str]:
        """Ready steps, best first."""
        ...

    def arrived(self, key: str) -> None:
        """This is made."""


class LongestPathFirst:
    """The former rule: whatever is ready, the longest remaining path first, whoever's claim it is."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.places = {key: place for place, key in enumerate(plan.steps)}
        self.order = Order(plan.steps, (claim.judge.key for claim in plan.claims.values()), lambda _: False)

    def want(self, key: str) -> None:
        """Nothing comes of being at a claim."""

    def candidates(self) -> Iterator[str]:
        ready = [
            step.key for step in self.order.needed() if all(self.order.has(parent) for parent in step.parents.values())
        ]
        yield from sorted(ready, key=lambda key: (-self.order.remaining_path[key], self.places[key]))

    def arrived(self, key: str) -> None:
        self.order.arrived(key)


def ours(plan: Plan, workers: int) -> Order:
    """The order of ``qaml.run.scheduler``."""
    return Order(plan.steps, (claim.judge.key for claim in plan.claims.values()), lambda _: False, workers)


def simulate(plan: Plan, rules: Sequence[Rule]) -> Run:
    """Run a plan; each worker hears at once what another one made, and helps when no claim is left for it."""
    simulation = _Simulation(plan, rules)
    for worker in range(len(rules)):
        simulation.begin_claim(worker)
    while True:
        for worker in sorted(simulation.idle):
            simulation.go_on(worker)
        if not simulation.running:
            return simulation.result()
        simulation.next_step_ends()


class _Simulation:
    def __init__(self, plan: Plan, rules: Sequence[Rule]) -> None:
        self.plan = plan
        self.rules = rules
        self.judges = deque(claim.judge.key for claim in plan.claims.values())
        self.queues = [deque(self._handed_out(AHEAD)) for _ in rules]
        self.running: list[tuple[float, int, str]] = []
        self.idle = set(range(len(rules)))
        self.begun: list[str] = []
        self.made: set[str] = set()
        self.now = 0.0
        self.first: tuple[float, int] | None = None

    def _handed_out(self, number: int) -> list[str]:
        return [self.judges.popleft() for _ in range(min(number, len(self.judges)))]

    def begin_claim(self, worker: int) -> None:
        if self.queues[worker]:
            self.rules[worker].want(self.queues[worker][0])

    def go_on(self, worker: int) -> None:
        """Finish claims that are judged, and take a step, if one is ready and nobody is at it."""
        queue = self.queues[worker]
        while queue and queue[0] in self.made:
            self.first = self.first or (self.now, len(self.begun))
            queue.popleft()
            queue += self._handed_out(1)
            self.begin_claim(worker)
        taken = {key for _, _, key in self.running}
        key = next((key for key in self.rules[worker].candidates() if key not in taken), None)
        if key is not None:
            self.begun.append(key)
            self.idle.remove(worker)
            heappush(self.running, (self.now + self.plan.steps[key].cost, worker, key))

    def next_step_ends(self) -> None:
        self.now, worker, key = heappop(self.running)
        self.made.add(key)
        self.idle.add(worker)
        for rule in self.rules:
            rule.arrived(key)

    def result(self) -> Run:
        first, begun = self.first or (self.now, len(self.begun))
        return Run(self.now, first, self.begun, self.begun[:begun])
