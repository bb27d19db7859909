"""Further training runs of what looks worse, so that bad luck with seeds fails no build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qaml.gate.baseline import Evidence
from qaml.gate.cells import measured_cells

if TYPE_CHECKING:
    from qaml.judge.session import Session


def further_runs(session: Session, names: list[str]) -> dict[str, Evidence]:
    """Evidence of these cells from twice as many training runs; those there were come first.

    Args:
        session: of the run, whose claims are selected.
        names: of its cells.
    """
    models = {tuple(name.split("/")[:2]) for name in names}
    chosen = {
        node: claim
        for node, claim in session.plan.claims.items()
        if any((claim.suite.name, model) in models for model in claim.models)
    }
    runs = max(len(claim.models[model].trains) for claim in chosen.values() for model in claim.models)
    again = type(session)(session.options._replace(seeds=2 * runs), "gate")
    again.select(chosen)
    for claim in again.plan.claims.values():
        for model, steps in claim.models.items():
            wanted = [*steps.clean] if f"{claim.suite.name}/{model}/clean" in names else []
            for (attacked, attack), made in claim.attacks.items():
                prefix = f"{claim.suite.name}/{model}/{attack}@"
                if attacked == model and any(name.startswith(prefix) for name in names):
                    wanted.extend(made.scores)
            for step in wanted:
                again.scheduler.complete(step.key)
    found = measured_cells(again)
    return {name: found[name].evidence for name in names if name in found}
