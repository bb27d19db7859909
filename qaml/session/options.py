"""The options of a run: their names, their defaults and their words stand in one table for every edge."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from qaml.vocab import ProfileName


class Option(NamedTuple):
    """An option that takes a value.

    Attributes:
        default: as typed; empty where there is none.
        words: its help.
    """

    default: str
    words: str


OPTIONS = {
    "profile": Option("quick", "scale of the claims: quick, standard or paper"),
    "spec": Option("specs", "a spec file or a folder of specs (may be given several times; ini: one a line)"),
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
    """What a person chose, at the command line or in the ini file.

    Attributes:
        specs: files or folders of specs.
        profile: the scale.
        store: folder of artefacts.
        report: folder of the report.
        seeds: training runs of every model, or what the suites say.
        more_images: test images beyond those that the suites ask for.
        is_fresh: artefacts of other sessions count as absent.
        is_strict: whether an inconclusive claim fails.
        device: ``cpu`` or ``cuda``.
        is_hardware_strict: whether results of another processor are other results.
        run_id: shared by all workers of a session; made up where it is empty.
        retold: what of it ``qaml run`` must be told to do the same.
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
    retold: tuple[str, ...] = ()
