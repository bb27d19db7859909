"""Seconds of a pass of one example through the models of a session, each measured on one batch in its own process."""

from __future__ import annotations

from qaml.doctor.examination import needed, timed
from qaml.doctor.visit import Progress
from qaml.run.costs.work import model_name, source_of
from qaml.session.session import Session


def measure_passes(session: Session) -> None:
    """Measure every model of whose needed steps nothing is known, for the estimates of this session and later ones.

    A model that cannot be measured is left out: its steps keep a guess, and ``qaml doctor`` says what is wrong.
    """
    session.store.prepare()
    costs, order, progress = session.scheduler.costs, session.scheduler.order, Progress()
    unknown = {costs.work(step).model for step in order.needed() if not costs.is_measured(step)}
    for suite in session.suites:
        for name in needed(suite).models:
            entry, dataset = suite.models[name], suite.datasets[suite.models[name].dataset]
            names = {model_name(entry.part, dataset, is_training=is_training) for is_training in (False, True)}
            if names & unknown:
                unknown -= names
                found = timed(entry, dataset, progress.tell)
                for model, seconds in found.passes(suite):
                    costs.note_pass(model, seconds)
                if found.sizes is not None:
                    costs.note_sizes(source_of(dataset), found.sizes)
    progress.wipe()
    session.plan_again()
