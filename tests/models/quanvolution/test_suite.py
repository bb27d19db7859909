"""The suite on the page about circuits, from its text to a verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.fences import DOCS, fences
from tests.plugin.project import Project


@pytest.mark.slow
def test_the_suite_on_the_page(tmp_path: Path) -> None:
    (suite,) = (each.text for each in fences(DOCS / "circuits.md") if each.text.startswith("suite: quanvolution"))
    assert len(suite.splitlines()) <= 40
    project = Project(tmp_path / "project")
    (project.root / "specs" / "page.yaml").write_text(suite)
    done = project.qaml("run", "-n", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "● supported" in done.stdout  # the digits of the share depend on the processor
