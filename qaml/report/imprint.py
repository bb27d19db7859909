"""The imprint of a report: digests of the outcomes that it shows and of the code that has drawn them.

It is kept with a digest of the report's files in the list of them (``qaml.outcome.belongings``), so that a run whose
report is in the folder already writes nothing. No time of a file and no name of an option counts.
"""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

import qaml
from qaml.files.write import store_errors
from qaml.outcome import belongings
from qaml.outcome.folder import tidy
from qaml.outcome.outcome import Outcomes

_BASELINE = "baseline"
_LIBRARIES = ("jinja2", "markupsafe", "pydantic", "pydantic-core")
"""Distributions by which the text of pages and of ``outcomes.json`` is written."""

_SOURCES = (".py", ".html", ".css", ".js")


def imprint(outcomes: Outcomes) -> dict[str, str]:
    """Digests of everything that a report's files are made from, except when the run was and how long it took."""
    shown = outcomes.model_copy(update={"created": "", "seconds": 0.0, "regression": None})
    regression = outcomes.regression.model_dump_json() if outcomes.regression is not None else ""
    return {"outcomes": _digest(shown.model_dump_json()), _BASELINE: _digest(regression), "code": _code()}


def is_printed(outcomes: Outcomes, folder: Path, *, but_baseline: bool = False) -> bool:
    """Whether a folder holds the report of these outcomes, whole and as today's code would write it, of any time.

    What a killed run has left beside it is deleted, as by a run that writes.

    Args:
        outcomes: outcomes of a run.
        folder: the report's folder.
        but_baseline: whether the report's comparison with a baseline may be another one.
    """
    final = Path(os.path.realpath(folder))
    tidy(final)
    found = belongings.imprint(final)
    if not found:
        return False
    wanted = imprint(outcomes)
    if but_baseline:
        found[_BASELINE] = wanted[_BASELINE]
    return found == wanted


@cache
def _code() -> str:
    """A digest of qaml's files, templates included, and of the libraries' versions."""
    package = Path(qaml.__file__).parent
    lines = [f"{name} {version(name)}" for name in _LIBRARIES] + [f"python {sys.version}"]
    with store_errors("read", package):
        names = [name for name in belongings.walk(package) if name.endswith(_SOURCES) and "/." not in name]
        lines += [f"{name} {hashlib.sha256((package / name).read_bytes()).hexdigest()}" for name in names]
    return _digest("\n".join(lines))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
