"""README's table of verdicts is the one of the published outcomes."""

from pathlib import Path

from qaml.report.markdown import BEGIN, END, verdict_table
from qaml.report.merge import load

ROOT = Path(__file__).parent.parent


def test_the_table_of_verdicts_is_generated_from_what_was_published() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = text.partition(BEGIN)[2].partition(END)[0].strip()
    assert shown == verdict_table(load(ROOT / "reports" / "published" / "kehoe2021"))
