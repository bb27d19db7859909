"""What the steps that ask devices will cost at most, before anything is submitted."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from qaml.plan.canonical import canonical
from qaml.plan.role import Role
from qaml.run.charges import Charges
from qaml.run.store import DATA_RECORD, Damaged

if TYPE_CHECKING:
    from qaml.plan.step import Step
    from qaml.quantum.sampled import Work
    from qaml.run.store import Store
    from qaml.spec.suite import Paid

ASKING = ("measure", "ask")
"""The kinds of steps that ask devices."""


class Expected(NamedTuple):
    """What a step asks of a device at most; answers that are kept cost nothing.

    Attributes:
        title: title of the step.
        device: name of the device.
        paid: the account that is charged.
        work: one circuit's gates in rotations and CNOTs, with the preparation of its amplitudes, before it is compiled.
        shots: number of shots of a circuit.
        circuits: number of circuits; ``None`` for all images of a dataset that has not been loaded yet.
        jobs: number of jobs; ``None`` likewise.
    """

    title: str
    device: str
    paid: Paid
    work: Work
    shots: int
    circuits: int | None
    jobs: int | None

    @property
    def total(self) -> int:
        """Number of shots, 0 where it is not known yet."""
        return self.shots * (self.circuits or 0)

    @property
    def cost(self) -> float:
        """Cost at the suite's prices, 0 where it is not known yet."""
        price = self.paid.account.price
        return (self.jobs or 0) * price.job + (self.circuits or 0) * price.circuit + self.total * price.shot


class Spending:
    """Expects what steps of a plan cost.

    Args:
        steps: the steps of the plan, by key.
        store: the store, for sizes of datasets.
    """

    def __init__(self, steps: Mapping[str, Step], store: Store) -> None:
        self._steps, self._store = steps, store
        self._works: dict[str, Work] = {}

    def expected(self, keys: Iterable[str]) -> list[Expected]:
        """The steps among these that ask devices, in the order of the plan."""
        wanted = set(keys)
        asking = [step for step in self._steps.values() if step.kind in ASKING and step.key in wanted]
        return [self._expected(step) for step in asking]

    def in_words(self, expected: Iterable[Expected]) -> Iterator[str]:
        """A line for each suite and device: the sum, and the budget."""
        charged = list(Charges(self._store.devices))
        sums: dict[tuple[str, str], list[Expected]] = {}
        for one in expected:
            sums.setdefault((one.paid.suite, one.device), []).append(one)
        for (suite, device), ones in sums.items():
            account = ones[0].paid.account
            own = [each for each in charged if (each.suite, each.device) == (suite, device)]
            shots, cost = sum(one.total for one in ones), math.fsum(one.cost for one in ones)
            unknown = (
                " and what datasets that are not loaded yet ask for" if any(o.circuits is None for o in ones) else ""
            )
            jobs = sum(one.jobs or 0 for one in ones)
            said = f"{suite} on {device}: at most {shots:,} shots in {jobs:,} job{'s' if jobs != 1 else ''}{unknown}"
            said += f", cost {cost:,.2f} {account.currency}".rstrip() if cost else ""
            spent = sum(each.shots for each in own)
            said += f"; {spent:,} shots are spent" + (f" of {account.budget:,}" if account.budget is not None else "")
            if account.most is not None:
                said += (
                    f", and {math.fsum(e.cost for e in own):,.2f} of {account.most:,.2f} {account.currency}".rstrip()
                )
            yield said

    def _expected(self, step: Step) -> Expected:
        inference = step.payload["classifier"]["inference"]
        n, extra = self._n_images(step), inference.n_calibrations
        if n is None:
            circuits = jobs = None
        elif step.kind == "ask":
            most = step.payload["attack"].most_asked
            jobs = most * math.ceil(n / inference.n_inputs())
            circuits = most * n + jobs * extra
        else:
            is_interleaved = inference.interleaved and Role("attack") in step.parents
            period = self._n_budgets(step) + is_interleaved
            jobs = math.ceil(n * period / inference.n_inputs(period if is_interleaved else 1))
            circuits = n * period + jobs * extra
        work = self._work(step.payload["classifier"])
        return Expected(step.title, inference.device, step.payload["paid"], work, inference.shots, circuits, jobs)

    def _n_images(self, step: Step) -> int | None:
        """Number of images, at most those of the dataset, which is known once it was loaded."""
        asked: int | None = step.payload["images"]
        key = step.parents[Role("data")]
        if not self._store.has(key):
            return asked
        try:
            held = int(json.loads(self._store.read_bytes(key, DATA_RECORD))["n_test"])
        except (Damaged, KeyError, ValueError):
            return asked
        return held if asked is None else min(asked, held)

    def _n_budgets(self, step: Step) -> int:
        if (craft := step.parents.get(Role("attack"))) is None:
            return 1
        return len(step.payload["epsilons"] or self._steps[craft].payload["attack"].grid)

    def _work(self, description: Mapping[str, Any]) -> Work:
        from qaml.run.counting import work_before_training

        name = canonical([description["model"], description["inference"], list(description["dataset"].info.shape)])
        if name not in self._works:
            self._works[name] = work_before_training(description)
        return self._works[name]
