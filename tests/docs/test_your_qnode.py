"""The how-to guide about a circuit of PennyLane, followed word by word: its claims are judged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.docs.fences import DOCS, fences
from tests.plugin.project import Project

PAGE = fences(DOCS / "howto" / "your-qnode.md")


@pytest.mark.slow
def test_the_circuit_is_judged(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    code, spec = (
        next(fence.text for fence in PAGE if fence.text.startswith(start)) for start in ("# my_circuits.py", "suite:")
    )
    (project.root / "my_circuits.py").write_text(code)
    path = os.pathsep.join(filter(None, [str(project.root), os.environ.get("PYTHONPATH", "")]))
    project.environment |= {"PYTHONPATH": path, "QAML_TRUSTED_MODULES": "my_circuits"}
    project.spec("circuits", spec)
    result = project.pytest()
    for claim in ("the-circuit-learns", "the-circuit-breaks"):
        assert result.outcome(f"circuits::{claim}") == "passed", result.out
