"""The pytest edge: options, claims as parameters of an ordinary test, and the report at the end.

A test that asks for the fixture ``claim`` runs once for every claim of every spec::

    def test_claim(claim):
        claim.check()

Measuring happens in the fixture, so an exception is an error; the test itself only compares the verdict.
Nothing heavy is imported while tests are collected.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from qaml.pytest_options import add_options, baseline_file, check_options, chosen_folder, option, session_options

if TYPE_CHECKING:
    from qaml.errors import QamlError
    from qaml.judge.assemble import Assembled
    from qaml.judge.outcome import Outcome
    from qaml.judge.session import Claim, Session
    from qaml.run.progress import Display

FIXTURE = "claim"
PROPERTY = "qaml_outcome"
FAILURE = "qaml_failure"
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")

MARKERS = (
    "qaml_suite(name): a claim of this suite",
    "qaml_profile(name): a claim at this profile",
    "qaml_cost(level): light, medium or heavy, by what must be trained",
)

_session_key = pytest.StashKey["Session"]()
_shared_key = pytest.StashKey[dict[str, Any]]()
_display_key: pytest.StashKey[Display] = pytest.StashKey()
_report_key = pytest.StashKey["_Report"]()
_results_key = pytest.StashKey["_Results"]()


class _Results(NamedTuple):
    """What the controller gathers from the workers' reports."""

    outcomes: dict[str, str]
    failures: list[tuple[str, str]]
    start: float


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare every option with its ini twin."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers, and one thread a worker: they share the cores, and results depend on thread counts."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    for variable in THREADS:
        os.environ.setdefault(variable, "1")
    results = config.stash[_results_key] = _Results({}, [], time.time())
    if _is_controller(config):
        check_options(config)
        config.pluginmanager.register(_Collector(results), "qaml-collector")


def _shared(config: pytest.Config) -> dict[str, Any]:
    """What the controller tells its workers, so that all of them mean the same session."""
    given = getattr(config, "workerinput", {}).get("qaml")
    if given is not None:
        return dict(given)
    if _shared_key not in config.stash:
        from qaml.run.store import new_session

        config.stash[_shared_key] = {"run_id": new_session(), "is_fresh": bool(option(config, "refresh"))}
    return config.stash[_shared_key]


def _session(config: pytest.Config) -> Session:
    if _session_key not in config.stash:
        from qaml.judge.session import Session

        given = getattr(config, "workerinput", {})
        worker, workers = given.get("workerid", "main"), int(given.get("workercount", 1))
        config.stash[_session_key] = Session(session_options(config, _shared(config)), worker, workers)
    return config.stash[_session_key]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Under xdist: tell each worker which session it belongs to."""
    node.workerinput["qaml"] = _shared(node.config)


# --- collection


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Expand a test that asks for ``claim`` into one a claim, and one a broken spec."""
    if FIXTURE not in metafunc.fixturenames:
        return
    from qaml.errors import QamlError
    from qaml.installation import check_installation

    try:
        check_installation()
    except QamlError as error:
        metafunc.parametrize(FIXTURE, [pytest.param(error, id="qaml::installation")], indirect=True)
        return
    session = _session(metafunc.config)
    broken = [pytest.param(spec.error, id=f"{spec.name}::spec") for spec in session.broken]
    sound = [pytest.param(claim, id=claim.node, marks=_marks(claim)) for claim in session.claims]
    metafunc.parametrize(FIXTURE, [*broken, *sound], indirect=True)


def _marks(claim: Claim) -> list[pytest.MarkDecorator]:
    return [
        pytest.mark.qaml_suite(name=claim.suite.name),
        pytest.mark.qaml_profile(name=claim.suite.profile),
        pytest.mark.qaml_cost(level=_cost(claim)),
    ]


def _cost(claim: Claim) -> str:
    """How much training stands behind a claim, from its models' settings alone."""
    models = {cell.model for cell in claim.entry.part.cells(claim.suite.reported)}
    runs = sum(claim.suite.models[name].seeds for name in models if name in claim.suite.models)
    if claim.suite.profile == "quick":
        return "light" if runs <= 10 else "medium"
    return "heavy"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Plan exactly the claims that were selected."""
    if _session_key not in session.config.stash:
        return
    parameters = [getattr(item, "callspec", None) for item in session.items]
    chosen = [callspec.params.get(FIXTURE) for callspec in parameters if callspec is not None]
    _session(session.config).select(claim.node for claim in chosen if hasattr(claim, "node"))


# --- the fixture


class CheckedClaim:
    """A measured claim; ``check`` turns its verdict into a test outcome.

    Attributes:
        outcome: verdict, intervals, findings, provenance.
    """

    def __init__(self, outcome: Outcome, *, is_strict: bool) -> None:
        self.outcome = outcome
        self._is_strict = is_strict

    def check(self) -> None:
        """Pass when the verdict is the expected one; an expected refutation shows as xfail with its numbers."""
        from qaml.report.terminal import failure
        from qaml.text import clean

        outcome = self.outcome
        text = clean(f"{outcome.verdict}: {outcome.reason}")
        if outcome.is_as_expected and outcome.verdict == "supported":
            return
        if outcome.is_as_expected:
            pytest.xfail(clean(f"{text} (expected: {outcome.because})"))
            return  # --runxfail makes xfail return
        if outcome.verdict == "inconclusive" and not self._is_strict:
            pytest.skip(text)
        pytest.fail(failure(outcome), pytrace=False)


class BrokenClaim:
    """Stands for a spec that cannot be loaded; its test fails with all mistakes of the file."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def check(self) -> None:
        """Fail with the compiler-like text."""
        pytest.fail(str(self._error), pytrace=False)


@pytest.fixture(name=FIXTURE)
def _claim(request: pytest.FixtureRequest) -> CheckedClaim | BrokenClaim:
    """One claim of one spec, measured (session: the store and the plan are shared by all claims)."""
    from qaml.errors import QamlError
    from qaml.report import junit
    from qaml.text import clean

    parameter = request.param
    if isinstance(parameter, QamlError):
        return BrokenClaim(parameter)
    session = _session(request.config)
    # not record_property, which warns (where warnings are errors: fails) under the default JUnit schema
    properties = request.node.user_properties
    failed = trace = ""
    try:
        outcome = session.outcome(parameter.node)
    except QamlError as error:
        failed, trace = str(error), clean(_trace(error))
    if failed:  # outside the except block: pytest would print the chain of exceptions
        properties.append((FAILURE, failed))
        pytest.fail(f"{failed}\n\n{trace}".strip(), pytrace=False)
    properties.append((PROPERTY, session.plan.claims[parameter.node].judge.key))
    properties.extend(junit.properties(outcome))
    return CheckedClaim(outcome, is_strict=session.options.is_strict)


def _trace(error: QamlError) -> str:
    """Where a part crashed, for whoever wrote it; nothing for what a person can act on."""
    from qaml.run.isolation.errors import Crashed
    from qaml.run.scheduler import StepCrashed

    if not isinstance(error, StepCrashed):
        return ""
    cause = error.__cause__
    return cause.trace if isinstance(cause, Crashed) else "".join(traceback.format_exception(cause))


# --- the controller


def _is_controller(config: pytest.Config) -> bool:
    return not hasattr(config, "workerinput")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin to draw progress where somebody looks; the folder is made by the workers, if claims run at all."""
    config = session.config
    if not _is_controller(config) or config.getoption("collectonly") or not sys.stderr.isatty():
        return
    from qaml.run import progress

    folder = progress.progress_folder(chosen_folder(config, "store"), _shared(config)["run_id"])
    # pytest captures the file descriptor of stderr while tests run: keep one of our own
    config.stash[_display_key] = progress.Display(folder, os.fdopen(os.dup(sys.stderr.fileno()), "w"))
    config.stash[_display_key].start()


class _Collector:
    """Gathers the keys of outcomes from the workers' reports (a plain hook does not know its configuration)."""

    def __init__(self, results: _Results) -> None:
        self.results = results

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember where this test's outcome is stored, or why it has none."""
        for name, value in report.user_properties:
            if name == PROPERTY:
                self.results.outcomes[str(value)] = report.nodeid
            elif name == FAILURE and report.when == "setup":
                self.results.failures.append((report.nodeid, str(value)))


class _Report(NamedTuple):
    """What is printed at the end, and whether it is bad news."""

    text: str
    is_error: bool


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report, once; a report that cannot be written is no success. Workers help each other until then."""
    config = session.config
    if not _is_controller(config):
        # with -x the controller may be waiting already
        if _session_key in config.stash and not config.getoption("maxfail") and not session.shouldstop:
            _session(config).help()
        return
    if _display_key in config.stash:
        config.stash[_display_key].stop()
    results = config.stash[_results_key]
    if not (results.outcomes or results.failures):
        return
    report = config.stash[_report_key] = _write_report(config, results)
    shutil.rmtree(_session(config).progress_folder, ignore_errors=True)
    if report.is_error and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _write_report(config: pytest.Config, results: _Results) -> _Report:
    """The report's files and the terminal's text; a report that cannot be written is an error."""
    from qaml.errors import QamlError
    from qaml.judge.assemble import Assembled, assemble
    from qaml.report.history import recall_for, remember, with_earlier
    from qaml.report.markdown import write_step_summary
    from qaml.report.publish import publish
    from qaml.report.terminal import table

    session = _session(config)
    text = ""
    try:
        outcomes, pictures = assemble(session, list(results.outcomes), results.failures, time.time() - results.start)
        text = table(outcomes) + "\n"
        runs, notes = recall_for(outcomes, session.options.store)
        text += "".join(f"note: {note}\n" for note in notes)
        complete = with_earlier(outcomes, runs)
        page = publish(complete, session.options.report, pictures)
        remember(outcomes, session.options.store)
        write_step_summary(complete)
    except QamlError as error:
        return _Report(f"{text}the report could not be written: {error}", True)
    report = _Report(f"{text}report: {_short(page, config.rootpath)}", False)
    return (
        report
        if (file := baseline_file(config)) is None
        else _gated(config, file, report, Assembled(complete, pictures))
    )


def _gated(config: pytest.Config, file: Path, report: _Report, assembled: Assembled) -> _Report:
    """The report with what became of the baseline's cells, which is written once more; worse ones are an error.

    The gate may train for a while and may fail: the report is there already.
    """
    from qaml.errors import QamlError
    from qaml.gate.judge import judged
    from qaml.judge.past import Regression
    from qaml.report.gate import gate_markdown, gate_table, workflow_commands
    from qaml.report.markdown import append_step_summary
    from qaml.report.publish import publish
    from qaml.text import clean

    session = _session(config)
    try:
        regression = judged(session, file)
    except QamlError as error:
        regression = Regression(failure=str(error))
    lines = [report.text, "", clean(gate_table(regression))]
    if os.environ.get("GITHUB_ACTIONS") == "true":
        lines.append(workflow_commands(regression))
    try:
        outcomes = assembled.outcomes.model_copy(update={"regression": regression})
        publish(outcomes, session.options.report, assembled.pictures)
        append_step_summary(gate_markdown(regression))
    except QamlError as error:
        return _Report("\n".join([*lines, f"the report could not be written: {error}"]), True)
    return _Report("\n".join(filter(None, lines)), regression.is_worse)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the table of verdicts and where the report is."""
    if _report_key in config.stash:
        report = config.stash[_report_key]
        terminalreporter.section("claims")
        terminalreporter.write_line(report.text, red=report.is_error)


def _short(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path
