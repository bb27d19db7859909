"""Beside plugins that many projects have: inert without claims, the same outcomes with them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugin.conftest import Planted
from tests.plugin.project import Project, without_times

PLUGINS = (
    "pytest-randomly==5.1.0",
    "pytest-timeout==2.4.0",
    "pytest-cov==7.1.0",
    "pytest-rerunfailures==16.7",
    "pytest-asyncio==1.5.0",
    "coverage==7.17.5",
)
USED = ("-p", "randomly", "--timeout", "200", "--cov", ".", "--reruns", "1")
TESTS = """
import asyncio, pytest, random

@pytest.mark.asyncio
async def test_async(): await asyncio.sleep(0)
def test_random(): assert random.random() >= 0
@pytest.mark.timeout(100)
def test_timeout(): pass
def test_fails(): assert False
"""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """``PYTHONPATH`` with the plugins."""
    folder = tmp_path_factory.mktemp("plugins")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), *PLUGINS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no package index: {done.stderr.strip().splitlines()[-1]}")
    return os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))


def test_a_project_without_claims_is_as_it_is_without_qaml(tmp_path: Path, path: str) -> None:
    project = Project(tmp_path / "project", is_warm=False)
    (project.root / "test_claims.py").write_text(TESTS)
    seeded = (*USED, "-p", "no:cacheprovider", "-p", "randomly", "-p", "no:xdist")
    runs = [project.pytest(*seeded, *more, PYTHONPATH=path) for more in (("-p", "no:qaml"), ())]
    assert runs[0].outcomes == runs[1].outcomes
    assert runs[0].code == runs[1].code == 1
    assert runs[1].outcome("test_fails") == "failed"
    assert not (project.root / ".qaml").exists()
    assert "claims ===" not in runs[1].out


def test_claims_come_out_the_same(planted: Planted, tmp_path: Path, path: str) -> None:
    project = Project(tmp_path / "project", is_warm=False)
    project.spec("planted")
    project.spec("broken")
    data = str(planted.root / "no-data")
    run = project.pytest(*USED, "-n", "2", PYTHONPATH=path, QAML_DATA=data)
    assert run.outcomes == planted.first.outcomes
    assert without_times(project.report()) == without_times(planted.outcomes)
    assert project.made_at().keys() == planted.made_at().keys()


def test_a_claim_that_timed_out_is_a_failure(planted: Planted, tmp_path: Path, path: str) -> None:
    project = Project(tmp_path / "project", is_warm=False)
    text = (planted.root / "specs" / "planted.yaml").read_text()
    project.spec("planted", text)
    shutil.copytree(planted.store, project.store)
    run = project.pytest(
        "--timeout", "0.001", "--timeout-method", "signal", "--qaml-claim", "planted::right", PYTHONPATH=path
    )
    assert run.code == 1
    (failure,) = project.report()["failures"]
    assert failure["id"] == "right"
    assert "Timeout" in failure["message"]
