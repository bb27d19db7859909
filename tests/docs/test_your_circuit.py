"""The how-to guide about a circuit of one's own, followed word by word, as far as it runs something."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.docs.fences import DOCS, fences
from tests.docs.test_your_data import comparable
from tests.plugin.project import Project

PAGE = fences(DOCS / "howto" / "your-circuit.md")


@pytest.mark.slow
def test_from_arrays_to_a_verdict(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    printed = shown = ""
    for fence in PAGE:
        first, _, rest = fence.text.partition("\n")
        if fence.language == "sh":
            program, *arguments = shlex.split(fence.text)
            in_one_process = ("-n", "0") if arguments == ["run"] else ()
            done = (project.python if program == "python" else project.qaml)(*arguments, *in_one_process)
            assert done.returncode == 0, done.stdout + done.stderr
            printed += done.stdout + done.stderr
        elif fence.language == "text":
            shown += fence.text
        else:
            (project.root / first.removeprefix("# ")).write_text(rest, "utf-8")
    assert comparable(shown) == [line for line in comparable(printed) if not line.startswith(". [")]


def test_the_spec_is_short() -> None:
    (spec,) = [fence.text for fence in PAGE if fence.language == "yaml"]
    assert len(spec.splitlines()) - 1 <= 40
