"""What became of every claim that was to run, as its tests tell: also of one whose process was killed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pytest

PROPERTY = "qaml_outcome"
"""The key of a claim's stored outcome."""
FAILURE = "qaml_failure"
"""Why a claim has none."""
KILLED = (
    "the process that measured it ended: it was killed, or out of memory\n"
    "  hint: run the same command again; what was computed is kept"
)
NOT_REACHED = "not reached: the run ended before"


class Verdictless(NamedTuple):
    """A claim without an outcome.

    Attributes:
        claim: ``suite::id``.
        message: why.
        is_reached: whether its turn came.
    """

    claim: str
    message: str
    is_reached: bool


class Results:
    """Gathers what the controller hears of claims; a pytest plugin.

    Attributes:
        start: when the session began, in seconds since the epoch.
        chosen: ids of the tests that are to run → their claims.
        outcomes: keys of stored outcomes → test ids.
        failures: test ids → why there is no outcome.
    """

    def __init__(self) -> None:
        self.start = time.time()
        self.chosen: dict[str, str] = {}
        self.outcomes: dict[str, str] = {}
        self.failures: dict[str, str] = {}
        self._told: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember where this test's outcome is stored, or why it has none."""
        test, outcome = report.nodeid, str(report.outcome)
        if test not in self.chosen or outcome == "rerun":  # by pytest-rerunfailures: there is another report to come
            return
        self._told.add(test)
        told = dict(report.user_properties)
        if (key := told.get(PROPERTY)) is not None:
            self.outcomes[str(key)] = test
            self.failures.pop(test, None)
        elif (why := told.get(FAILURE)) is not None:
            self.failures[test] = str(why)
        elif report.failed and report.when != "teardown":
            self.failures[test] = _why(report) if report.when in ("setup", "call") else KILLED

    def verdictless(self) -> list[Verdictless]:
        """Claims that failed, and those that were not reached."""
        judged = {self.chosen[test] for test in self.outcomes.values()}
        failed = {self.chosen[test]: why for test, why in self.failures.items()}
        left = {claim: NOT_REACHED for test, claim in self.chosen.items() if test not in self._told}
        return [
            Verdictless(claim, why, claim in failed) for claim, why in {**left, **failed}.items() if claim not in judged
        ]


def claims_of(tests: Iterable[str], claims: Sequence[str]) -> dict[str, str]:
    """Which of the tests are of claims, by their ids alone, and of which: all that xdist's controller knows of them."""
    known = set(claims)
    found = {}
    for test in tests:
        inside = test[test.find("[") + 1 : test.rfind("]")]
        if inside in known:
            found[test] = inside
        elif "::" in inside:  # beside other parameters
            fitting = [claim for claim in claims if inside.startswith(f"{claim}-") or inside.endswith(f"-{claim}")]
            found |= {test: max(fitting, key=len)} if fitting else {}
    return found


def _why(report: pytest.TestReport) -> str:
    """What pytest would say in its short summary."""
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message) if crash is not None else report.longreprtext.strip()
