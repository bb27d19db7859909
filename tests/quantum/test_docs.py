"""What docs/quantum.md shows is what happens."""

from __future__ import annotations

import re

import pytest

from tests.spec.cases import ROOT

BLOCKS = re.findall(
    r"^```(\w*)\n(.*?)^```", (ROOT / "docs" / "quantum.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
)


def test_the_example_runs_and_prints_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    (language, example), (_, shown) = BLOCKS
    assert language == "python"
    exec(compile(example, "docs/quantum.md", "exec"), {})
    printed = capsys.readouterr().out
    assert [line.rstrip() for line in printed.splitlines()] == [line.rstrip() for line in shown.splitlines()]
