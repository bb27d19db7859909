"""A worker killed in training: the next run goes on where it was, and the weights are those of a run left in peace."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.plugin.project import Project

KILLED_IN = 4
"""The epoch whose checkpoint the killed worker does not live to write."""

CONFTEST = f"""
import os
import signal
from pathlib import Path

from qaml.run.checkpoint import Checkpoints

LOG = Path(__file__).parent / "log.txt"
read, offer = Checkpoints.read, Checkpoints.offer


def reading(self):
    checkpoint = read(self)
    with LOG.open("a") as file:
        print("starts after epoch", 0 if checkpoint is None else checkpoint.epoch, file=file)
    return checkpoint


def offering(self, checkpoint):
    deadly = Path(__file__).parent / "deadly"
    if checkpoint.epoch == {KILLED_IN} and deadly.exists():
        deadly.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    offer(self, checkpoint)


Checkpoints.read, Checkpoints.offer = reading, offering
"""

MODELS = [
    "rbm",  # persistent chains
    pytest.param("resnet18", marks=pytest.mark.slow),  # Adam's moments and running statistics
]


class Watched(Project):
    """Writes down where training starts, and is killed in it once if asked."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, QAML_CHECKPOINT_SECONDS="0")
        self.spec("small")
        (root / "conftest.py").write_text(CONFTEST)

    def arm(self) -> None:
        (self.root / "deadly").touch()

    def log(self) -> list[str]:
        return (self.root / "log.txt").read_text().splitlines()


@pytest.mark.parametrize("model", MODELS)
def test_resumed_equals_uninterrupted(tmp_path: Path, measured: Project, model: str) -> None:
    killed, peaceful = Watched(tmp_path / "killed"), measured
    if f"train {model}, seed 0" not in measured.artefacts():
        peaceful = Watched(tmp_path / "peaceful")
        assert peaceful.pytest("-k", model).code == 0

    killed.arm()
    assert killed.pytest("-k", model).code == -signal.SIGKILL
    assert f"train {model}, seed 0" not in killed.artefacts()
    assert len(list(killed.store.glob("checkpoints/*/checkpoint.safetensors"))) == 1

    assert killed.pytest("-k", model).code == 0
    assert killed.log() == ["starts after epoch 0", f"starts after epoch {KILLED_IN - 1}"]
    ours, theirs = (project.artefacts()[f"train {model}, seed 0"] for project in (killed, peaceful))
    assert ours.name == theirs.name
    for file in ("weights.safetensors", "history.json"):
        assert (ours / file).read_bytes() == (theirs / file).read_bytes()
    assert list(killed.store.glob("checkpoints/*")) == []


@pytest.mark.slow
def test_another_worker_takes_over(tmp_path: Path) -> None:
    project = Watched(tmp_path / "project")
    project.arm()
    run = project.pytest("-n", "2", "-k", "linear or rbm")
    assert run.code == 1
    assert "crashed while running" in run.out
    assert sorted(run.outcomes.values()) == ["error", "passed"]
    assert f"starts after epoch {KILLED_IN - 1}" in project.log()
    assert project.pytest("-k", "linear or rbm").code == 0
