"""Everything that a folder of a report holds, in one call."""

from __future__ import annotations

from pathlib import Path

from qaml.judge.outcome import Outcomes
from qaml.run.files import write
from qaml.report.html import write_report
from qaml.report.markdown import summary
from qaml.report.merge import save

SUMMARY = "summary.md"


def publish(outcomes: Outcomes, folder: Path) -> Path:
    """Write ``outcomes.json``, ``summary.md`` and the pages into the folder that holds the media.

    Returns:
        The path of ``index.html``.

    Raises:
        StoreError: the folder cannot be written, or a picture is missing.
    """
    save(outcomes, folder)
    write(folder / SUMMARY, summary(outcomes))
    return write_report(outcomes, folder)
