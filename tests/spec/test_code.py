"""``qaml validate`` finds the code that a spec names, and imports none that is not trusted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qaml.cli import app

SPEC = """\
suite: own
datasets:
  digits: {kind: digits}
models:
  theirs: {kind: torch_module, dataset: digits, factory: "found_networks:Netwrok"}
  again: {extends: theirs, arguments: {}}
  derived: {derive: {from: theirs}}
  fine: {kind: torch_module, dataset: digits, factory: "found_networks:Network"}
  linear: {kind: linear, dataset: digits}
claims:
  - id: good
    statement: It is good.
    kind: bound
    metric: clean_accuracy
    of: {model: linear}
    at_least: 0.5
"""
MODULES = {
    "found_networks": "class Network: pass\nprint('imported')\n",
    "leaving_networks": "import sys\nsys.exit(0)\n",
    "ending_networks": "import os\nos._exit(0)\n",
    "broken_networks": "import module_that_is_nowhere\n",
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def validate(project: Path, module: str = "found_networks", attribute: str = "Netwrok") -> tuple[int, str]:
    text = SPEC.replace("found_networks:Netwrok", f"{module}:{attribute}")
    (project / "own.yaml").write_text(text)
    result = CliRunner().invoke(app, ["validate", "own.yaml"])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    for name in MODULES:
        sys.modules.pop(name, None)
    return result.exit_code, result.output


def test_a_misspelt_factory_is_found_at_its_place_once(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QAML_TRUSTED_MODULES", "found_networks")
    code, output = validate(project)
    assert code == 2
    assert output.count("own.yaml") == 1
    assert (
        "own.yaml:5:58: models.theirs.factory: the Python module 'found_networks' has no 'Netwrok'\n"
        '     5 |   theirs: {kind: torch_module, dataset: digits, factory: "found_networks:Netwrok"}\n'
        "  hint: did you mean 'Network'?\n"
    ) in output


def test_code_that_is_found_is_not_called(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QAML_TRUSTED_MODULES", "found_networks")
    code, output = validate(project, attribute="Network")
    assert code == 0, output
    assert "own.yaml: 1 claim at paper" in output


@pytest.mark.parametrize(
    ("module", "trusted", "said"),
    [
        ("found_networks", "", "which is not trusted\n"),
        ("fuond_networks", "found_networks", "hint: did you mean 'found_networks', which is? if you trust it"),
        ("fuond_networks", "fuond_networks", "there is no Python module 'fuond_networks'"),
        ("fuond_networks", "fuond_networks", "hint: did you mean 'found_networks'? it must be importable"),
        ("broken_networks", "broken_networks", "fails: ModuleNotFoundError: No module named 'module_that_is_nowhere'"),
        ("leaving_networks", "leaving_networks", "the code of 'torch_module' fails: SystemExit: 0"),
        ("ending_networks", "ending_networks", "the code of 'torch_module' fails: it called os._exit(0)"),
    ],
)
def test_code_that_cannot_be_had(
    project: Path, monkeypatch: pytest.MonkeyPatch, module: str, trusted: str, said: str
) -> None:
    monkeypatch.setenv("QAML_TRUSTED_MODULES", trusted)
    code, output = validate(project, module)
    assert code == 2
    assert said in output
    assert "imported" not in output or "found_networks" in trusted
