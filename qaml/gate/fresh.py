"""Further evidence about cells that look worse, so that bad luck with seeds or images fails no build."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from qaml.gate.baseline import Evidence
from qaml.gate.cells import GatedCell, measured_cells
from qaml.plan.claims import ClaimPlan
from qaml.run.progress import Reporter
from qaml.run.scheduler import Scheduler
from qaml.session.session import Session


class Fresh(NamedTuple):
    """Sources of further evidence; cells without any are left out.

    Attributes:
        runs: cells → their evidence with further training runs, appended to the former ones.
        images: cells → their evidence on images that were not used before.
    """

    runs: Callable[[list[str]], Mapping[str, Evidence]]
    images: Callable[[list[str]], Mapping[str, Evidence]]


def further_runs(session: Session, names: list[str]) -> dict[str, Evidence]:
    """Evidence of these cells from twice as many training runs; the former ones come first.

    Args:
        session: the run's session, whose claims are selected.
        names: names of its cells.
    """
    runs = max(len(steps.trains) for claim in _claims_of(session, names).values() for steps in claim.models.values())
    return {name: cell.evidence for name, cell in _measured_again(session, names, seeds=2 * runs).items()}


def further_images(session: Session, names: list[str], n: int) -> dict[str, Evidence]:
    """Evidence of these cells on the next ``n`` test images after those already used, or on as many as exist.

    Args:
        session: the run's session, whose claims are selected and measured.
        names: names of its cells.
        n: number of further images.
    """
    known = measured_cells(session)
    found = {}
    for name, cell in _measured_again(session, names, more_images=n).items():
        is_new = ~np.isin(cell.evidence.indices, known[name].evidence.indices)
        if is_new.any():
            found[name] = Evidence(cell.evidence.correct[:, is_new], cell.evidence.indices[is_new])
    return found


def _claims_of(session: Session, names: list[str]) -> dict[str, ClaimPlan]:
    """The claims that measure the models of these cells, by node."""
    models = {tuple(name.split("/")[:2]) for name in names}
    return {
        node: claim
        for node, claim in session.plan.claims.items()
        if any((claim.suite.name, model) in models for model in claim.models)
    }


def _measured_again(session: Session, names: list[str], **options: Any) -> dict[str, GatedCell]:
    """The cells, measured by a session with other options."""
    again = type(session)(session.options._replace(**options), "gate")
    again.select(_claims_of(session, names))
    # a scheduler without targets of its own: it would begin with the steps that the claims of these cells need
    reporter = Reporter(again.progress_folder, again.worker)
    scheduler = Scheduler(again.plan._replace(claims={}), again.store, reporter, again.options.device)
    for claim in again.plan.claims.values():
        for model, steps in claim.models.items():
            wanted = [*steps.clean] if f"{claim.suite.name}/{model}/clean" in names else []
            for (attacked, attack), made in claim.attacks.items():
                prefix = f"{claim.suite.name}/{model}/{attack}@"
                if attacked == model and any(name.startswith(prefix) for name in names):
                    wanted.extend(made.scores)
            for step in wanted:
                scheduler.complete(step.key)
    shutil.rmtree(again.progress_folder, ignore_errors=True)
    found = measured_cells(again)
    return {name: found[name] for name in names if name in found}
