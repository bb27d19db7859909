"""``qaml init``: what it writes is valid, and nothing is written over. docs/tutorial.md runs it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import qaml
from qaml.cli import app
from qaml.project.paper import Paper, paper
from qaml.spec.shipped import shipped
from qaml.vocab import PROFILES

ROOT = Path(__file__).parents[2]
FILES = ["specs/schema/suite.json", "benchmarks/test_claims.py", "pytest.ini", ".gitignore"]
FILES += [".github/workflows/claims.yml"]


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "My Claims"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def init(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["init", *arguments])


def written(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_project_is_called_like_its_folder(empty: Path) -> None:
    result = init()
    assert result.exit_code == 0, result.output
    assert written(empty) == {"specs/my-claims.yaml", *FILES}
    assert all(f"wrote {name}\n" in result.output for name in FILES)
    assert "qaml run specs/my-claims.yaml " in result.output
    assert qaml.load_suite("my-claims").title == "First claims about robustness"
    schema = json.loads((ROOT / "specs/schema/suite.json").read_text("utf-8"))
    assert json.loads((empty / "specs/schema/suite.json").read_text("utf-8")) == schema
    assert f"qaml-bench/qaml@v{qaml.__version__}\n" in (empty / ".github/workflows/claims.yml").read_text()
    for path in map(empty.joinpath, written(empty)):
        assert not re.search(r"@[a-z]+@", path.read_text("utf-8")), path


def test_nothing_is_written_over(empty: Path) -> None:
    (empty / ".gitignore").write_text("*.pdf\n.venv\n")
    (empty / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    result = init()
    assert (empty / ".gitignore").read_text() == "*.pdf\n.venv\n"
    assert "kept .gitignore as it is: it lacks .qaml/, reports/latest/, __pycache__/\n" in result.output
    assert "kept pyproject.toml as it is: settings such as qaml_profile go into" in result.output
    assert "pytest.ini" not in written(empty), "it would hide the settings in pyproject.toml"
    before = {name: (empty / name).read_bytes() for name in written(empty)}
    again = init()
    assert again.exit_code == 2
    assert again.output.startswith(
        "specs/my-claims.yaml exists already, and is never written over\n  hint: move it away"
    )
    assert {name: (empty / name).read_bytes() for name in written(empty)} == before
    assert init("--paper", "smith2024").exit_code == 0
    assert written(empty) == {*before, "specs/smith2024.yaml"}


@pytest.mark.parametrize("blocked", ["specs", ".github", "new"])
def test_a_file_where_a_folder_is_to_be(empty: Path, blocked: str) -> None:
    (empty / blocked).write_text("")
    result = init("new" if blocked == "new" else ".")
    assert result.exit_code == 2
    assert re.match(r"\S+ (is a file, and \S+ is to be in it|cannot be written: Not a directory)", result.output)


def test_a_skeleton_has_every_section_of_a_paper_and_is_valid(empty: Path) -> None:
    result = init("replay", "--paper", "arXiv:2311.12345v2")
    assert result.exit_code == 0, result.output
    path = empty / "replay/specs/arxiv-2311-12345.yaml"
    for profile in PROFILES:
        suite = qaml.load_suite(path, profile)
    assert suite.source.arxiv == "2311.12345"
    assert suite.reported
    assert suite.assumed
    assert {claim.paper_says for claim in suite.claims} >= {"supported"}
    # the claims that wait for values of the paper are valid, too
    text = path.read_text("utf-8")
    text = re.sub(r"^  # (?=- id: table1|  \w+: )", "  ", text.replace("null", "0.5"), flags=re.MULTILINE)
    path.write_text(text, "utf-8")
    assert "table1-plain-under-fgsm" in {claim.id for claim in qaml.load_suite(path, "standard").claims}


OPEN = "TODO: authors, year: title"


@pytest.mark.parametrize(
    ("identifier", "meant"),
    [
        ("2311.12345", Paper("arxiv-2311-12345", OPEN, "2311.12345")),
        ("https://arxiv.org/pdf/2311.12345v1.pdf", Paper("arxiv-2311-12345", OPEN, "2311.12345")),
        ("arXiv:quant-ph/0703001", Paper("arxiv-quant-ph-0703001", OPEN, "quant-ph/0703001")),
        ("10.48550/arXiv.2311.12345", Paper("arxiv-2311-12345", OPEN, "2311.12345")),
        ("https://doi.org/10.1088/1367-26/c7", Paper("doi-10-1088-1367-26-c7", f"{OPEN}, doi:10.1088/1367-26/c7")),
        ("smith2024", Paper("smith2024", OPEN)),
    ],
)
def test_a_paper_is_known_by_number_address_or_name(identifier: str, meant: Paper) -> None:
    assert paper(identifier) == meant


@pytest.mark.parametrize("identifier", ["west2022", "2211.12681", "arxiv.org/abs/2211.12681v3"])
def test_the_source_of_a_shipped_suite_is_taken_over(identifier: str) -> None:
    source = qaml.load_suite(shipped()["west2022"]).source
    assert paper(identifier) == Paper("west2022-own", source.citation, source.arxiv, "west2022")
    assert "this paper's claims come with qaml: 'qaml run west2022'" in init("--paper", identifier).output
    assert qaml.load_suite("west2022-own").source == source


@pytest.mark.parametrize("identifier", ["A Paper", "Smith 2024", '10.1000/a"b', "../x", "specs/x"])
def test_anything_else_is_refused(empty: Path, identifier: str) -> None:
    result = init("--paper", identifier)
    assert (result.exit_code, written(empty)) == (2, set())
    assert "such as 2012.11619, 10.1088/1367-2630/acf9c7, or smith2024" in result.output
