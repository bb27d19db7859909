"""What qaml imports is what it declares; a package that one feature needs is imported where that feature is used."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NOT_IMPORTED = {"pytest-xdist"}
"""What is declared for what it does to pytest."""
COLLECTIONS = {"dwave-ocean-sdk"}
"""Distributions without code, which stand for those that they require."""
EXTRAS = {"polars": "parquet"}
"""Package that is imported only where the extra that requires it is installed → that extra."""
FEATURES = {
    "pyautoattack": {"qaml.attacks.autoattack.ensemble"},
    "pennylane": {
        *("qaml.quantum.reference", "qaml.quantum.sampled", "qaml.quantum.readout"),
        *("qaml.run.counting", "qaml.run.steps.measure", "qaml.run.steps.ask"),
        *("qaml.models.qnode.network", "qaml.models.qnode.trial"),
    },
    "PIL": {"qaml.data.celeba.images", "qaml.data.images.pictures", "qaml.run.steps.picture"},
    "rich": {"qaml.data.download"},
    "dimod": {"qaml.run.steps.embed", "qaml.samplers.annealer"},
    "dwave": {"qaml.run.steps.embed", "qaml.samplers.annealer"},
    "minorminer": {"qaml.run.steps.embed", "qaml.samplers.annealer"},
    "networkx": {"qaml.run.steps.embed", "qaml.samplers.annealer"},
    "sklearn": {"qaml.models.estimator.network", "qaml.models.kernel_svm.network"},
    "polars": set(),
}
"""Package that one feature needs → modules (and what is below them) that may need it to be imported."""

BLOCKED = """
import importlib, pkgutil, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1:]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
import qaml
for module in pkgutil.walk_packages(qaml.__path__, "qaml."):
    try:
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        print(module.name, error.name.partition(".")[0])
"""


def name_of(requirement: str) -> str:
    return normal(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])


def normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


DECLARED = {name_of(text) for text in PROJECT["dependencies"]}


@cache
def imported() -> dict[str, Path]:
    """Top-level packages of others → a file of qaml that imports them."""
    found: dict[str, Path] = {}
    for path in sorted((ROOT / "qaml").rglob("*.py")):
        for name in _tops(ast.parse(path.read_text(encoding="utf-8"))):
            if name != "qaml" and name not in sys.stdlib_module_names:
                found.setdefault(name, path.relative_to(ROOT))
    return found


def _tops(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@cache
def _installed() -> Mapping[str, list[str]]:
    return packages_distributions()


def owners(package: str) -> set[str]:
    """The distributions that hold files of it, and what stands for them."""
    found = {normal(name) for name in _installed().get(package, [])}
    return found | {each for each in COLLECTIONS if found & {name_of(text) for text in requires(each) or []}}


def test_what_is_imported_is_declared() -> None:
    needed = {name: path for name, path in imported().items() if name not in EXTRAS}
    assert {name: path for name, path in needed.items() if not owners(name) & DECLARED} == {}
    for package, extra in EXTRAS.items():
        assert package in imported()
        assert package in map(name_of, PROJECT["optional-dependencies"][extra])


def test_what_is_declared_is_imported() -> None:
    used = set().union(*(owners(name) for name in imported() if name not in EXTRAS))
    assert DECLARED - used == NOT_IMPORTED


def test_what_is_declared_is_pinned() -> None:
    optional = {name_of(text) for extra in PROJECT["optional-dependencies"].values() for text in extra}
    pinned = {name_of(line) for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()}
    assert (DECLARED | optional) - pinned == set()


@pytest.mark.slow
def test_what_one_feature_needs_is_imported_there_alone() -> None:
    done = subprocess.run([sys.executable, "-c", BLOCKED, *FEATURES], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    needed = [line.split() for line in done.stdout.splitlines()]
    assert {package for _, package in needed} >= {"pyautoattack", "pennylane", "networkx"}
    for module, package in needed:
        assert any(f"{module}.".startswith(f"{place}.") for place in FEATURES[package]), (module, package)
