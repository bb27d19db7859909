"""The generated pages, with the function that makes each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from reference.commands import commands_page
from reference.faults import faults_page
from reference.findings import findings_page
from reference.options import options_page
from reference.parts import parts_page

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "parts.md": parts_page,
    "findings.md": findings_page,
    "doctor.md": faults_page,
    "cli.md": commands_page,
    "pytest.md": options_page,
}


def write(folder: Path) -> None:
    """Write every generated page into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")
