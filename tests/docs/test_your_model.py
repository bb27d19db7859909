"""The how-to guide about a model of one's own, followed word by word: every kind of model is judged."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.docs.fences import DOCS, fences
from tests.plugin.project import Project, Result

pytestmark = pytest.mark.slow
PAGE = fences(DOCS / "howto" / "your-model.md")
TRAIN = """
import torch
from my_models import small
from sklearn.datasets import load_digits

digits = load_digits()
inputs, labels = torch.tensor(digits.data / 16, dtype=torch.float32)[:800], torch.tensor(digits.target)[:800]
torch.manual_seed(0)
net = small(32)
optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(60):
    optimiser.zero_grad()
    torch.nn.functional.cross_entropy(net(inputs), labels).backward()
    optimiser.step()
torch.save({"epoch": 60, "state_dict": net.state_dict()}, "small.pt")
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Result]:
    project = Project(tmp_path_factory.mktemp("own") / "project")
    (code,) = (fence.text for fence in PAGE if fence.text.startswith("# my_models.py"))
    (project.root / "my_models.py").write_text(code)
    (project.root / "train.py").write_text(TRAIN)
    path = os.pathsep.join(filter(None, [str(project.root), os.environ.get("PYTHONPATH", "")]))
    project.environment |= {"PYTHONPATH": path, "QAML_TRUSTED_MODULES": "my_models"}
    assert project.python("train.py").returncode == 0
    convert = next(fence.text for fence in PAGE if fence.text.startswith("qaml weights"))
    done = project.qaml(*convert.split()[1:])
    (digest,) = re.findall("[0-9a-f]{64}", done.stdout)
    (spec,) = (fence.text for fence in PAGE if fence.text.startswith("suite:"))
    project.spec("mine", re.sub("[0-9a-f]{64}", digest, spec))
    return project, project.pytest()


def test_every_model_is_judged(run: tuple[Project, Result]) -> None:
    models = ("converted", "forest", "nearest", "machine", "centroids")
    names = [*(f"mine::{model}-survives-transfer" for model in models), "mine::frozen-is-at-chance"]
    names += [f"mine::{model}-survives-questions" for model in ("forest", "nearest", "machine")]
    assert {name: run[1].outcome(name) for name in names} == dict.fromkeys(names, "passed"), run[1].out


def test_nothing_is_pickled(run: tuple[Project, Result]) -> None:
    project, _ = run
    files = {path.suffix for folder in project.artefacts().values() for path in Path(folder).iterdir()}
    assert not files & {".pkl", ".pickle", ".joblib", ".pt", ".npy"}
