"""The project that everything is done to: three claims that touch every kind of file, run in a second or two."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

TEST = "def test_claim(claim):\n    claim.check()\n"
SPEC = """
suite: tiny
evaluation: {seeds: 1, images: 30}
diagnostics: {images: 30}
datasets:
  digits: {kind: digits, transforms: [{kind: subset, train: 100, test: 30}]}
  moons: {kind: moons, n: 100, test_share: 0.4}
models:
  linear: {kind: linear, dataset: moons, training: {epochs: 2}}
  fnn: {kind: fnn, dataset: digits, hidden: [8, 8], training: {epochs: 2}}
  rbm:
    kind: rbm
    dataset: digits
    hidden: 6
    negative_phase: {kind: pcd, sweeps: 1, chains: 4}
    training: {epochs: 4, batch: 10, lr: 1e-2}
attacks:
  pgd: {kind: pgd, epsilon: 0.05, steps: 4}
  exact: {kind: exact_l2, epsilon: 0.1}
claims:
  - id: fnn-keeps
    statement: The network keeps something.
    kind: bound
    metric: robust_accuracy
    of: {model: fnn, attack: pgd}
    at_least: 0
  - id: rbm-learns
    statement: The machine reads digits.
    kind: bound
    metric: clean_accuracy
    of: {model: rbm}
    at_least: 0
  - id: linear-exact
    statement: The linear model is exactly so robust.
    kind: bound
    metric: robust_accuracy
    of: {model: linear, attack: exact}
    at_least: 0
"""
CLAIMS = frozenset({"tiny::fnn-keeps", "tiny::rbm-learns", "tiny::linear-exact"})
UNLIKE = {"created", "seconds", "earlier", "checksum", "sha256_of_this"}
"""Of outcomes: what differs from run to run."""
OWN = {"manifest.json", "seconds"}
"""Files of an artefact that tell when it was made."""


class Artefact(NamedTuple):
    """One of the store: digests by file, and what tells a rebuilt one from the one that was there."""

    files: Mapping[str, str]
    made: int


class Project:
    """A folder with ``specs/``, ``test_claims.py``, a store and reports."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def new(cls, root: Path) -> Project:
        """A project where nothing has run."""
        (root / "specs").mkdir(parents=True)
        (root / "specs" / "tiny.yaml").write_text(SPEC)
        (root / "test_claims.py").write_text(TEST)
        (root / "pytest.ini").write_text("[pytest]\n")
        return cls(root)

    def copy(self, root: Path) -> Project:
        """The same, times included, somewhere else."""
        shutil.copytree(self.root, root, symlinks=True)
        return Project(root)

    def remove(self) -> None:
        """Delete it, with what its runs printed."""
        shutil.rmtree(self.root, ignore_errors=True)
        for beside in self.root.parent.glob(f"{self.root.name}*.out"):
            beside.unlink()

    @property
    def store(self) -> Path:
        return self.root / ".qaml" / "store"

    @property
    def report(self) -> Path:
        return self.root / "reports" / "latest"

    def spoil_report(self) -> None:
        """Delete a file of the report, so that the next run writes it although nothing else has changed."""
        (self.report / "summary.md").unlink()

    def artefacts(self) -> dict[str, Artefact]:
        """What the store holds, by key; files that tell the time are left out."""
        found = {}
        for manifest in self.store.glob("artefacts/*/*/manifest.json"):
            folder = manifest.parent
            files = {p.name: digest(p) for p in sorted(folder.iterdir()) if p.name not in OWN and p.is_file()}
            found[folder.name] = Artefact(files, manifest.stat().st_ino)
        return found

    def contents(self) -> dict[str, Mapping[str, str]]:
        """Digests of all artefacts' files."""
        return {key: artefact.files for key, artefact in self.artefacts().items()}

    def outcomes(self, folder: Path | None = None) -> dict[str, Any]:
        """``suite::id`` → what was measured and decided, or why not; nothing where there is no report.

        Raises:
            QamlError: the report is not whole.
        """
        from qaml.outcome.merge import load

        folder = folder or self.report
        if not (folder / "outcomes.json").exists():
            return {}
        load(folder)
        content = json.loads((folder / "outcomes.json").read_bytes())
        answers = [*content["outcomes"], *content["failures"]]
        return {f"{answer['suite']}::{answer['id']}": without_times(answer) for answer in answers}


def without_times(value: Any) -> Any:
    """JSON without what differs from run to run."""
    if isinstance(value, dict):
        return {name: without_times(content) for name, content in value.items() if name not in UNLIKE}
    if isinstance(value, list):
        return [without_times(content) for content in value]
    return value


def digest(path: Path) -> str:
    """Of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def settle_environment(data: Path) -> None:
    """What would make a run differ from one in a project of its own: pytest's and qaml's variables, a CI's."""
    for name in [name for name in os.environ if name == "CI" or name.startswith(("PYTEST_", "QAML_", "GITHUB"))]:
        del os.environ[name]
    os.environ |= {
        "QAML_DATA": str(data),
        "QAML_MIRROR": "http://127.0.0.1:9",
        "PYTHONDONTWRITEBYTECODE": "1",
        "COLUMNS": "200",
        "OMP_NUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "1",
    }
