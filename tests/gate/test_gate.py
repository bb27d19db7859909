"""The gate from outside: save a baseline, run against it, make a model worse."""

from __future__ import annotations

import hashlib
import json
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from typer.testing import CliRunner, Result

from qaml.cli import app
from qaml.files.checksum import seal, unseal
from qaml.gate.baseline import read_baseline
from tests.plugin.project import Project

SPEC = """\
suite: gated
evaluation: {images: 200}
diagnostics: {enabled: false}
datasets:
  digits: {kind: digits, transforms: [{kind: subset, train: 600, test: 200}]}
models:
  linear: {kind: linear, dataset: digits, seeds: 3, training: {epochs: 6, batch: 20, lr: 1e-2}}
attacks:
  fgsm: {kind: fgsm, norm: linf, epsilon: 0.05}
claims:
  - id: linear
    statement: A linear model keeps something under FGSM.
    kind: bound
    metric: robust_accuracy
    of: {model: linear, attack: fgsm}
    at_least: 0
"""
CELLS = ["gated/linear/clean", "gated/linear/fgsm@0.05"]


def qaml(project: Project, *arguments: str) -> Result:
    with chdir(project.root):
        return CliRunner().invoke(app, arguments)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a baseline of its first run."""
    project = Project(tmp_path_factory.mktemp("gate") / "project")
    project.spec("gated", SPEC)
    early = qaml(project, "baseline", "save", "baselines/quick.json")
    assert early.exit_code == 2
    assert "nothing of these claims has been measured yet" in early.stderr
    assert project.pytest().code == 0
    saved = qaml(project, "baseline", "save", "baselines/quick.json", "--tolerance", "*/clean=0.5")
    assert saved.exit_code == 0, saved.stderr
    assert all(cell in saved.stdout for cell in CELLS)
    return project


def spec(project: Project, old: str = "", new: str = "") -> None:
    project.spec("gated", SPEC.replace(old, new) if old else SPEC)


def baseline(project: Project) -> Path:
    return project.root / "baselines/quick.json"


def test_a_run_like_the_baselines_passes_and_says_what_it_could_have_noticed(project: Project) -> None:
    spec(project)
    found = project.pytest("--qaml-baseline=baselines/quick.json")
    assert found.code == 0, found.out
    assert "= 2 unchanged" in found.out
    assert "2 cells tested at 1 % together; drops of" in found.out


def test_a_worse_model_fails_after_further_runs_have_confirmed_it(project: Project, tmp_path: Path) -> None:
    spec(project, "epochs: 6, batch: 20, lr: 1e-2", "epochs: 1, batch: 600, lr: 1e-3")
    summary = tmp_path / "summary.md"
    found = project.pytest(
        "--qaml-baseline=baselines/quick.json", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary)
    )
    assert found.code == 1
    assert found.outcomes == {"gated::linear": "passed"}  # the claim holds, the gate does not
    assert "✕ 2 worse" in found.out
    assert "the gate fails: 2 cells worse than in the baseline" in found.out
    assert "3 further training runs" in found.out
    assert "::error file=specs/gated.yaml,line=11,title=robustness regression::gated/" in found.out
    assert "## qaml gate: ✕ 2 worse" in summary.read_text()
    assert "| gated/linear/clean |" in summary.read_text()


def test_single_runs_trained_again_cannot_be_told(project: Project) -> None:
    spec(project, "seeds: 3, training: {epochs: 6", "seeds: 1, training: {epochs: 5")
    found = project.pytest("--qaml-baseline=baselines/quick.json")
    assert found.code == 0
    assert "◐ 2 not testable" in found.out
    assert "no cell could be tested" in found.out


def test_another_library_is_not_compared_and_said_once(project: Project) -> None:
    spec(project)
    content = json.loads(unseal(baseline(project).read_bytes())[0])
    older = {name: {**versions, "torch": "1.0"} for name, versions in content["libraries"].items()}
    old = project.root / "old.json"
    old.write_text(seal(json.dumps({**content, "libraries": older})))
    old.with_suffix(".npz").write_bytes(baseline(project).with_suffix(".npz").read_bytes())
    found = project.pytest("--qaml-baseline=old.json")
    assert found.code == 0
    assert "⊘ 2 not comparable" in found.out
    assert found.out.count("torch 1.0 → ") == 1
    page = (project.root / "reports/latest/index.html").read_text("utf-8")
    assert page.count("torch 1.0 → ") == 1


def test_another_attack_is_not_compared(project: Project) -> None:
    spec(project, "fgsm: {kind: fgsm", "fgsm: {kind: pgd, steps: 2")
    found = project.pytest("--qaml-baseline=baselines/quick.json")
    assert "⊘ 1 not comparable · = 1 unchanged" in found.out
    assert "not comparable: gated/linear/fgsm@0.05: other than in the baseline: the settings of the attack" in found.out


def test_too_much_sensitivity_is_an_error(project: Project) -> None:
    spec(project)
    content = json.loads(unseal(baseline(project).read_bytes())[0])
    fine = project.root / "fine.json"
    fine.write_text(seal(json.dumps({**content, "sensitivity": 0.001})))
    fine.with_suffix(".npz").write_bytes(baseline(project).with_suffix(".npz").read_bytes())
    found = project.pytest("--qaml-baseline=fine.json")
    assert found.code == 1
    said = "the baseline asks for drops of 0.1 points to be noticed"
    assert f"the gate cannot judge: {said}" in found.out
    assert project.report()["regression"]["failure"].startswith(said)
    assert said in (project.root / "reports/latest/index.html").read_text("utf-8")


def test_a_missing_baseline_is_told_before_anything_runs(project: Project) -> None:
    found = project.pytest("--qaml-baseline=nothing.json")
    assert found.code == 4
    assert "--qaml-baseline: cannot read the baseline" in found.out


def test_update_accepts_some_cells_and_keeps_the_rest(project: Project) -> None:
    spec(project, "epochs: 6", "epochs: 5")
    assert project.pytest().code == 0
    before = json.loads(baseline(project).read_text())
    copy = project.root / "copy.json"
    copy.write_bytes(baseline(project).read_bytes())
    copy.with_suffix(".npz").write_bytes(baseline(project).with_suffix(".npz").read_bytes())
    done = qaml(project, "baseline", "update", "copy.json", "--cell", "*/clean")
    assert done.exit_code == 0, done.stderr
    after = json.loads(copy.read_text())
    clean, attacked = CELLS
    assert after["cells"][clean]["weights"] != before["cells"][clean]["weights"]
    assert {**after["cells"][attacked], "evidence": ""} == {**before["cells"][attacked], "evidence": ""}
    assert after["tolerances"] == before["tolerances"] == {"*/clean": 0.005}
    wrong = qaml(project, "baseline", "update", "copy.json", "--cell", "nothing/*")
    assert wrong.exit_code == 2
    assert "no cell fits nothing/*" in wrong.stderr
    shown = qaml(project, "baseline", "show", "copy.json")
    assert "false alarms in 1 % of runs at most" in shown.stdout


def test_a_reserve_that_cannot_be_had_is_an_error(project: Project) -> None:
    spec(project)
    assert project.pytest().code == 0
    done = qaml(project, "baseline", "save", "x.json", "--reserve", "10")
    assert done.exit_code == 2
    assert "no image can be kept in reserve: no cell has fixed weights" in done.stderr


def test_a_tolerance_without_points_is_refused(project: Project) -> None:
    done = qaml(project, "baseline", "save", "x.json", "--tolerance", "clean")
    assert done.exit_code == 2
    assert "--tolerance: expected PATTERN=POINTS, got 'clean'" in done.stderr


NETWORK = """
import torch


def linear():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
"""
FIXED = """\
suite: fixed
evaluation: {{images: 100}}
diagnostics: {{enabled: false}}
datasets:
  digits: {{kind: digits, transforms: [{{kind: subset, train: 600, test: 220}}]}}
models:
  mine:
    kind: torch_module
    dataset: digits
    factory: own_network:linear
    seeds: 1
    weights: {{path: own.safetensors, sha256: {digest}}}
attacks:
  fgsm: {{kind: fgsm, norm: linf, epsilon: 0.02}}
claims:
  - id: mine
    statement: My network keeps something under FGSM.
    kind: bound
    metric: robust_accuracy
    of: {{model: mine, attack: fgsm}}
    at_least: 0
"""


def write_weights(project: Project, noise: float) -> None:
    """A least-squares classifier of digits, its weights disturbed."""
    images, labels = load_digits(return_X_y=True)
    inputs = np.hstack([images / 16, np.ones((len(images), 1))])
    solution = np.linalg.lstsq(inputs, np.eye(10)[labels], rcond=None)[0].T
    solution = solution + noise * np.random.default_rng(0).standard_normal(solution.shape)
    path = project.root / "own.safetensors"
    weights = {"1.weight": solution[:, :-1], "1.bias": solution[:, -1]}
    save_file({name: torch.tensor(value, dtype=torch.float32) for name, value in weights.items()}, path)
    project.spec("fixed", FIXED.format(digest=hashlib.sha256(path.read_bytes()).hexdigest()))


def test_a_persons_worse_weights_must_be_worse_on_images_in_reserve_too(tmp_path: Path) -> None:
    project = Project(tmp_path / "project", PYTHONPATH=str(tmp_path / "project"), QAML_TRUSTED_MODULES="own_network")
    (project.root / "own_network.py").write_text(NETWORK)
    write_weights(project, 0.0)
    assert project.pytest().code == 0
    saved = project.qaml("baseline", "save", "own.json", "--reserve", "500")
    assert saved.returncode == 0, saved.stderr
    written = json.loads((project.root / "own.json").read_text())
    assert written["reserve"] == 500
    _, evidence = read_baseline(project.root / "own.json")
    assert {cell["spare"] for cell in written["cells"].values()} == {120}
    for cell in written["cells"].values():
        seen, spare = (set(evidence[cell[name]].indices.tolist()) for name in ("evidence", "reserve"))
        assert (len(seen), len(spare), seen & spare) == (100, 120, set())  # as many as there are
    write_weights(project, 0.4)
    found = project.pytest("--qaml-baseline=own.json")
    assert found.code == 1
    assert "✕ 2 worse" in found.out
    assert "fixed/mine/clean: 120 further images" in found.out
    assert not list(project.store.glob("temporary/progress-*"))
    updated = project.qaml("baseline", "update", "own.json", "--cell", "*/clean")
    assert updated.returncode == 0, updated.stderr
    after, evidence = read_baseline(project.root / "own.json")
    assert after.reserve == 500
    assert all(len(evidence[cell.reserve or ""].indices) == 120 for cell in after.cells.values())
    assert "✕ 1 worse · = 1 unchanged" in project.pytest("--qaml-baseline=own.json").out
