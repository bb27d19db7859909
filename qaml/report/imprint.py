"""The imprint of a report: digests of the outcomes that it shows and of the code that has drawn them.

It is kept with a digest of the report's files in the list of them (``qaml.outcome.belongings``), so that a run whose
report is in the folder already writes nothing. No time of a file and no name of an option counts.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

import qaml
from qaml.files.checksum import unseal
from qaml.files.write import store_errors
from qaml.outcome import belongings
from qaml.outcome.belongings import OUTCOMES
from qaml.outcome.folder import tidy
from qaml.outcome.merge import text_of
from qaml.outcome.outcome import Outcomes

_BASELINE = "baseline"
_LIBRARIES = ("jinja2", "markupsafe", "pydantic", "pydantic-core")
"""Distributions by which the text of pages and of ``outcomes.json`` is written."""

_TIMES = re.compile(rb'\n "(created|seconds)": .*')
_SUITES, _REGRESSION = b'\n "suites": ', b'\n "regression": '
"""Lines of the file of outcomes; those of its inner records are indented by more than a space."""
_SOURCES = (".py", ".html", ".css", ".js")


def imprint_of(folder: Path) -> dict[str, str]:
    """The imprint of the report in a folder whose outcomes have just been written.

    Raises:
        OSError: they cannot be read.
    """
    return _imprint(unseal((folder / OUTCOMES).read_bytes())[0])


def _imprint(text: bytes) -> dict[str, str]:
    """Digests of everything that a report's files are made from, except when the run was and how long it took."""
    head, _, rest = text.partition(_SUITES)
    shown, _, regression = rest.rpartition(_REGRESSION)
    return {"outcomes": _digest(_TIMES.sub(b"", head) + shown), _BASELINE: _digest(regression), "code": _code()}


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
    wanted = _imprint(text_of(outcomes).encode("utf-8", "replace"))
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
    return _digest("\n".join(lines).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
