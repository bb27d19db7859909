"""The result of every selected claim, from its tests: also of one whose process was killed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pytest

PROPERTY = "qaml_outcome"
"""Name of a test's property that holds the key of a claim's stored outcome."""
FAILURE = "qaml_failure"
"""Name of a test's property that says why a claim has no outcome."""
KILLED = (
    "the process that measured it ended: it was killed, or out of memory\n"
    "  hint: run the same command again; what was computed is kept"
)
NOT_REACHED = "not reached: the run ended before"


class Verdictless(NamedTuple):
    """A claim without an outcome.

    Attributes:
        claim: ``suite::id``.
        message: the reason.
        is_reached: whether its test was started.
    """

    claim: str
    message: str
    is_reached: bool


class Results:
    """A pytest plugin that gathers the controller's reports about claims.

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
        self._reported: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember where this test's outcome is stored, or why it has none."""
        test, outcome = report.nodeid, str(report.outcome)
        if test not in self.chosen or outcome == "rerun":  # by pytest-rerunfailures: another report follows
            return
        self._reported.add(test)
        properties = dict(report.user_properties)
        if (key := properties.get(PROPERTY)) is not None:
            self.outcomes[str(key)] = test
            self.failures.pop(test, None)
        elif (why := properties.get(FAILURE)) is not None:
            self.failures[test] = str(why)
        elif report.failed and report.when != "teardown":
            self.failures[test] = _why(report) if report.when in ("setup", "call") else KILLED

    def verdictless(self) -> list[Verdictless]:
        """Claims that failed, and those that were not reached."""
        judged = {self.chosen[test] for test in self.outcomes.values()}
        failed = {self.chosen[test]: why for test, why in self.failures.items()}
        left = {claim: NOT_REACHED for test, claim in self.chosen.items() if test not in self._reported}
        return [
            Verdictless(claim, why, claim in failed) for claim, why in {**left, **failed}.items() if claim not in judged
        ]


def claims_of(tests: Iterable[str], claims: Sequence[str]) -> dict[str, str]:
    """The claim of each test that is of one, from the ids alone, which are all that xdist's controller knows."""
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
    """The reason in the words of pytest's short summary."""
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message) if crash is not None else report.longreprtext.strip()
