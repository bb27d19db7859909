"""Reports of 2,000 and 5,000 claims: seconds to write on the cores that there are, size of the overview, and its first
paint where a Chromium is found.

The claims are those of the published reports, with their curves and images, repeated under other names.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from qaml.files.checksum import unseal
from qaml.outcome.belongings import OUTCOMES
from qaml.outcome.outcome import Outcome, Outcomes, SuiteInfo
from qaml.report.pages.packed import opened
from qaml.report.pages.publish import publish

PUBLISHED = Path(__file__).parents[2] / "reports" / "published"
SIZES = {2000: (16.0, 2.0), 5000: (40.0, 4.0)}
"""Claims → most seconds and megabytes."""
MOST_PAINT = 1.0
OPENINGS = 5


def many(n_claims: int, reports: Sequence[Path]) -> Outcomes:
    """The claims of reports, repeated until there are enough of them."""
    claims: list[Outcome] = []
    suites: list[SuiteInfo] = []
    copy = 0
    while len(claims) < n_claims:
        for folder in reports:
            report = renamed(folder, copy)
            suites += report.suites
            claims += report.outcomes
        copy += 1
    return report.model_copy(update={"suites": tuple(suites), "outcomes": tuple(claims[:n_claims])})


def renamed(folder: Path, copy: int) -> Outcomes:
    """A report whose suite and models have other names, so that no drawing of another copy serves for it."""
    text = unseal((folder / OUTCOMES).read_bytes())[0].decode()
    text = re.sub(r'("suite": ?"[^"]+)', rf"\1-{copy}", text)
    text = re.sub(r'("model": ?"[^"]+)', rf"\1-{copy}", text)
    report = Outcomes.model_validate_json(text)
    named = (info.model_copy(update={"name": f"{info.name}-{copy}"}) for info in report.suites)
    return report.model_copy(update={"suites": tuple(named)})


def first_paint(index: Path) -> float | None:
    """Seconds from navigation to the first contentful paint, the median of a few openings; None without Chromium."""
    program = shutil.which("chromium")
    if program is None:
        return None
    from playwright.sync_api import sync_playwright

    found: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for _ in range(OPENINGS):
            page = browser.new_page()
            page.goto(index.as_uri())
            page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
            milliseconds: float = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            found.append(milliseconds / 1000)
            page.close()
        browser.close()
    return sorted(found)[len(found) // 2]


def at_most(n_claims: int, name: str, value: float, unit: str, bar: float) -> dict[str, Any]:
    row = {"name": f"report of {n_claims:,} claims, {name}", "value": value, "unit": unit, "peer": "—"}
    return row | {"ratio": None, "bar": bar, "holds": value <= bar}


def rows() -> list[dict[str, Any]]:
    """Write a report of each size; open its overview a few times."""
    with opened(sorted(PUBLISHED.iterdir())) as reports:
        return [row for n_claims in SIZES for row in _rows(n_claims, reports)]


def _rows(n_claims: int, reports: Sequence[Path]) -> list[dict[str, Any]]:
    most_seconds, most_megabytes = SIZES[n_claims]
    pictures = {f"media/{file.name}": file for report in reports for file in (report / "media").iterdir()}
    outcomes = many(n_claims, reports)
    with TemporaryDirectory() as name:
        start = time.perf_counter()
        index = publish(outcomes, Path(name) / "report", pictures)
        seconds = time.perf_counter() - start
        found = [
            at_most(n_claims, "written", seconds, "s", most_seconds),
            at_most(n_claims, "overview", index.stat().st_size / 1e6, "MB", most_megabytes),
        ]
        paint = first_paint(index)
    if paint is None:
        print("no Chromium: first paint is not measured", file=sys.stderr)
        return found
    return [*found, at_most(n_claims, "first paint of the overview", paint, "s", MOST_PAINT)]


if __name__ == "__main__":
    for row in rows():
        print(f"{row['name']}: {row['value']:.3g} {row['unit']}, at most {row['bar']:g}")
