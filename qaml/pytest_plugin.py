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
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from qaml.interruption import end_like_ctrl_c, held
from qaml.pytest_options import add_options, baseline_file, check_options, check_selection, option, session_options
from qaml.pytest_results import FAILURE, PROPERTY, Results, claims_of

if TYPE_CHECKING:
    from qaml.errors import QamlError
    from qaml.outcome.outcome import Outcome
    from qaml.pytest_report import Report
    from qaml.run.progress import Display
    from qaml.session.session import Claim, Session

FIXTURE = "qaml_claim"
MARKER = "qaml"
MARKERS = (f"{MARKER}(id, suite, profile, cost): a claim; its cost is light, medium or heavy, by what must be trained",)
NO_PARAMETER = (
    f"the fixture {FIXTURE!r} has no claim to measure: qaml gives it one where it collects the test\n"
    "  hint: name 'claim' among the arguments of the test or of its fixtures, without request.getfixturevalue or "
    "@pytest.mark.parametrize; --qaml-claim chooses claims"
)

_session_key = pytest.StashKey["Session"]()
_shared_key = pytest.StashKey[dict[str, Any]]()
_display_key: pytest.StashKey[Display] = pytest.StashKey()
_report_key: pytest.StashKey[Report] = pytest.StashKey()
_results_key = pytest.StashKey[Results]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare every option with its ini twin."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker; refuse wrong options before anything is collected."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    results = config.stash[_results_key] = Results()
    if _is_controller(config):
        check_options(config)
        check_selection(config, lambda: _session(config))
        config.pluginmanager.register(results, "qaml-results")


def _shared(config: pytest.Config) -> dict[str, Any]:
    """The values that the controller sends to its workers, so that all of them share one session."""
    given = _worker_input(config).get("qaml")
    if given is not None:
        return dict(given)
    if _shared_key not in config.stash:
        from qaml.run.store import new_session

        config.stash[_shared_key] = {"run_id": new_session(), "is_fresh": bool(option(config, "refresh"))}
    return config.stash[_shared_key]


def _session(config: pytest.Config) -> Session:
    if _session_key not in config.stash:
        from qaml.session.session import Session

        given = _worker_input(config)
        worker, workers = given.get("workerid", "main"), int(given.get("workercount", 1))
        config.stash[_session_key] = Session(session_options(config, _shared(config)), worker, workers)
    return config.stash[_session_key]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Under xdist: send each worker the values of its session."""
    node.workerinput["qaml"] = _shared(node.config)


# --- collection


class _Parametrised:
    """A replacement of ``metafunc.parametrize`` that records the names it was called for."""

    def __init__(self, parametrize: Callable[..., None]) -> None:
        self.names: set[str] = set()
        self._parametrize = parametrize

    def __call__(self, argnames: str | Sequence[str], *args: Any, **kwargs: Any) -> None:
        names = argnames.split(",") if isinstance(argnames, str) else argnames
        self.names.update(name.strip() for name in names)
        self._parametrize(argnames, *args, **kwargs)


@pytest.hookimpl(specname="pytest_generate_tests", wrapper=True)
def pytest_watch_parametrisation(metafunc: pytest.Metafunc) -> Generator[None, object, object]:
    """Record what other hooks parametrise: it is no fixture any more, and only pytest's own marks show that earlier."""
    if FIXTURE not in metafunc.fixturenames:
        return (yield)
    own = vars(metafunc)
    before, watched = own.get("parametrize"), _Parametrised(metafunc.parametrize)
    own["parametrize"] = watched
    try:
        return (yield)
    finally:
        if own.get("parametrize") is watched:
            own.pop("parametrize") if before is None else own.update(parametrize=before)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Expand a test that uses ``claim``, itself or by another fixture, into one a claim, and one a broken spec.

    A fixture ``claim`` of the project itself, or a parameter of that name, replaces this plugin's.
    """
    given: set[str] = getattr(metafunc.parametrize, "names", set())
    if FIXTURE not in metafunc.fixturenames or given & {FIXTURE, "claim"}:
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
    sound = [
        pytest.param(claim, id=claim.node, marks=_mark(claim))
        for claim in session.named(option(metafunc.config, "claim"))
    ]
    metafunc.parametrize(FIXTURE, [*broken, *sound], indirect=True)


def _mark(claim: Claim) -> pytest.MarkDecorator:
    """One mark, with a name that is unlikely after ``-k``, because that option matches names of marks, too."""
    suite = claim.suite
    return pytest.mark.qaml(id=claim.node, suite=suite.name, profile=suite.profile, cost=_cost(claim))


def _cost(claim: Claim) -> str:
    """The amount of training that a claim needs, from its models' settings alone."""
    models = {cell.model for cell in claim.entry.part.cells(claim.suite.reported)}
    runs = sum(claim.suite.models[name].seeds for name in models if name in claim.suite.models)
    if claim.suite.profile == "quick":
        return "light" if runs <= 10 else "medium"
    return "heavy"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Plan exactly the claims that were selected."""
    config = session.config
    if _session_key not in config.stash:
        return
    marks = ((item.nodeid, mark) for item in session.items for mark in item.iter_markers(MARKER))
    chosen = {test: str(mark.kwargs["id"]) for test, mark in marks if "id" in mark.kwargs}
    _session(config).select(chosen.values())
    if _is_controller(config):
        _choose(config, chosen)


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
        from qaml.report.text.terminal import failure
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
    """A spec that cannot be loaded; its test fails with all mistakes of the file."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def check(self) -> None:
        """Fail with every mistake of the file, in a compiler's form."""
        pytest.fail(str(self._error), pytrace=False)


@pytest.fixture(name="claim")
def _claim(qaml_claim: CheckedClaim | BrokenClaim) -> CheckedClaim | BrokenClaim:
    """One claim of one spec, measured: ``claim.check()`` turns its verdict into the test's outcome."""
    return qaml_claim


@pytest.fixture(name=FIXTURE)
def _qaml_claim(request: pytest.FixtureRequest) -> CheckedClaim | BrokenClaim:
    """The fixture behind ``claim``, for projects that use that name otherwise."""
    from qaml.errors import QamlError
    from qaml.report.text import junit
    from qaml.text import clean

    parameter: Any = getattr(request, "param", None)
    if isinstance(parameter, QamlError):
        return BrokenClaim(parameter)
    if not hasattr(parameter, "node"):
        pytest.fail(NO_PARAMETER, pytrace=False)
    session = _session(request.config)
    # not record_property, which warns (where warnings are errors: fails) under the default JUnit schema
    properties = request.node.user_properties
    properties[:] = [each for each in properties if not each[0].startswith("qaml")]  # a key of an earlier run
    failed = trace = ""
    try:
        outcome = session.outcome(parameter.node)
    except QamlError as error:
        failed, trace = str(error), clean(_trace(error))
    if failed:  # outside the except block: pytest would print the chain of exceptions
        properties.append((FAILURE, failed))
        pytest.fail(clean(f"{failed}\n\n{trace}".strip()), pytrace=False)
    properties.append((PROPERTY, session.plan.claims[parameter.node].judge.key))
    properties.extend(junit.properties(outcome))
    return CheckedClaim(outcome, is_strict=session.options.is_strict)


def _trace(error: QamlError) -> str:
    """The place where a part crashed, for its author; empty for an error that the user can act on."""
    from qaml.run.isolation.errors import Crashed
    from qaml.run.scheduler import StepCrashed

    if not isinstance(error, StepCrashed):
        return ""
    cause = error.__cause__
    return cause.trace if isinstance(cause, Crashed) else "".join(traceback.format_exception(cause))


# --- the controller


def _worker_input(config: pytest.Config) -> Mapping[str, Any]:
    """The values that xdist's controller sent to this worker; empty in the controller itself."""
    return getattr(config, "workerinput", {})


def _is_controller(config: pytest.Config) -> bool:
    return not _worker_input(config)


def _choose(config: pytest.Config, tests: Mapping[str, str]) -> None:
    """Prepare the run: signals end it with a report of the judged claims; a terminal shows progress."""
    if not tests or config.getoption("collectonly"):
        return
    config.stash[_results_key].chosen.update(tests)
    from qaml.errors import StoreError

    with suppress(StoreError):  # the step that writes reports a store that cannot be written
        _session(config).store.begin()  # so that no other process prunes the report's artefacts
    config.add_cleanup(end_like_ctrl_c())
    if sys.stderr.isatty():
        from qaml.run.progress import Display

        # pytest captures the file descriptor of stderr while tests run, so keep a copy
        terminal = os.fdopen(os.dup(sys.stderr.fileno()), "w")
        config.stash[_display_key] = Display(_session(config).progress_folder, terminal)
        config.stash[_display_key].start()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: Sequence[str]) -> None:
    """Under xdist: all workers find the same tests, and their ids show which of them are claims."""
    config = node.config
    if config.stash[_results_key].chosen or not any("::" in test.partition("[")[2] for test in ids):
        return
    _choose(config, claims_of(ids, [claim.node for claim in _session(config).claims]))


def _help(session: pytest.Session) -> None:
    """Let a worker whose claims are done execute steps of the others, unless the run ends and the controller waits."""
    config = session.config
    is_through = session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and not session.shouldstop
    if _session_key in config.stash and not config.getoption("maxfail") and is_through:
        _session(config).help()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """Write the report once, before workers are awaited; a report that cannot be written is a failure."""
    config = session.config
    if _display_key in config.stash:
        config.stash[_display_key].stop()
    if not _is_controller(config):
        _help(session)
        return (yield)
    if not config.stash[_results_key].chosen:
        return (yield)
    from qaml.pytest_report import write_report

    results = config.stash[_results_key]
    report = write_report(_session(config), results, baseline_file(config), config.rootpath)
    config.stash[_report_key] = report
    if report.is_error and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    with held():  # a second Ctrl-C must not interrupt: workers are to end, and the hint for resuming is to be printed
        result = yield
    shutil.rmtree(_session(config).progress_folder, ignore_errors=True)
    return result


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the table of verdicts and where the report is."""
    if _report_key in config.stash:
        report = config.stash[_report_key]
        terminalreporter.section("claims")
        terminalreporter.write_line(report.text, red=report.is_error)
