"""A report of 2,000 claims: seconds to render, size of the overview, and its first paint where a Chromium is found.

The claims are those of the published reports, with their curves and images, repeated under other names.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from qaml.judge.outcome import Outcome, Outcomes, SuiteInfo
from qaml.report.html import write_report

PUBLISHED = Path(__file__).parents[2] / "reports" / "published"
N_CLAIMS = 2000
MOST_SECONDS, MOST_MEGABYTES, MOST_PAINT = 20.0, 2.0, 1.0
OPENINGS = 5


def many() -> Outcomes:
    """The published claims, repeated until there are enough of them."""
    claims: list[Outcome] = []
    suites: list[SuiteInfo] = []
    copy = 0
    while len(claims) < N_CLAIMS:
        for folder in sorted(PUBLISHED.iterdir()):
            report = renamed(folder, copy)
            suites += report.suites
            claims += report.outcomes
        copy += 1
    return report.model_copy(update={"suites": tuple(suites), "outcomes": tuple(claims[:N_CLAIMS])})


def renamed(folder: Path, copy: int) -> Outcomes:
    """A report whose suite and models have other names, so that no drawing of another copy serves for it."""
    text = (folder / "outcomes.json").read_text("utf-8")
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


def at_most(name: str, value: float, unit: str, bar: float) -> dict[str, Any]:
    row = {"name": f"report of {N_CLAIMS:,} claims, {name}", "value": value, "unit": unit, "peer": "—"}
    return row | {"ratio": None, "bar": bar, "holds": value <= bar}


def rows() -> list[dict[str, Any]]:
    """Render it once; open its overview a few times."""
    outcomes = many()
    with TemporaryDirectory() as name:
        folder = Path(name)
        for report in PUBLISHED.iterdir():
            shutil.copytree(report / "media", folder / "media", dirs_exist_ok=True)
        start = time.perf_counter()
        index = write_report(outcomes, folder)
        seconds = time.perf_counter() - start
        found = [
            at_most("rendered", seconds, "s", MOST_SECONDS),
            at_most("overview", index.stat().st_size / 1e6, "MB", MOST_MEGABYTES),
        ]
        paint = first_paint(index)
    if paint is None:
        print("no Chromium: first paint is not measured", file=sys.stderr)
        return found
    return [*found, at_most("first paint of the overview", paint, "s", MOST_PAINT)]


if __name__ == "__main__":
    for row in rows():
        print(f"{row['name']}: {row['value']:.3g} {row['unit']}, at most {row['bar']:g}")
