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

    A report that is in its folder already stays as it is.

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
        written = _written(session, results, others, root, has_baseline=baseline is not None)
    if isinstance(written, Report):
        return Report(written.text + (f"\n{_go_on(results, others)}" if left else ""), is_error=True)
    gate = None
    lines = [_go_on(results, others)] if left else []
    if baseline is not None:
        if left or signals:
            lines.append("not held against the baseline: the run ended before its end")
        else:
            gate = _gated(session, baseline, written)
            lines += ["", *gate.lines]
    is_unchanged = written.is_unchanged and (gate is None or gate.is_unchanged)
    page = f"report: {short(session.options.report / 'index.html', root)}{' (unchanged)' if is_unchanged else ''}"
    is_error = written.is_error or (gate is not None and gate.is_error) or bool(left or signals)
    return Report("\n".join([clean("\n".join([*written.head, page, *written.errors])), *lines]), is_error)


def _go_on(results: Results, others: list[Verdictless]) -> str:
    done, total = len(results.outcomes), len(results.outcomes) + len(others)
    return f"{done} of {total} claims are done: run the same command again to go on, nothing is computed twice"


class _Written(NamedTuple):
    """A report that is in its folder, before the gate has judged the run.

    Attributes:
        assembled: the content of the report.
        head: lines of the terminal's text above the one that names the page.
        errors: lines below that one.
        is_error: whether the run failed.
        is_unchanged: whether it was in the folder already, apart from its comparison with a baseline.
    """

    assembled: Assembled
    head: list[str]
    errors: list[str]
    is_error: bool
    is_unchanged: bool


def _written(
    session: Session, results: Results, others: list[Verdictless], root: Path, *, has_baseline: bool
) -> _Written | Report:
    from qaml.outcome.history import is_repeated, recall_for, remember, with_earlier
    from qaml.outcome.merge import too_large
    from qaml.outcome.outcome import Failure
    from qaml.report.imprint import is_printed
    from qaml.report.text.markdown import write_step_summary
    from qaml.report.text.terminal import table
    from qaml.session.assembly import assemble
    from qaml.text import clean

    folder, store = session.options.report, session.options.store
    failures = []
    for each in others:
        suite, _, name = each.claim.partition("::")
        failures.append(Failure(suite=suite, id=name, message=each.message, is_reached=each.is_reached))
    head: list[str] = []
    try:
        if not results.outcomes and _has_verdicts(folder):
            n = len(others)
            text = f"none of {n} claims was judged: the report in {short(folder, root)} is of an earlier run, and stays"
            return Report(text, is_error=True)
        claims = {key: results.chosen[test] for key, test in results.outcomes.items()}
        assembled = assemble(session, claims, failures, time.time() - results.start)
        outcomes = assembled.outcomes
        head.append(table(outcomes))
        runs, notes = recall_for(outcomes, store)
        head += [f"note: {note}" for note in notes]
        # a run that has computed nothing and found nothing else is the last one once more
        is_again = not (assembled.is_new or outcomes.failures) and is_repeated(outcomes, runs)
        complete = with_earlier(outcomes, runs[:-1] if is_again else runs)
        is_unchanged = is_again and is_printed(complete, folder, but_baseline=has_baseline)
        if not is_unchanged:
            from qaml.report.pages.publish import publish

            publish(complete, folder, assembled.pictures)
        if large := too_large(folder):
            head.append(f"note: {large}")
    except (QamlError, MemoryError) as error:
        why = "not enough memory" if isinstance(error, MemoryError) else error
        return Report(clean("\n".join([*head, f"the report could not be written: {why}"])), is_error=True)
    errors = []
    keep = (lambda: None) if is_again else (lambda: remember(outcomes, store))
    for record in (keep, lambda: write_step_summary(complete)):
        try:
            record()
        except QamlError as error:
            errors.append(str(error))
    is_error = bool(errors) or len(outcomes.failures) > len(failures)  # some outcome was deleted in between
    return _Written(assembled._replace(outcomes=complete), head, errors, is_error, is_unchanged)


def _has_verdicts(folder: Path) -> bool:
    """Whether a report exists that holds any verdict, or may: it cannot be read now, or is too large."""
    from qaml.outcome.merge import load, outcomes_file

    try:
        return bool(load(folder).outcomes)
    except QamlError:
        return os.path.lexists(outcomes_file(folder))


class _Gate(NamedTuple):
    """The judgement of the baseline's cells.

    Attributes:
        lines: lines of the terminal's text.
        is_error: whether a cell is worse, or the report could not be written.
        is_unchanged: whether the report in the folder has this judgement already.
    """

    lines: list[str]
    is_error: bool
    is_unchanged: bool


def _gated(session: Session, file: Path, written: _Written) -> _Gate:
    """Add the judgement of the baseline's cells to the report and write it again; worse cells are an error.

    The gate may train for a while and may fail or be interrupted: the report is complete already.
    """
    from qaml.gate.judge import judged
    from qaml.outcome.past import Regression
    from qaml.report.imprint import is_printed
    from qaml.report.text.gate import gate_markdown, gate_table, workflow_commands
    from qaml.report.text.markdown import append_step_summary
    from qaml.text import clean

    folder = session.options.report
    try:
        regression = judged(session, file)
    except QamlError as error:
        regression = Regression(failure=str(error))
    except KeyboardInterrupt:
        regression = Regression(failure="the run was interrupted while it was held against the baseline")
    lines = [clean(gate_table(regression))]
    if os.environ.get("GITHUB_ACTIONS") == "true":
        lines.append(workflow_commands(regression))
    outcomes = written.assembled.outcomes.model_copy(update={"regression": regression})
    try:
        is_unchanged = written.is_unchanged and is_printed(outcomes, folder)
        if not is_unchanged:
            from qaml.report.pages.publish import publish

            publish(outcomes, folder, written.assembled.pictures)
        append_step_summary(gate_markdown(regression))
    except QamlError as error:
        return _Gate([*lines, clean(f"the report could not be written: {error}")], is_error=True, is_unchanged=False)
    return _Gate(list(filter(None, lines)), regression.is_worse, is_unchanged)


def short(path: Path, root: Path) -> Path:
    """The path relative to the folder, where it is below it."""
    return path.relative_to(root) if path.is_relative_to(root) else path
