"""The options of a run: one table of names, defaults and help texts for every edge."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from qaml.vocab import ProfileName


class Option(NamedTuple):
    """An option that takes a value.

    Attributes:
        default: default value in its typed form; empty without one.
        words: help text.
    """

    default: str
    words: str


OPTIONS = {
    "profile": Option("quick", "scale of the claims: quick, standard or paper"),
    "spec": Option(
        "specs", "a file or a folder of specs, or a shipped suite (may be given several times; ini: one a line)"
    ),
    "claim": Option("", "only claims of this id or pattern, such as kehoe2021::rbm-* (may be given several times)"),
    "store": Option(".qaml/store", "folder of trained models, attacks and outcomes"),
    "report": Option("reports/latest", "folder of the report"),
    "seeds": Option("", "training runs of every model (default: what the suites say)"),
    "device": Option("cpu", "cpu or cuda"),
    "baseline": Option("", "a file of 'qaml baseline save': cells that are worse than there fail the run"),
}
"""Name → option; ``--qaml-NAME`` in pytest, ``qaml_NAME`` in its ini file."""
REPEATED = ("spec", "claim")
"""Options that may be given several times."""
FLAGS = {
    "refresh": "compute everything again, also results in the store",
    "strict": "an inconclusive claim fails",
    "strict-hardware": "what another processor computed counts as absent: results agree to about seven digits",
}
"""Name → help of an option without a value."""


class Options(NamedTuple):
    """The options chosen at the command line or in the ini file.

    Attributes:
        specs: files or folders of specs.
        profile: name of the profile.
        store: folder of artefacts.
        report: folder of the report.
        seeds: number of training runs of every model (default: as in the suites).
        more_images: number of test images beyond those that the suites use.
        is_fresh: artefacts of other sessions count as absent.
        is_strict: whether an inconclusive claim fails.
        device: ``cpu`` or ``cuda``.
        is_hardware_strict: whether results of another processor are other results.
        run_id: id shared by all workers of a session; generated where it is empty.
        replay: arguments with which ``qaml run`` repeats the run.
    """

    specs: tuple[Path, ...]
    profile: ProfileName
    store: Path
    report: Path
    seeds: int | None = None
    more_images: int = 0
    is_fresh: bool = False
    is_strict: bool = False
    device: str = "cpu"
    is_hardware_strict: bool = False
    run_id: str = ""
    replay: tuple[str, ...] = ()
