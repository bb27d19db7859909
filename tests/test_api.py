"""The same from Python: load, run, judge."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import qaml
from qaml.api import Results
from qaml.errors import QamlError, SpecError
from tests.gate.test_gate import SPEC

TWO = SPEC.replace("seeds: 3", "seeds: 1") + SPEC[SPEC.index("  - id: linear") :].replace(
    "id: linear", "id: linear-is-perfect"
).replace("at_least: 0", "at_least: 1").replace("keeps something", "keeps <b>everything</b>")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("api")
    (folder / "two.yaml").write_text(TWO)
    return folder


@pytest.fixture(scope="module")
def results(folder: Path) -> Results:
    return qaml.run_suite(folder / "two.yaml", store=folder / "store", report=folder / "report")


def test_a_suite_is_loaded_with_its_profile(folder: Path) -> None:
    suite = qaml.load_suite(folder / "two.yaml")
    assert (suite.name, suite.profile, len(suite.claims)) == ("gated", "quick", 2)
    with pytest.raises(SpecError, match="cannot be read"):
        qaml.load_suite("nothing.yaml")


def test_results_are_found_by_id_and_shown_as_a_table(results: Results) -> None:
    assert [outcome.id for outcome in results] == ["linear", "linear-is-perfect"]
    assert len(results) == 2
    assert results["linear"] is results["gated::linear"]
    with pytest.raises(KeyError):
        results["nothing"]
    assert "● supported" in repr(results)
    html = results._repr_html_()
    assert "keeps &lt;b&gt;everything&lt;/b&gt;" in html
    assert "<td>✕ refuted</td>" in html
    assert results.page.is_file()


def test_outcomes_are_judged_as_pytest_would(results: Results, folder: Path) -> None:
    wanted = {"gated::linear": "passed", "gated::linear-is-perfect": "failed"}
    assert qaml.judge_outcomes(results) == qaml.judge_outcomes(folder / "report") == wanted


def test_a_selection_and_mistakes(folder: Path) -> None:
    chosen = qaml.run_suite(folder, claims=["perfect"], store=folder / "store", report=folder / "other")
    assert [outcome.id for outcome in chosen] == ["linear-is-perfect"]
    with pytest.raises(QamlError, match=r"no claim of .* has nothing in its id"):
        qaml.run_suite(folder, claims=["nothing"], store=folder / "store", report=folder / "other")
    (folder / "broken").mkdir()
    (folder / "broken/b.yaml").write_text("suite: b\nclaims: 3\n")
    with pytest.raises(QamlError, match=r"b\.yaml:2:"):
        qaml.run_suite(folder / "broken", store=folder / "store", report=folder / "other")


def test_importing_qaml_imports_nothing_else() -> None:
    code = "import sys, qaml; print([m for m in sys.modules if m.startswith('qaml.')], 'run_suite' in dir(qaml))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] True"


def test_a_device_that_is_not_there_is_an_error_before_anything_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(QamlError, match="finds no CUDA device here"):
        qaml.run_suite(folder / "two.yaml", store=folder / "none", report=folder / "none", device="cuda")
    assert not (folder / "none").exists()
