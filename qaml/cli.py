"""The command line: init, validate, doctor, list, plan, run, report, compare, history, baseline, schema, store.

Exit codes: 0, 1 (claims failed), 2 (bad input).
"""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

import typer

from qaml import __version__
from qaml.errors import QamlError
from qaml.installation import check_installation
from qaml.session.options import OPTIONS
from qaml.text import clean
from qaml.vocab import PROFILES

if TYPE_CHECKING:
    from qaml.plan.step import Step
    from qaml.pytest_options import Chosen
    from qaml.session.session import Session

app = typer.Typer(
    name="qaml",
    help="Claims about adversarially robust (quantum) machine learning, as tests that train, attack and judge.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
store_app = typer.Typer(help="Look at the artefact store, or make room.", no_args_is_help=True)
app.add_typer(store_app, name="store")
baseline_app = typer.Typer(help="What an accepted run measured, for the regression gate.", no_args_is_help=True)
app.add_typer(baseline_app, name="baseline")
weights_app = typer.Typer(help="Bring trained weights into a format that runs nothing.", no_args_is_help=True)
app.add_typer(weights_app, name="weights")

Specs = Annotated[
    list[Path] | None, typer.Argument(help="Files or folders of specs, or names of shipped suites (default: specs).")
]
Profile = Annotated[str | None, typer.Option(help="quick, standard or paper.", show_default="quick")]
_STORE, _REPORT = (OPTIONS[name].default for name in ("store", "report"))
StoreFolder = Annotated[Path | None, typer.Option("--store", help="Folder of artefacts.", show_default=_STORE)]
ReportFolder = Annotated[Path | None, typer.Option(help="Folder of the report.", show_default=_REPORT)]
Seeds = Annotated[int | None, typer.Option(min=1, help="Training runs of every model.")]
Device = Annotated[str | None, typer.Option(help="cpu or cuda.", show_default="cpu")]
StrictHardware = Annotated[
    bool, typer.Option(help="What another processor computed counts as absent (they agree to about seven digits).")
]

P = ParamSpec("P")
R = TypeVar("R")


def _say(text: str, *, err: bool = False) -> None:
    typer.echo(clean(text), err=err)


def _polite(command: Callable[P, R]) -> Callable[P, R]:
    """A user's mistake is reported in words and ends with exit code 2."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except QamlError as error:
            _say(str(error), err=True)
            raise typer.Exit(2) from error
        except MemoryError as error:
            _say("not enough memory\n  hint: free some, or raise its limit ('ulimit -v')", err=True)
            raise typer.Exit(2) from error

    return wrapper


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        _say(f"qaml {__version__}")
        raise typer.Exit


@app.callback()
@_polite
def _begin(
    version: Annotated[  # noqa: ARG001 - printed before anything else is looked at
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    check_installation()


def _chosen(**given: Any) -> Chosen:
    """The typed options, or else those of the project's ini file, as under pytest.

    Args:
        given: options by name; ``None`` for those that were not typed.
    """
    from qaml.pytest_options import project_options

    profile = given.get("profile")
    if profile and profile not in PROFILES:
        raise QamlError(f"unknown profile {profile!r}", f"one of {', '.join(PROFILES)}")
    arguments = []
    for name, value in given.items():
        option = f"--qaml-{name.replace('_', '-')}"
        if value is True:
            arguments.append(option)
        elif value:
            arguments += [f"{option}={each}" for each in (value if isinstance(value, list) else [value])]
    return project_options(arguments)


def _session(specs: list[Path] | None, **given: Any) -> Session:
    from qaml.session.session import Session
    from qaml.spec.shipped import located

    options = _chosen(**given).options
    return Session(options._replace(specs=tuple(map(located, specs))) if specs else options)


def _sound(session: Session) -> Session:
    """The session, or an error with all mistakes of all its specs."""
    if session.broken:
        raise QamlError("\n".join(str(spec.error) for spec in session.broken))
    return session


def _selected(specs: list[Path] | None, **given: Any) -> Session:
    """A session of all claims."""
    session = _sound(_session(specs, **given))
    session.select(claim.node for claim in session.claims)
    return session


@app.command()
@_polite
def validate(specs: Specs = None, profile: Annotated[str, typer.Option(help="One profile; default all.")] = "") -> None:
    """Check specs, and that the code they name exists: it is imported only if you trust it, and never called."""
    from qaml.report.text.numbers import count
    from qaml.spec.code import missing_code
    from qaml.spec.load import as_named

    mistakes: dict[str, None] = {}
    for name in [profile] if profile else PROFILES:
        session = _session(specs, profile=name)
        mistakes |= {str(spec.error): None for spec in session.broken}
        mistakes |= {clean(each.render()): None for suite in session.suites for each in missing_code(suite)}
        if not mistakes:
            for suite in session.suites:
                _say(f"{as_named(suite.path)}: {count(len(suite.claims), 'claim')} at {name}")
    if mistakes:
        raise QamlError("\n".join(mistakes))


@app.command()
@_polite
def doctor(
    specs: Specs = None,
    profile: Profile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of lines.")] = False,
) -> None:
    """Build every dataset and model that the claims need, look at real inputs for seconds, and name each fault.

    Exit code 0 if no fault was seen (notes do not count), 1 if any was.
    """
    from qaml.doctor.visit import visit

    is_sound, records = visit(_selected(specs, profile=profile), (lambda _: None) if as_json else _say)
    if as_json:
        _say(json.dumps(records, indent=2, ensure_ascii=False))
    raise typer.Exit(0 if is_sound else 1)


@app.command(name="list")
@_polite
def list_claims(specs: Specs = None, profile: Profile = None) -> None:
    """List every claim with its id and its sentence; without specs, the shipped suites, too."""
    from qaml.report.text.numbers import count
    from qaml.spec.load import load_suite
    from qaml.spec.shipped import shipped

    session = _session(specs, profile=profile)
    others = {} if specs else {name: path for name, path in shipped().items() if path not in session.options.specs}
    if specs or any(path.exists() for path in session.options.specs):
        for claim in _sound(session).claims:
            _say(f"{claim.node}\n    {claim.entry.statement}")
        others = {name: path for name, path in others.items() if name not in {suite.name for suite in session.suites}}
    if others:
        _say("shipped with qaml ('qaml list NAME' shows the claims of one, 'qaml run NAME' runs them):")
    for name, path in others.items():
        suite = load_suite(path, session.options.profile)
        _say(f"{name}: {count(len(suite.claims), 'claim')} at {suite.profile}\n    {suite.title}")


@app.command()
@_polite
def plan(
    specs: Specs = None,
    profile: Profile = None,
    store: StoreFolder = None,
    seeds: Seeds = None,
    device: Device = None,
    strict_hardware: StrictHardware = False,
    probe: Annotated[
        bool, typer.Option(help="First time one batch of every model that no step has run here; the store keeps it.")
    ] = False,
) -> None:
    """Show the steps that the claims need, what is cached, and what the rest will cost."""
    from tabulate import tabulate

    from qaml.doctor.passes import measure_passes
    from qaml.process_state import cores
    from qaml.report.text.numbers import count, format_duration

    session = _selected(
        specs, profile=profile, store=store, seeds=seeds, device=device, strict_hardware=strict_hardware
    )
    if probe:
        measure_passes(session)
    order, costs = session.scheduler.order, session.scheduler.costs
    needed = {step.key for step in order.needed()}
    rows = [
        (_state(session, step, needed), step.title, step.key[:12], f"{costs.seconds(step):.1f}")
        for step in session.plan.steps.values()
    ]
    _say(tabulate(rows, headers=["state", "step", "key", "≈ s"], colalign=("left", "left", "left", "right")))
    for node, error in session.plan.unplanned.items():
        _say(f"\n{node} cannot be planned: {error}")
    times = [f"{format_duration(order.seconds_left(n))} on {count(n, 'core')}" for n in sorted({1, cores()})]
    for remark in sorted({remark for step in session.plan.steps.values() for remark in step.code.remarks}):
        _say(f"note: {remark}: declare what it reads there with 'reads: […]'")
    _say_spending(session, needed)
    unknown = {step.title for step in order.needed() if not costs.is_measured(step)}
    if unknown:
        _say(f"note: nothing is known of the models of {count(len(unknown), 'step')}: --probe times a batch of each")
    time_left = f": about {', '.join(times)}" if needed else ""
    memory = max((costs.memory(step) or 0.0 for step in order.needed()), default=0.0)
    room = f", up to {memory:,.0f} MiB of memory a worker" if memory else ""
    _say(f"\n{len(session.plan.steps)} steps, {len(needed)} to do{time_left}{room}")


def _say_spending(session: Session, needed: set[str]) -> None:
    """What the steps that ask devices will cost at most."""
    if not any(session.plan.steps[key].kind in ("measure", "ask") for key in needed):
        return
    from tabulate import tabulate

    from qaml.session.spending import Spending

    spending = Spending(session.plan.steps, session.store)
    expected = spending.expected(needed)
    rows = [
        (
            one.title,
            "?" if one.circuits is None else f"{one.circuits:,}",
            f"{one.work.n_two_qubit:,}",
            f"{one.work.depth:,}",
            f"{one.shots:,}",
            f"{one.cost:,.2f}" if one.cost else "",
        )
        for one in expected
    ]
    headers = ["on devices, at most", "circuits", "two-qubit gates", "depth", "shots each", "cost"]
    _say("\n" + tabulate(rows, headers=headers, colalign=("left", *["right"] * 5), disable_numparse=True))
    for line in spending.in_words(expected):
        _say(line)


def _state(session: Session, step: Step, needed: set[str]) -> str:
    if step.key in needed:
        return "to do"
    return "cached" if session.store.has(step.key) else "not needed"


@app.command()
@_polite
def run(
    specs: Specs = None,
    profile: Profile = None,
    claim: Annotated[
        list[str] | None, typer.Option(help="Only claims of this id or pattern, such as 'kehoe2021::rbm-*'.")
    ] = None,
    workers: Annotated[str, typer.Option("-n", help="Worker processes, or auto.")] = "auto",
    store: StoreFolder = None,
    report: ReportFolder = None,
    seeds: Seeds = None,
    device: Device = None,
    baseline: Annotated[Path | None, typer.Option(help="Cells that are worse than there fail the run.")] = None,
    refresh: Annotated[bool, typer.Option(help="Compute everything again.")] = False,
    strict: Annotated[bool, typer.Option(help="An inconclusive claim fails.")] = False,
    strict_hardware: StrictHardware = False,
) -> None:
    """Run claims and write the report (the same as pytest on a test that asks for ``claim``)."""
    import pytest

    from qaml.spec.load import find_specs
    from qaml.testing import claims

    chosen = _chosen(
        spec=specs,
        profile=profile,
        claim=claim,
        store=store,
        report=report,
        seeds=seeds,
        device=device,
        baseline=baseline,
        refresh=refresh,
        strict=strict,
        strict_hardware=strict_hardware,
    )
    if not any(path.exists() for path in chosen.options.specs):
        find_specs(chosen.options.specs)  # which says what to do, before workers start
    # claims hold no assert of a user; and pytest cannot rewrite a qaml on PYTHONPATH, which is imported already
    # the ini file was read: pytest would look for another around qaml's own code
    quiet = ["--maxschedchunk=1", "-q", "--assert=plain", f"--rootdir={chosen.root}", "-c", os.devnull]
    arguments = [claims.__file__, "-n", workers, *quiet]
    code = int(pytest.main([*arguments, *chosen.arguments]))
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        _say("no claim was run: 'qaml list' shows them all", err=True)
    raise typer.Exit({0: 0, 1: 1}.get(code, 2))


@app.command()
@_polite
def report(
    outcomes: Annotated[list[Path] | None, typer.Argument(help="Folders or outcomes.json files; merged.")] = None,
    output: ReportFolder = None,
    table_in: Annotated[
        Path | None, typer.Option(help="Also put the table of verdicts into this Markdown file, between its marks.")
    ] = None,
    publish: Annotated[
        Path | None,
        typer.Option(help="Also pack the report into this folder: small enough for a repository, no pages."),
    ] = None,
) -> None:
    """Render the report again from stored outcomes, or merge those of several shards."""
    from qaml.outcome.merge import merge_folders
    from qaml.report.pages.packed import opened, pack
    from qaml.report.pages.publish import publish as write
    from qaml.report.text.markdown import insert_table
    from qaml.report.text.terminal import table
    from qaml.spec.load import as_typed

    folder = output or Path(as_typed(_chosen().options.report))
    with opened(outcomes or [folder]) as sources:
        merged, pictures = merge_folders(sources)
        if table_in is not None:
            insert_table(merged, table_in)
        _say(table(merged))
        _say(f"report: {write(merged, folder, pictures)}")
    if publish is not None:
        _say(f"published: {pack(folder, publish)}")


@app.command()
@_polite
def compare(
    first: Annotated[Path, typer.Argument(help="Folder or outcomes.json of the earlier run.")],
    second: Annotated[Path, typer.Argument(help="Of the later run.")],
    markdown: Annotated[bool, typer.Option("--markdown", help="As GitHub Markdown.")] = False,
    page: Annotated[Path | None, typer.Option("--html", help="Also write a page into this folder.")] = None,
) -> None:
    """Show which claims have another verdict or other numbers in two runs."""
    from qaml.outcome.merge import load
    from qaml.report.pages.compare import compare_markdown, compare_table
    from qaml.report.pages.comparison import write_comparison

    runs = load(first), load(second)
    _say(compare_markdown(*runs) if markdown else compare_table(*runs))
    if page is not None:
        sources = tuple(path if path.is_dir() else path.parent for path in (first, second))
        _say(f"page: {write_comparison(*runs, (sources[0], sources[1]), page)}", err=True)


@app.command()
@_polite
def history(
    cell: Annotated[
        list[str] | None, typer.Argument(help="Patterns of cells, such as '*/fgsm@*' (default: all).")
    ] = None,
    store: StoreFolder = None,
    profile: Annotated[str, typer.Option(help="Only runs of this profile.")] = "",
) -> None:
    """Show how every cell's value went from run to run, and which verdicts changed."""
    from qaml.outcome.history import recall
    from qaml.report.text.history import history_table

    runs, notes = recall(_chosen(store=store).options.store, profile)
    for note in notes:
        _say(f"note: {note}", err=True)
    _say(history_table(runs, cell or ["*"]))


@app.command()
@_polite
def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the project; made where it is missing.")] = Path(),
    paper: Annotated[
        str,
        typer.Option(
            help="Write a skeleton of a paper's claims: its number on arXiv, its DOI, or a name for the suite."
        ),
    ] = "",
) -> None:
    """Write a project: a spec that runs, a test, settings, a workflow. Nothing that exists is written over."""
    from qaml.project.files import write_project
    from qaml.project.paper import paper as of

    about = of(paper) if paper else None
    made = write_project(folder, about)
    for path in made.written:
        _say(f"wrote {folder / path}")
    for path, remark in made.kept.items():
        _say(f"kept {folder / path} as it is{': ' if remark else ''}{remark}")
    if about is not None and about.shipped:
        _say(f"\nthis paper's claims come with qaml: 'qaml run {about.shipped}'")
    _say("\nnext:" if folder == Path() else f"\nnext:\n  cd {shlex.quote(str(folder))}")
    for command, words in {
        f"qaml run {made.spec}": "judges its claims in a minute, and writes reports/latest/index.html",
        "pytest": "the same, as tests",
        f"qaml validate {made.spec}": "after each change: every mistake with its place",
        f"qaml doctor {made.spec}": "looks at data and models of yours, in seconds",
    }.items():
        _say(f"  {command:<{len(str(made.spec)) + 16}}{words}")


@app.command()
@_polite
def schema() -> None:
    """Print the JSON Schema of specs."""
    from qaml.spec.schema import json_schema

    _say(json.dumps(json_schema(), indent=2, ensure_ascii=False))


BaselineFile = Annotated[Path, typer.Argument(help="The JSON file; evidence per image is in a file beside it.")]


@baseline_app.command()
@_polite
def save(
    file: BaselineFile,
    specs: Specs = None,
    profile: Profile = None,
    store: StoreFolder = None,
    seeds: Seeds = None,
    device: Device = None,
    tolerance: Annotated[
        list[str] | None, typer.Option(help="PATTERN=POINTS: drops of these cells that do not count.")
    ] = None,
    sensitivity: Annotated[float | None, typer.Option(help="Points whose loss must be noticed in every cell.")] = None,
    level: Annotated[
        float | None, typer.Option(help="Chance of any false alarm in all cells together (default: 0.01).")
    ] = None,
    reserve: Annotated[
        int, typer.Option(min=0, help="Further test images on which fixed weights that look worse must look so, too.")
    ] = 0,
) -> None:
    """Accept what the claims measured, from the store of a finished run."""
    from qaml.gate import record
    from qaml.report.text.gate import baseline_table

    settings: dict[str, Any] = {"tolerances": _tolerances(tolerance or []), "reserve": reserve}
    settings |= {} if sensitivity is None else {"sensitivity": sensitivity / 100}
    settings |= {} if level is None else {"level": level}
    session = _selected(specs, profile=profile, store=store, seeds=seeds, device=device)
    _say(baseline_table(record.save(session, file, **settings)))


def _tolerances(given: list[str]) -> dict[str, float]:
    found = {}
    for text in given:
        pattern, equals, points = text.rpartition("=")
        try:
            found[pattern] = float(points) / 100
        except ValueError:
            equals = ""
        if not equals or not pattern:
            raise QamlError(f"--tolerance: expected PATTERN=POINTS, got {text!r}", "such as '*/fgsm@*=2'")
    return found


@baseline_app.command()
@_polite
def show(file: BaselineFile) -> None:
    """Show a baseline's cells."""
    from qaml.gate.baseline import read_baseline
    from qaml.report.text.gate import baseline_table

    _say(baseline_table(read_baseline(file)[0]))


@baseline_app.command(name="update")
@_polite
def update_baseline(
    file: BaselineFile,
    specs: Specs = None,
    profile: Profile = None,
    store: StoreFolder = None,
    seeds: Seeds = None,
    device: Device = None,
    cell: Annotated[list[str] | None, typer.Option(help="Only cells of this pattern (default: all).")] = None,
) -> None:
    """Accept what was measured since: worse cells on purpose, better ones for good, new and vanished ones."""
    from qaml.gate import record
    from qaml.report.text.gate import baseline_table

    session = _selected(specs, profile=profile, store=store, seeds=seeds, device=device)
    _say(baseline_table(record.update(session, file, cell or ["*"])))


@store_app.command()
@_polite
def size(store: StoreFolder = None) -> None:
    """Show what the store holds."""
    from tabulate import tabulate

    from qaml.run.store import Store
    from qaml.run.usage import usage

    found = usage(Store(_chosen(store=store).options.store))
    rows = [(u.kind, u.artefacts, f"{u.size / 2**20:.1f}") for u in found]
    rows.append(("all", sum(u.artefacts for u in found), f"{sum(u.size for u in found) / 2**20:.1f}"))
    _say(tabulate(rows, headers=["step", "artefacts", "MiB"]))


@store_app.command()
@_polite
def prune(
    specs: Specs = None,
    store: StoreFolder = None,
    days: Annotated[float, typer.Option(min=0, help="Keep what is younger.")] = 0.0,
    everything: Annotated[bool, typer.Option("--all", help="Also what the specs still need.")] = False,
    most: Annotated[
        float | None, typer.Option(min=0, help="MiB that stay at most: beyond them the oldest go, needed or not.")
    ] = None,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Delete nothing, and say how much it would be.")] = False,
) -> None:
    """Delete artefacts that no claim of the specs needs any more, and what dead processes left.

    Runs at work keep what they make, and build again what they miss.
    """
    from qaml.run import prune as pruning
    from qaml.run.store import Store

    keep: set[str] = set()
    folder = _chosen(store=store).options.store
    for profile in () if everything else PROFILES:
        session = _sound(_session(specs, profile=profile, store=folder))
        for is_strict in (False, True):
            session.options = session.options._replace(is_hardware_strict=is_strict)
            session.select(claim.node for claim in session.claims)
            keep |= set(session.plan.steps)
    start = time.perf_counter()
    limit = float("inf") if most is None else most * 2**20
    done = pruning.prune(Store(folder), keep=frozenset(keep), older_than=days * 86400, most=limit, is_dry=is_dry)
    verb = "would delete" if is_dry else "deleted"
    _say(f"{verb} {done.artefacts} artefacts and {done.leftovers} leftovers in {time.perf_counter() - start:.1f} s")


@weights_app.command()
@_polite
def convert(
    source: Annotated[Path, typer.Argument(help="A file of torch.save (.pt, .pth, .bin, .ckpt), or .npz.")],
    to: Annotated[Path, typer.Argument(help="The safetensors file to write.")],
    key: Annotated[str, typer.Option(help="Name of the state dictionary in a checkpoint.")] = "",
) -> None:
    """Convert weights to safetensors, and print the lines for the spec; code in the file is refused, not run."""
    import hashlib

    from qaml.files.write import write
    from qaml.models.torch_module.convert import converted

    content = converted(source, key)
    write(to, content)
    _say(f"weights:\n  path: {to}\n  sha256: {hashlib.sha256(content).hexdigest()}")


def main() -> None:
    """Entry point of the command ``qaml``."""
    app()


if __name__ == "__main__":
    main()
