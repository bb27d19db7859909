"""A trained circuit on a fake device, in a folder that survives: three jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from qaml.models.capabilities import Run
from qaml.run.counting import Counting, concatenated
from qaml.run.job import Job
from qaml.run.ledger import Ledger
from qaml.run.steps.measure import measured
from qaml.spec.suite import Account, Inference
from qaml.types import Bounds, FloatArray, InputInfo
from tests.run.remote import Remote, Service

INFO = InputInfo((4,), ("a", "b"), Bounds(0.0, 1.0))
IMAGES: FloatArray = np.random.default_rng(0).uniform(0.1, 1, (7, 4)).astype(np.float32)
SHOTS, CIRCUITS = 20, 3
"""Three jobs: 3, 3 and 1 circuits."""
COST = SHOTS * len(IMAGES)
ACCOUNT = Account()


class Laboratory(NamedTuple):
    """A run of three jobs, in a folder that survives, as does the service."""

    folder: Path
    run: Run

    def counts(
        self,
        faults: dict[int, str] | None = None,
        budget: int | None = None,
        kind: Any = Remote,
        account: Account = ACCOUNT,
        **more: Any,
    ) -> Any:
        """Measure the images; the n-th submission has the fault of that number, in a service of its own."""
        return self.asked(Service(faults), budget, kind, account, **more)

    def asked(
        self, service: Service, budget: int | None = None, kind: Any = Remote, account: Account = ACCOUNT, **more: Any
    ) -> Any:
        """Measure the images on a service."""
        counting = self.counting(service, budget, kind, account, **more)
        return concatenated(measured(self.job, counting, IMAGES))["counts"]

    def counting(
        self, service: Service, budget: int | None = None, kind: Any = Remote, account: Account = ACCOUNT, **more: Any
    ) -> Counting:
        """The counting of the images on a service."""
        fields = {"device": "fake.remote", "shots": SHOTS, "circuits": CIRCUITS, "budget": budget}
        inference = Inference.model_validate({**fields, **more})
        ledger = Ledger(self.folder, "evaluation", "suite", "fake.remote", account, budget)
        return Counting(self.run, inference, ledger, 5, lambda _, n_wires, __: kind(n_wires, service))

    @property
    def job(self) -> Job:
        return Job("key", {}, 5, {}, lambda *_: self.folder, self.folder, self.folder, lambda *_: None)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder, "evaluation", "suite", "fake.remote", ACCOUNT, None)
