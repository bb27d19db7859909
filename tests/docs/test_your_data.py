"""The how-to guide about data of one's own, followed word by word: what it shows is what is printed and judged."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.docs.fences import DOCS, fences
from tests.plugin.project import Project

PAGE = fences(DOCS / "howto" / "your-data.md")
OF_A_PACKAGE = ("qaml_example/spirals.py", "pyproject.toml", "test_spirals.py")
"""Files that test_howto.py holds against the example package."""


@pytest.mark.slow
def test_from_an_empty_folder_to_verdicts(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    printed = shown = ""
    for fence in PAGE:
        first, _, rest = fence.text.partition("\n")
        if fence.language == "sh":
            program, *arguments = shlex.split(fence.text)
            done = (project.python if program == "python" else project.qaml)(*arguments)
            printed += done.stdout + done.stderr
            assert program != "python" or done.returncode == 0, printed
        elif fence.language == "text":
            shown += fence.text
        elif first.removeprefix("# ") not in OF_A_PACKAGE:
            (project.root / first.removeprefix("# ")).write_text(rest, "utf-8")
    assert comparable(shown) == [line for line in comparable(printed) if not line.startswith(("bringing up", "..."))]


def test_a_spec_is_short() -> None:
    specs = [fence.text for fence in PAGE if fence.language == "yaml"]
    assert len(specs) == 4
    assert max(len(text.splitlines()) - 1 for text in specs) <= 30


def comparable(text: str) -> list[str]:
    """Lines without measured numbers, times, and the width of lines and columns."""
    text = re.sub(r"\d+\.\d+(?= %)|(?<=\[)\d+\.\d+, \d+\.\d+(?=\])|(?<=passed in ).*", "#", text)
    text = re.sub(r"([=_-])\1{2,}", r"\1", text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]
