"""The command line: validate, list, plan, run, report, compare, history, baseline, schema, store.

Exit codes: 0, 1 (claims failed), 2 (bad input).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from qaml.errors import QamlError
from qaml.installation import check_installation
from qaml.text import clean
from qaml.vocab import PROFILES

if TYPE_CHECKING:
    from qaml.judge.session import Session
    from qaml.plan.step import Step

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

Specs = Annotated[list[Path] | None, typer.Argument(help="Spec files or folders (default: specs).")]
Profile = Annotated[str, typer.Option(help="quick, standard or paper.")]
StoreFolder = Annotated[Path, typer.Option("--store", help="Folder of artefacts.")]
StrictHardware = Annotated[
    bool, typer.Option(help="What another processor computed counts as absent (they agree to about seven digits).")
]
DEFAULT_STORE = Path(".qaml/store")
DEFAULT_SPECS = [Path("specs")]

Command = TypeVar("Command", bound=Callable[..., Any])


def _say(text: str, *, err: bool = False) -> None:
    typer.echo(clean(text), err=err)


def _polite(command: Command) -> Command:
    """A mistake of the person's is told in words and ends with exit code 2."""

    @wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except QamlError as error:
            _say(str(error), err=True)
            raise typer.Exit(2) from error

    return wrapper  # type: ignore[return-value]


@app.callback()
@_polite
def _begin() -> None:
    check_installation()


def _session(
    specs: list[Path] | None,
    profile: str,
    store: Path = DEFAULT_STORE,
    seeds: int | None = None,
    *,
    is_hardware_strict: bool = False,
) -> Session:
    from qaml.judge.session import Options, Session

    if profile not in PROFILES:
        raise QamlError(f"unknown profile {profile!r}", f"one of {', '.join(PROFILES)}")
    chosen = tuple(specs or DEFAULT_SPECS)
    report = Path("reports/latest")
    return Session(Options(chosen, profile, store, report, seeds, is_hardware_strict=is_hardware_strict))


def _sound(session: Session) -> Session:
    """The session, or all mistakes of all its specs."""
    if session.broken:
        raise QamlError("\n".join(str(spec.error) for spec in session.broken))
    return session


def _selected(
    specs: list[Path] | None,
    profile: str,
    store: Path,
    seeds: int | None = None,
    *,
    is_hardware_strict: bool = False,
) -> Session:
    """A session of all claims."""
    session = _sound(_session(specs, profile, store, seeds, is_hardware_strict=is_hardware_strict))
    session.select(claim.node for claim in session.claims)
    return session


@app.command()
@_polite
def validate(specs: Specs = None, profile: Annotated[str, typer.Option(help="One profile; default all.")] = "") -> None:
    """Check specs without running anything."""
    mistakes: dict[str, None] = {}
    for name in [profile] if profile else PROFILES:
        session = _session(specs, name)
        mistakes |= {str(spec.error): None for spec in session.broken}
        if not mistakes:
            for suite in session.suites:
                _say(f"{suite.path}: {len(suite.claims)} claims at {name}")
    if mistakes:
        raise QamlError("\n".join(mistakes))


@app.command(name="list")
@_polite
def list_claims(specs: Specs = None, profile: Profile = "quick") -> None:
    """List every claim with its id and its sentence."""
    for claim in _sound(_session(specs, profile)).claims:
        _say(f"{claim.node}\n    {claim.entry.statement}")


@app.command()
@_polite
def plan(
    specs: Specs = None,
    profile: Profile = "quick",
    store: StoreFolder = DEFAULT_STORE,
    strict_hardware: StrictHardware = False,
) -> None:
    """Show the steps that the claims need, what is cached, and what the rest will cost."""
    from tabulate import tabulate

    session = _selected(specs, profile, store, is_hardware_strict=strict_hardware)
    needed = {step.key for step in session.scheduler.needed()}
    rows = [
        (_state(session, step, needed), step.title, step.key[:12], f"{step.cost:.0f}")
        for step in session.plan.steps.values()
    ]
    _say(tabulate(rows, headers=["state", "step", "key", "≈ s"], colalign=("left", "left", "left", "right")))
    for node, error in session.plan.unplanned.items():
        _say(f"\n{node} cannot be planned: {error}")
    seconds = sum(step.cost for step in session.plan.steps.values() if step.key in needed)
    time_left = f"{seconds / 60:.0f} minutes" if seconds > 120 else f"{seconds:.0f} seconds"
    for remark in sorted({remark for step in session.plan.steps.values() for remark in step.code.remarks}):
        _say(f"note: {remark}: declare what it reads there with 'reads: […]'")
    _say(f"\n{len(session.plan.steps)} steps, {len(needed)} to do: about {time_left} on one core")


def _state(session: Session, step: Step, needed: set[str]) -> str:
    if step.key in needed:
        return "to do"
    return "cached" if session.store.has(step.key) else "not needed"


@app.command()
def run(
    specs: Specs = None,
    profile: Profile = "quick",
    claim: Annotated[list[str] | None, typer.Option(help="Only claims whose id contains this.")] = None,
    workers: Annotated[str, typer.Option("-n", help="Worker processes, or auto.")] = "auto",
    store: StoreFolder = DEFAULT_STORE,
    report: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("reports/latest"),
    seeds: Annotated[int | None, typer.Option(min=1, help="Training runs of every model.")] = None,
    refresh: Annotated[bool, typer.Option(help="Compute everything again.")] = False,
    strict: Annotated[bool, typer.Option(help="An inconclusive claim fails.")] = False,
    strict_hardware: StrictHardware = False,
) -> None:
    """Run claims and write the report (the same as pytest on a test that asks for ``claim``)."""
    import pytest

    from qaml.testing import claims

    # claims hold no assert of a person's; and pytest cannot rewrite a qaml on PYTHONPATH, which is imported already
    arguments = [claims.__file__, "-n", workers, "--maxschedchunk=1", "-q", "--assert=plain", f"--rootdir={Path.cwd()}"]
    arguments += ["-c", os.devnull]  # no ini file: pytest would look for one around qaml's own code
    arguments += ["--qaml-profile", profile, f"--qaml-store={store.absolute()}", f"--qaml-report={report.absolute()}"]
    arguments += [f"--qaml-spec={path.absolute()}" for path in specs or DEFAULT_SPECS]
    arguments += ["--qaml-seeds", str(seeds)] if seeds else []
    arguments += ["--qaml-refresh"] * refresh + ["--qaml-strict"] * strict
    arguments += ["--qaml-strict-hardware"] * strict_hardware
    arguments += ["-k", " or ".join(claim)] if claim else []
    code = int(pytest.main(arguments))
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        _say("no claim was run: 'qaml list' shows the ids that --claim can name a part of", err=True)
    raise typer.Exit({0: 0, 1: 1}.get(code, 2))


@app.command()
@_polite
def report(
    outcomes: Annotated[list[Path] | None, typer.Argument(help="Folders or outcomes.json files; merged.")] = None,
    output: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("reports/latest"),
    table_in: Annotated[
        Path | None, typer.Option(help="Also put the table of verdicts into this Markdown file, between its marks.")
    ] = None,
) -> None:
    """Render the report again from stored outcomes, or merge those of several shards."""
    from qaml.report.markdown import insert_table
    from qaml.report.merge import merge_folders
    from qaml.report.publish import publish
    from qaml.report.terminal import table

    merged, pictures = merge_folders(outcomes or [output])
    if table_in is not None:
        insert_table(merged, table_in)
    _say(table(merged))
    _say(f"report: {publish(merged, output, pictures)}")


@app.command()
@_polite
def compare(
    first: Annotated[Path, typer.Argument(help="Folder or outcomes.json of the earlier run.")],
    second: Annotated[Path, typer.Argument(help="Of the later run.")],
    markdown: Annotated[bool, typer.Option("--markdown", help="As GitHub Markdown.")] = False,
    page: Annotated[Path | None, typer.Option("--html", help="Also write a page into this folder.")] = None,
) -> None:
    """Show which claims have another verdict or other numbers in two runs."""
    from qaml.report.compare import compare_markdown, compare_table
    from qaml.report.compare_page import write_comparison
    from qaml.report.merge import load

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
    store: StoreFolder = DEFAULT_STORE,
    profile: Annotated[str, typer.Option(help="Only runs of this profile.")] = "",
) -> None:
    """Show how every cell's value went from run to run, and which verdicts changed."""
    from qaml.report.history import history_table, recall

    runs, notes = recall(store, profile)
    for note in notes:
        _say(f"note: {note}", err=True)
    _say(history_table(runs, cell or ["*"]))


@app.command()
@_polite
def schema() -> None:
    """Print the JSON Schema of specs."""
    from qaml.spec.schema import json_schema

    _say(json.dumps(json_schema(), indent=2, ensure_ascii=False))


BaselineFile = Annotated[Path, typer.Argument(help="The JSON file; evidence per image lies beside it.")]
Seeds = Annotated[int | None, typer.Option(min=1, help="Training runs of every model, as in the run.")]


@baseline_app.command()
@_polite
def save(
    file: BaselineFile,
    specs: Specs = None,
    profile: Profile = "quick",
    store: StoreFolder = DEFAULT_STORE,
    seeds: Seeds = None,
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
    from qaml.report.gate import baseline_table

    settings: dict[str, Any] = {"tolerances": _tolerances(tolerance or []), "reserve": reserve}
    settings |= {} if sensitivity is None else {"sensitivity": sensitivity / 100}
    settings |= {} if level is None else {"level": level}
    _say(baseline_table(record.save(_selected(specs, profile, store, seeds), file, **settings)))


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
    from qaml.report.gate import baseline_table

    _say(baseline_table(read_baseline(file)[0]))


@baseline_app.command(name="update")
@_polite
def update_baseline(
    file: BaselineFile,
    specs: Specs = None,
    profile: Profile = "quick",
    store: StoreFolder = DEFAULT_STORE,
    seeds: Seeds = None,
    cell: Annotated[list[str] | None, typer.Option(help="Only cells of this pattern (default: all).")] = None,
) -> None:
    """Accept what was measured since: worse cells on purpose, better ones for good, new and vanished ones."""
    from qaml.gate import record
    from qaml.report.gate import baseline_table

    _say(baseline_table(record.update(_selected(specs, profile, store, seeds), file, cell or ["*"])))


@store_app.command()
@_polite
def size(store: StoreFolder = DEFAULT_STORE) -> None:
    """Show what the store holds."""
    from tabulate import tabulate

    from qaml.run.store import Store
    from qaml.run.usage import usage

    found = usage(Store(store))
    rows = [(u.kind, u.artefacts, f"{u.size / 2**20:.1f}") for u in found]
    rows.append(("all", sum(u.artefacts for u in found), f"{sum(u.size for u in found) / 2**20:.1f}"))
    _say(tabulate(rows, headers=["step", "artefacts", "MiB"]))


@store_app.command()
@_polite
def prune(
    specs: Specs = None,
    store: StoreFolder = DEFAULT_STORE,
    days: Annotated[float, typer.Option(min=0, help="Keep what is younger.")] = 0.0,
    everything: Annotated[bool, typer.Option("--all", help="Also what the specs still need.")] = False,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Delete nothing, and say how much it would be.")] = False,
) -> None:
    """Delete artefacts that no claim of the specs needs any more, and what dead processes left.

    Runs at work keep what they make, and build again what they miss.
    """
    from qaml.run import prune as pruning
    from qaml.run.store import Store

    keep: set[str] = set()
    for profile in () if everything else PROFILES:
        for is_strict in (False, True):
            session = _selected(specs, profile, store, is_hardware_strict=is_strict)
            keep |= set(session.plan.steps)
    start = time.perf_counter()
    done = pruning.prune(Store(store), keep=frozenset(keep), older_than=days * 86400, is_dry=is_dry)
    verb = "would delete" if is_dry else "deleted"
    _say(f"{verb} {done.artefacts} artefacts and {done.leftovers} leftovers in {time.perf_counter() - start:.1f} s")


def main() -> None:
    """Entry point of the command ``qaml``."""
    app()


if __name__ == "__main__":
    main()
