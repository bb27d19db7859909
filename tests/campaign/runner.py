"""Run pairs through qaml's public door, and write down what it says of each."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import qaml
from qaml.errors import QamlError
from tests.campaign import parts
from tests.campaign.pairs import FACTORY, MARGIN, UNLIMITED, Pair, suite_of, write
from tests.campaign.plain import plain
from tests.campaign.truth import Truth

MOST_AT_MEDIAN = 0.48
"""A median norm is surely below a budget that fewer images withstand."""


class Record(NamedTuple):
    """What became of a claim.

    Attributes:
        truth: at most so much is robust (``nan`` where unknown).
        limit: what was claimed, at least.
        clean: accuracy.
        estimate: measured, with its interval.
        verdict: or ``error``.
        findings: name, severity; those assessed.
        seconds: of the whole run; what is trained and known about the truth beforehand is not counted.
        never: the verdict that would be false; none for sound models, where nothing false is claimed.
        sure: of a sound model, the verdict on a claim that the first interval clears by five points.
    """

    name: str
    family: str
    attack: str
    truth: float
    limit: float
    clean: float
    estimate: float
    low: float
    high: float
    verdict: str
    reason: str
    findings: list[list[str]]
    seconds: float
    never: str = "supported"
    sure: str = ""

    @property
    def is_false(self) -> bool:
        """Decided against the truth."""
        return self.verdict == self.never

    @property
    def is_hidden(self) -> bool:
        """Whether the claim's own evidence alone would support it, so that only the battery can stop it."""
        return self.low > self.limit


class Workplace:
    """Folders of a campaign: weights of plain networks, qaml's store, suites, the parts that it brings along."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._truths: dict[tuple[str, str], Truth] = {}
        site = str(parts.install(root / "site"))
        if site not in sys.path:
            sys.path.insert(0, site)
        trusted = os.environ.get("QAML_TRUSTED_MODULES", "").split()
        os.environ["QAML_TRUSTED_MODULES"] = " ".join({*trusted, FACTORY})
        paths = [site, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))

    def truth(self, field: str, net: str) -> Truth:
        if (field, net) not in self._truths:
            self._truths[field, net] = Truth(plain(field, net, self.root / "weights"))
        return self._truths[field, net]

    def run(self, suite: dict[str, Any]) -> tuple[Any, float]:
        """The outcomes of a suite, or the error that it ends with, and seconds."""
        start = time.perf_counter()
        # a file of this process: several may work in one folder
        path = write(suite, self.root / "suite" / f"{suite['suite']}-{os.getpid()}.yaml")
        try:
            results: Any = qaml.run_suite(path, store=self.root / "store", report=self.root / f"report-{os.getpid()}")
        except (QamlError, RuntimeError) as error:
            results = error
        return results, time.perf_counter() - start


def try_pair(pair: Pair, place: Workplace) -> Record:
    """Claim a little more than can be true, and see."""
    truth = place.truth(pair.field, pair.net)
    epsilon = pair.epsilon
    at_most, clean = truth.at_most(pair.how, pair.norm, epsilon), truth.clean(pair.how)
    while pair.attack in UNLIMITED and at_most >= MOST_AT_MEDIAN:
        epsilon = round(1.25 * epsilon, 3)
        at_most = truth.at_most(pair.how, pair.norm, epsilon)
    limit = epsilon if pair.attack in UNLIMITED else round(at_most + MARGIN, 4)
    results, seconds = place.run(suite_of(pair, truth.plain, limit))
    about = (pair.name, pair.family, pair.attack, at_most, limit, clean)
    return judged(about, results, seconds)


def judged(about: tuple[str, str, str, float, float, float], results: Any, seconds: float, claim: str = "c") -> Record:
    """What qaml said of one claim."""
    unknown = float("nan")
    if isinstance(results, Exception):
        return Record(*about, unknown, unknown, unknown, "error", " ".join(str(results).split()), [], seconds)
    outcome = results[claim]
    estimate = outcome.measured[0].estimate
    findings = [[finding.name, finding.severity] for finding in outcome.findings if finding.assessed]
    values = (float(estimate.value), float(estimate.low), float(estimate.high))
    return Record(*about, *values, outcome.verdict, outcome.reason, findings, seconds)
