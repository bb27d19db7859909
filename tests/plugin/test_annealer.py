"""An RBM that an annealer trains on, from a classical one: its start, its curves and its recording."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from safetensors.numpy import load_file

from tests.plugin.project import Project

SPEC = """
suite: annealed
evaluation: {seeds: 1, images: 50}
diagnostics: {enabled: false}
datasets:
  digits: {kind: digits, transforms: [{kind: subset, train: 200, test: 50}, {kind: downscale, size: 4}]}
models:
  rbm: {kind: rbm, dataset: digits, hidden: 12, training: {epochs: 2, batch: 20, lr: 0.01}}
  qrbm:
    extends: rbm
    start_from: rbm
    training: {epochs: 2, batch: 100, lr: 1e-9}
    negative_phase: {kind: annealer, hardware: {size: 7}, reads: 20, sweeps: 10}
claims:
  - {id: q, statement: It says something., kind: bound, metric: clean_accuracy, of: {model: qrbm}, at_least: 0.0}
  - {id: r, statement: It samples., kind: bound, metric: sampling_error, of: {model: qrbm}, at_most: 1000}
"""
SMALL = """
suite: enumerated
evaluation: {seeds: 2, images: 50}
diagnostics: {enabled: false}
datasets:
  digits:
    kind: digits
    transforms:
      - {kind: select_classes, classes: ["0", "1"]}
      - {kind: subset, train: 200, test: 50}
      - {kind: downscale, size: 2}
      - {kind: binarise, threshold: 0.5}
models:
  rbm: {kind: rbm, dataset: digits, hidden: 4, training: {epochs: 2, batch: 20, lr: 0.01}}
  exact: {extends: rbm, start_from: rbm, training: {epochs: 1, batch: 50, lr: 1e-9}, negative_phase: {kind: exact}}
  cd: {extends: exact, negative_phase: {kind: cd}}
claims:
  - {id: a, statement: Exact., kind: bound, metric: gradient_angle, of: {model: exact}, at_most: 1}
  - id: b
    statement: It is off.
    kind: difference
    metric: gradient_angle
    of: {model: cd}
    over: {model: exact}
    at_least: 0
"""


def test_training_goes_on_from_another_models_weights_and_keeps_what_was_answered(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.spec("annealed", SPEC)
    result = project.pytest(QAML_CHECKPOINT_SECONDS="0")
    assert result.code == 0, result.out
    folders = {path.parent for path in project.store.glob("artefacts/*/*/weights.safetensors")}
    (annealed,) = (folder for folder in folders if (folder / "recording.npz").exists())
    (classical,) = folders - {annealed}
    weights, start = (load_file(folder / "weights.safetensors") for folder in (annealed, classical))
    assert all(np.allclose(weights[name], start[name], atol=1e-6) for name in start)
    history = json.loads((annealed / "history.json").read_text())
    assert len(history["effective beta"]) == len(history["broken chains"]) == 2
    with np.load(annealed / "recording.npz") as recording:
        assert recording["reads"].tolist() == [20] * 6  # 2 epochs of 2 batches, and 2 estimates at the end
    with np.load(annealed / "estimates.npz") as estimates:
        assert estimates["draws"].tolist() == [20, 20]
        assert estimates["samples"].shape == (40, 26)
    (chains,) = project.store.glob("artefacts/*/*/embedding.json")
    assert json.loads(chains.read_text())["n_hidden"] == 12
    (drawing,) = (project.root / "reports" / "latest" / "media").glob("*-embedding.svg")
    assert ElementTree.parse(drawing).getroot().tag.endswith("svg")
    page = (project.root / "reports/latest/claims/annealed/r.html").read_text()
    assert drawing.name in page
    assert "26 visible units (blue) and 12 hidden ones (red) on chimera 7" in page
    assert "by parallel tempering" in page


def test_small_machines_are_inspected_by_enumeration(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.spec("enumerated", SMALL)
    result = project.pytest()
    assert result.code == 0, result.out
    page = (project.root / "reports/latest/claims/enumerated/b.html").read_text()
    assert "by enumeration" in page
    assert "Kullback–Leibler" in page
