"""The report at the end of a run: every judged claim is written, however the run ended."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qaml.errors import QamlError

if TYPE_CHECKING:
    from qaml.pytest_results import Results, Verdictless
    from qaml.session.assembly import Assembled
    from qaml.session.session import Session


class Report(NamedTuple):
    """The text that is printed at the end, and whether it reports a failure."""

    text: str
    is_error: bool


def write_report(session: Session, results: Results, baseline: Path | None, root: Path) -> Report:
    """Write the report's files and return the terminal's text; a report that cannot be written is an error.

    Args:
        session: the run's session.
        results: the results of its claims.
        baseline: path of the baseline to compare with, unless claims were not reached.
        root: folder to which shown paths are relative.
    """
    from qaml.interruption import held
    from qaml.text import clean

    others = results.verdictless()
    left = sum(not each.is_reached for each in others)
    with held() as signals:
        report, assembled = _written(session, results, others, root)
    lines = [report.text]
    if left:
        done, total = len(results.outcomes), len(results.outcomes) + len(others)
        lines.append(
            f"{done} of {total} claims are done: run the same command again to go on, nothing is computed twice"
        )
    if assembled is not None and baseline is not None:
        if left or signals:
            lines.append("not held against the baseline: the run ended before its end")
        else:
            return _gated(session, baseline, report, assembled)
    return Report(clean("\n".join(lines)), report.is_error or bool(left or signals))


def _written(
    session: Session, results: Results, others: list[Verdictless], root: Path
) -> tuple[Report, Assembled | None]:
    from qaml.outcome.history import recall_for, remember, with_earlier
    from qaml.outcome.merge import too_large
    from qaml.outcome.outcome import Failure
    from qaml.report.pages.publish import publish
    from qaml.report.text.markdown import write_step_summary
    from qaml.report.text.terminal import table
    from qaml.session.assembly import Assembled, assemble
    from qaml.text import clean

    folder = session.options.report
    failures = []
    for each in others:
        suite, _, name = each.claim.partition("::")
        failures.append(Failure(suite=suite, id=name, message=each.message, is_reached=each.is_reached))
    text = ""
    try:
        if not results.outcomes and _has_verdicts(folder):
            n = len(others)
            text = f"none of {n} claims was judged: the report in {short(folder, root)} is of an earlier run, and stays"
            return Report(text, True), None
        claims = {key: results.chosen[test] for key, test in results.outcomes.items()}
        outcomes, pictures = assemble(session, claims, failures, time.time() - results.start)
        text = table(outcomes) + "\n"
        runs, notes = recall_for(outcomes, session.options.store)
        text += "".join(f"note: {note}\n" for note in notes)
        complete = with_earlier(outcomes, runs)
        page = publish(complete, folder, pictures)
        if large := too_large(folder):
            text += f"note: {large}\n"
    except (QamlError, MemoryError) as error:
        why = "not enough memory" if isinstance(error, MemoryError) else error
        return Report(clean(f"{text}the report could not be written: {why}"), True), None
    text += f"report: {short(page, root)}"
    is_error = len(outcomes.failures) > len(failures)  # some outcome was deleted in between
    for record in (lambda: remember(outcomes, session.options.store), lambda: write_step_summary(complete)):
        try:
            record()
        except QamlError as error:
            text, is_error = f"{text}\n{error}", True
    return Report(clean(text), is_error), Assembled(complete, pictures)


def _has_verdicts(folder: Path) -> bool:
    """Whether a report exists that holds any verdict, or may: it cannot be read now, or is too large."""
    from qaml.outcome.merge import load, outcomes_file

    try:
        return bool(load(folder).outcomes)
    except QamlError:
        return os.path.lexists(outcomes_file(folder))


def _gated(session: Session, file: Path, report: Report, assembled: Assembled) -> Report:
    """Add the judgement of the baseline's cells to the report and write it again; worse cells are an error.

    The gate may train for a while and may fail or be interrupted: the report is complete already.
    """
    from qaml.gate.judge import judged
    from qaml.outcome.past import Regression
    from qaml.report.pages.publish import publish
    from qaml.report.text.gate import gate_markdown, gate_table, workflow_commands
    from qaml.report.text.markdown import append_step_summary
    from qaml.text import clean

    try:
        regression = judged(session, file)
    except QamlError as error:
        regression = Regression(failure=str(error))
    except KeyboardInterrupt:
        regression = Regression(failure="the run was interrupted while it was held against the baseline")
    lines = [report.text, "", clean(gate_table(regression))]
    if os.environ.get("GITHUB_ACTIONS") == "true":
        lines.append(workflow_commands(regression))
    try:
        outcomes = assembled.outcomes.model_copy(update={"regression": regression})
        publish(outcomes, session.options.report, assembled.pictures)
        append_step_summary(gate_markdown(regression))
    except QamlError as error:
        return Report(clean("\n".join([*lines, f"the report could not be written: {error}"])), True)
    return Report("\n".join(filter(None, lines)), regression.is_worse or report.is_error)


def short(path: Path, root: Path) -> Path:
    """The path relative to the folder, where it is below it."""
    return path.relative_to(root) if path.is_relative_to(root) else path
