"""A visit of the doctor: the suites of a session one after another, with a line for each entry once it is known."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from qaml.doctor.examination import Examined, Places, examine, is_healthy, needed
from qaml.doctor.text import closing, headline, lines, record
from qaml.run.progress import in_words
from qaml.session.session import Session
from qaml.spec.suite import Suite
from qaml.text import one_line

_WIDTH = 79


class Progress:
    """One line on a terminal that says what is being looked at."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()

    def tell(self, words: str) -> None:
        """Replace the line."""
        if self._is_shown:
            sys.stderr.write(f"\r{one_line(words)[:_WIDTH]:{_WIDTH}}")
            sys.stderr.flush()

    def wipe(self) -> None:
        """Remove the line."""
        if self._is_shown:
            sys.stderr.write(f"\r{'':{_WIDTH}}\r")


def visit(session: Session, say: Callable[[str], None]) -> tuple[bool, list[dict[str, Any]]]:
    """Examine every suite of the session.

    Args:
        session: suites at a profile, with the claims that are selected.
        say: called with every line.

    Returns:
        Whether no fault was seen, and a record of each entry.
    """
    is_sound, records = True, list[dict[str, Any]]()
    for suite in session.suites:
        found = _visited(suite, say, session)
        places = Places(suite)
        records += [record(suite, each, places) for each in found]
        is_sound &= is_healthy(found)
    return is_sound, records


def _visited(suite: Suite, say: Callable[[str], None], session: Session) -> list[Examined]:
    start, places, progress = time.perf_counter(), Places(suite), Progress()
    say(headline(suite, needed(suite)))
    found = []
    for each in examine(suite, progress.tell):
        progress.wipe()
        found.append(each)
        for line in lines(each, places):
            say(line)
    progress.wipe()
    say(closing(found, time.perf_counter() - start, in_words(_expected_seconds(suite, found, session))))
    return found


def _expected_seconds(suite: Suite, found: Iterable[Examined], session: Session) -> float:
    """What all claims of the session take on one core, with the passes that were measured here."""
    costs = session.scheduler.costs
    for one in found:
        if one.kind == "model" and not one.like:
            for model, seconds in one.passes(suite):
                costs.know_pass(model, seconds)
    return sum(map(costs.seconds, session.plan.steps.values()))
