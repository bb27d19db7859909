"""Specs that cannot be loaded: one failing test each, and the other specs still run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugin.conftest import Planted
from tests.plugin.project import SPECS, Project


def test_all_mistakes_as_a_compiler_shows_them(planted: Planted) -> None:
    text = planted.first.text("broken::spec")
    assert (
        "specs/broken.yaml:3:35: models.linear.dataset: unknown dataset 'digits'\n"
        "     3 |   linear: {kind: linear, dataset: digits}\n" in text
    )
    assert "specs/broken.yaml:7:11: claims.a.kind: unknown claim kind 'bonud'\n     7 |     kind: bonud\n" in text
    assert "hint: did you mean 'bound'?" in text


def test_the_command_line_shows_the_same_text(planted: Planted) -> None:
    done = planted.qaml("validate", "specs/broken.yaml")
    assert done.returncode == 2
    lines = done.stderr.strip()
    assert lines.startswith("specs/broken.yaml:3:35:")
    assert lines in planted.first.out


@pytest.mark.parametrize(
    ("arguments", "test", "message"),
    [
        ((), "specs::spec", "specs:1:1: no spec in this folder\n  hint: 'qaml init' begins a project; shipped suites"),
        (("-n", "2"), "specs::spec", "specs:1:1: no spec in this folder"),
        (("--qaml-spec", "notes.txt"), "notes::spec", "notes.txt:1:1: expected a mapping with 'suite' and 'claims'"),
    ],
)
def test_a_folder_or_file_without_claims_fails(
    project: Project, arguments: tuple[str, ...], test: str, message: str
) -> None:
    (project.root / "notes.txt").write_text("buy milk\n")
    run = project.pytest(*arguments)
    assert run.outcomes == {test: "failed"}
    assert message in run.text(test)
    assert run.code == 1


def test_no_spec_folder_fails(project: Project) -> None:
    (project.root / "specs").rmdir()
    run = project.pytest()
    assert run.outcomes == {"specs::spec": "failed"}
    assert "specs:1:1: no such file or folder" in run.text("specs::spec")


def test_two_suites_of_one_name(project: Project) -> None:
    text = (SPECS / "small.yaml").read_text()
    project.spec("first", text)
    project.spec("second", text)
    run = project.pytest("-k", "second")
    assert run.outcomes == {"second::spec": "failed"}
    assert "specs/second.yaml:1:1: suite: 'small' is the name of the suite in specs/first.yaml, too" in run.text(
        "second::spec"
    )


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"suite: [", b"- a\n- b\n"])
def test_any_bytes(project: Project, content: bytes) -> None:
    (project.root / "specs" / "odd.yaml").write_bytes(content)
    run = project.pytest()
    assert run.outcomes == {"odd::spec": "failed"}
    assert run.text("odd::spec").startswith("Failed: specs/odd.yaml:1:")
    assert "Traceback" not in run.out


def test_an_unreadable_spec(project: Project) -> None:
    Path(project.root / "specs" / "folder.yaml").symlink_to(project.root / "nowhere")
    project.spec("small")
    run = project.pytest("--collect-only", "-q")
    assert "small::linear" in run.out
    assert run.code == 0
