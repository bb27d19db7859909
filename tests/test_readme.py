"""README's table of verdicts is the one of the published outcomes."""

from pathlib import Path

import pytest

from docs.conf import _lead_to_reports
from qaml.outcome.merge import load
from qaml.report.text.markdown import BEGIN, END, suite_table

ROOT = Path(__file__).parent.parent
PUBLISHED = sorted(path.parent for path in (ROOT / "reports" / "published").glob("*/outcomes.json.xz"))


def test_the_table_of_verdicts_is_generated_from_what_was_published() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = text.partition(BEGIN)[2].partition(END)[0].strip().splitlines()
    tables = [suite_table(load(folder)).splitlines() for folder in PUBLISHED]
    assert shown == [*tables[0][:2], *(row for table in tables for row in table[2:])]


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_every_published_report_is_linked(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for folder in PUBLISHED:
        assert f"reports/published/{folder.name}/summary.md)" in text


def test_the_sites_first_page_leads_to_the_reports_pages() -> None:
    source = [(ROOT / "docs/index.md").read_text(encoding="utf-8")]
    _lead_to_reports(None, "index", source)
    for folder in PUBLISHED:
        assert f'<a href="reports/{folder.name}/index.html">' in source[0]
    assert "summary.md" not in source[0]


def test_published_reports_are_packed() -> None:
    files = [path for path in (ROOT / "reports" / "published").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".xz", ".json", ".md", ".csv", ".png", ".svg"}
    assert sum(path.stat().st_size for path in files) <= 8 << 20
