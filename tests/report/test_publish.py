from __future__ import annotations

from pathlib import Path

from qaml.report.markdown import summary
from qaml.report.merge import load
from qaml.report.publish import publish
from tests.report.sample import sample, write_media


def test_a_folder_holds_outcomes_summary_and_pages(tmp_path: Path) -> None:
    write_media(tmp_path)
    outcomes = sample()
    page = publish(outcomes, tmp_path)
    assert page == tmp_path / "index.html"
    assert [o.node for o in load(tmp_path).outcomes] == [o.node for o in outcomes.outcomes]
    assert (tmp_path / "summary.md").read_text(encoding="utf-8") == summary(outcomes)
