"""qaml in a notebook or a script: load a suite, run it, and read its results."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Literal

from qaml.errors import QamlError
from qaml.outcome.merge import load
from qaml.outcome.outcome import Outcome, Outcomes
from qaml.report.pages.publish import publish
from qaml.report.text.marks import MARKS
from qaml.report.text.numbers import show, style_of
from qaml.report.text.sentences import with_interval
from qaml.report.text.terminal import closing, table
from qaml.run.device import check_device
from qaml.run.progress import Display
from qaml.session.assembly import assemble
from qaml.session.options import OPTIONS, Options
from qaml.session.session import Session
from qaml.spec.load import load_suite as _load_suite
from qaml.spec.shipped import located
from qaml.spec.suite import Suite
from qaml.text import clean
from qaml.vocab import ProfileName

Judgement = Literal["passed", "expected", "undecided", "failed"]


def load_suite(path: str | Path, profile: ProfileName = "quick") -> Suite:
    """Read and validate a spec file.

    Args:
        path: path of the YAML file, or the name of a shipped suite.
        profile: quick, standard or paper.

    Raises:
        SpecError: the file has mistakes, all of which the error names.
    """
    return _load_suite(located(path), profile)


def run_suite(
    path: str | Path,
    profile: ProfileName = "quick",
    *,
    claims: Iterable[str] = (),
    store: str | Path = OPTIONS["store"].default,
    report: str | Path = OPTIONS["report"].default,
    seeds: int | None = None,
    device: Literal["cpu", "cuda"] = "cpu",
) -> Results:
    """Measure and judge claims in this process, with one line of progress, and write the report.

    Results in the store are not computed again. Under pytest claims run in several processes; here in one.

    Args:
        path: a spec file, a folder of them, or the name of a shipped suite.
        profile: quick, standard or paper.
        claims: ids, or parts of ids, of the claims to run (default: all).
        store: folder of trained models, attacks and outcomes.
        report: folder of the report.
        seeds: number of training runs of every model (default: as in the suites).
        device: ``cpu`` or ``cuda``.

    Raises:
        QamlError: a spec has mistakes, no claim fits, or a part failed for a reason that the user can mend; the steps
            of other claims are computed and stored first.
    """
    start, wanted = time.time(), tuple(claims)
    check_device(device)
    replay = ["--store", str(store)] if Path(store) != Path(OPTIONS["store"].default) else []
    replay += ["--seeds", str(seeds)] if seeds else []
    replay += ["--device", device] if device != "cpu" else []
    options = Options((located(path),), profile, Path(store), Path(report), seeds, device=device, replay=tuple(replay))
    session = Session(options)
    if session.broken:
        raise QamlError("\n".join(str(spec.error) for spec in session.broken))
    chosen = [c.node for c in session.claims if not wanted or any(part in c.node for part in wanted)]
    if not chosen:
        raise QamlError(f"no claim of {path} has {' or '.join(wanted)} in its id", "'qaml list' shows them all")
    session.select(chosen)
    with _drawn(session):
        judged = {}
        for node in chosen:
            session.outcome(node)
            judged[session.plan.claims[node].judge.key] = node
    outcomes, pictures, _ = assemble(session, judged, (), time.time() - start)
    return Results(outcomes, publish(outcomes, Path(report), pictures))


def judge_outcomes(outcomes: Outcomes | Results | str | Path, *, strict: bool = False) -> dict[str, Judgement]:
    """The outcome that pytest would report for each claim, by ``suite::id``.

    Args:
        outcomes: outcomes of a run, or the folder of its report.
        strict: whether an inconclusive claim fails.

    Returns:
        ``passed``: supported, as expected; ``expected``: another verdict that the spec expects; ``undecided``:
        inconclusive, which skips; ``failed``: anything else.
    """
    if isinstance(outcomes, str | Path):
        outcomes = load(Path(outcomes))
    found = outcomes.outcomes
    return {outcome.node: _judged(outcome, strict=strict) for outcome in found}


def _judged(outcome: Outcome, *, strict: bool) -> Judgement:
    if outcome.is_as_expected:
        return "passed" if outcome.verdict == "supported" else "expected"
    return "undecided" if outcome.verdict == "inconclusive" and not strict else "failed"


class Results:
    """The results of a run: a table in a notebook, a mapping by id in code.

    Attributes:
        data: the whole content of ``outcomes.json``.
        page: the report's first page.
    """

    def __init__(self, data: Outcomes, page: Path) -> None:
        self.data = data
        self.page = page

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Every claim's outcome, in the order of the specs."""
        return self.data.outcomes

    def __iter__(self) -> Iterator[Outcome]:
        """Every claim's outcome."""
        return iter(self.outcomes)

    def __len__(self) -> int:
        """The number of claims."""
        return len(self.outcomes)

    def __getitem__(self, claim: str) -> Outcome:
        """The outcome of ``id`` or ``suite::id``.

        Raises:
            KeyError: no claim of the run has this name, or claims of several suites have it.
        """
        found = [outcome for outcome in self.outcomes if claim in (outcome.id, outcome.node)]
        if len(found) != 1:
            raise KeyError(claim)
        return found[0]

    def __repr__(self) -> str:
        """The terminal's table."""
        return f"{table(self.data)}\n{closing(self.data)}\nreport: {self.page}"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in ("claim", "paper", "here", "verdict", "expected"))
        rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in _cells(each))}</tr>" for each in self)
        link = f'<a href="{escape(self.page.resolve().as_uri())}">report</a>'
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><p>{link}</p>"


def _cells(outcome: Outcome) -> list[str]:
    paper = here = ""
    if outcome.measured:
        shown = show(outcome.measured[0], style_of(outcome))
        paper, here = shown.paper, with_interval(shown)
    mark = MARKS[outcome.verdict].symbol
    expected = "as found" if outcome.is_as_expected else outcome.expected
    texts = [outcome.statement, paper, here, f"{mark} {outcome.verdict}", expected]
    return [escape(clean(text)) for text in texts]


@contextmanager
def _drawn(session: Session) -> Iterator[None]:
    """One line of progress on a terminal or under a notebook's cell."""
    display = Display(session.progress_folder, sys.stderr, is_shown=sys.stderr.isatty() or "ipykernel" in sys.modules)
    display.start()
    try:
        yield
    finally:
        display.stop()
