"""Publishes a report: writes everything that its folder holds in one call."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from qaml.errors import StoreError
from qaml.files.regular import read_regular
from qaml.outcome.belongings import MOST_MEDIUM, is_inside
from qaml.outcome.folder import built
from qaml.outcome.merge import media_names, save
from qaml.outcome.outcome import Outcomes
from qaml.report.imprint import imprint_of
from qaml.report.pages.html import write_report
from qaml.report.pages.shares import helped
from qaml.report.text.markdown import summary

SUMMARY = "summary.md"


def publish(outcomes: Outcomes, folder: Path, pictures: Mapping[str, Path] = MappingProxyType({})) -> Path:
    """Make a folder the complete report of these outcomes: outcomes, pictures, summary and pages.

    Args:
        outcomes: outcomes of at least one claim.
        folder: folder of the report, which is replaced in one step; files in it that qaml has not written stay.
        pictures: path in the report → the file that it is copied from; other pictures are already in the folder.

    Returns:
        The path of ``index.html``.

    Raises:
        StoreError: the folder cannot be written, or a picture is missing; then the folder is unchanged.
    """
    with built(folder, imprint_of) as stage, helped(outcomes, stage) as helpers:
        digests = {medium.path: medium.sha256 for medium in outcomes.media}
        for name in media_names(outcomes):
            places = dict.fromkeys((pictures.get(name, folder / name), folder / name))
            content = _picture(name, places, digests.get(name))
            (stage / name).parent.mkdir(parents=True, exist_ok=True)
            (stage / name).write_bytes(content)
        save(outcomes, stage)
        (stage / SUMMARY).write_text(summary(outcomes), encoding="utf-8", errors="replace")
        write_report(outcomes, stage, helpers)
    return folder / "index.html"


def _picture(name: str, places: Iterable[Path], digest: str | None) -> bytes:
    """The content of the first file that exists and has the digest."""
    if not is_inside(name):
        raise StoreError(f"the medium {name!r} is not inside the report's folder", "run the claims again")
    why = ""
    for path in places:
        try:
            content = read_regular(path, MOST_MEDIUM)
        except (OSError, ValueError) as error:
            why = why or f"cannot be read: {error}"
        else:
            if digest in (None, hashlib.sha256(content).hexdigest()):
                return content
            why = why or "is not what it was"
    raise StoreError(f"the medium {name} {why}", "run the claims again")
