"""README's table of verdicts is the one of the published outcomes."""

from pathlib import Path

from qaml.outcome.merge import load
from qaml.report.text.markdown import BEGIN, END, suite_table

ROOT = Path(__file__).parent.parent
PUBLISHED = sorted(path.parent for path in (ROOT / "reports" / "published").glob("*/outcomes.json"))


def test_the_table_of_verdicts_is_generated_from_what_was_published() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = text.partition(BEGIN)[2].partition(END)[0].strip().splitlines()
    tables = [suite_table(load(folder)).splitlines() for folder in PUBLISHED]
    assert shown == [*tables[0][:2], *(row for table in tables for row in table[2:])]


def test_every_published_report_is_linked() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for folder in PUBLISHED:
        assert f"reports/published/{folder.name}/index.html" in text
        assert f"reports/published/{folder.name}/summary.md" in text
