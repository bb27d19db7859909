"""Runs that somebody or something ends: what was judged is in the report, and nothing goes on in the background."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from qaml.pytest_report import _has_verdicts
from tests.plugin.project import Project, Run, wait_for, wait_until

SPEC = """
suite: ends
evaluation: {seeds: 1, images: 20}
diagnostics: {enabled: false}
datasets:
  digits: {kind: digits, transforms: [{kind: subset, train: 100, test: 40}]}
models:
  quick: {kind: linear, dataset: digits, training: {epochs: 1}}
  long: {kind: linear, dataset: digits, training: {epochs: 100000}}
  foreign: {kind: torch_module, dataset: digits, factory: "waits:Net", training: {epochs: 1}}
claims:
"""
CLAIM = """
  - id: %s
    statement: It is better than nothing.
    kind: bound
    metric: clean_accuracy
    of: {model: %s}
    at_least: 0
"""
SPEC += "".join(
    CLAIM % each for each in (("judged", "quick"), ("running", "long"), ("waiting", "long"), ("elsewhere", "foreign"))
)
WAITS = """
import os, pathlib, time, torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(64, 10)

    def forward(self, inputs):
        started = pathlib.Path("started")
        started.with_suffix(".new").write_text(f"{os.getpid()} {os.getppid()}")
        started.with_suffix(".new").rename(started)
        time.sleep(600)
"""
OWN = ("--qaml-claim", "judged", "--qaml-claim", "running", "--qaml-claim", "waiting")
FOREIGN = ("--qaml-claim", "judged", "--qaml-claim", "elsewhere")


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose first claim is judged, so that a run comes to the second at once."""
    project = Project(tmp_path_factory.mktemp("ended") / "project")
    project.spec("ends", SPEC)
    (project.root / "waits.py").write_text(WAITS)
    assert project.pytest("--qaml-claim", "judged").code == 0
    return project


class Begun(Project):
    """The project, copied; ``start`` comes back while the second claim trains."""

    def __init__(self, begun: Project, root: Path) -> None:
        shutil.copytree(begun.root, root)
        self.root = root
        self.environment = {
            "PYTHONPATH": f"{root}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
            "QAML_TRUSTED_MODULES": "waits",
            "QAML_CHECKPOINT_SECONDS": "0",
        }
        self.started: list[Run] = []

    def start(self, *arguments: str, **environment: str) -> Run:
        run = super().start(*arguments, **environment)
        self.started.append(run)
        if arguments[:4] == FOREIGN:
            wait_for(self.root / "started")
        else:
            wait_until(lambda: any(self.store.glob("checkpoints/*/*")), "training did not begin")
        return run

    def failures(self) -> dict[str, str]:
        return {failure["id"]: failure["message"] for failure in self.report()["failures"]}

    def judged(self) -> list[str]:
        return [outcome["id"] for outcome in self.report()["outcomes"]]


@pytest.fixture
def project(begun: Project, tmp_path: Path) -> Iterator[Begun]:
    project = Begun(begun, tmp_path / "project")
    yield project
    for run in project.started:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
        run.communicate()


def children(process: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def is_running(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "workers", "chosen"),
    [
        ("SIGTERM", "0", OWN),
        pytest.param("SIGINT", "0", OWN, marks=SLOW),
        pytest.param("SIGHUP", "1", FOREIGN, marks=SLOW),
    ],
)
def test_a_signal_ends_a_run_with_what_was_judged(
    project: Begun, name: str, workers: str, chosen: tuple[str, ...]
) -> None:
    run = project.start(*chosen, "-n", workers)
    processes = [run.pid, *children(run.pid)]
    if chosen == FOREIGN:
        processes += map(int, (project.root / "started").read_text().split())
    os.kill(run.pid, getattr(signal, name))
    out, _ = run.communicate(timeout=60)
    assert run.returncode == pytest.ExitCode.INTERRUPTED, out
    assert project.judged() == ["judged"]
    assert set(project.failures()) == {each for each in chosen[1::2] if each != "judged"}
    assert f"1 of {len(chosen) // 2} claims are done: run the same command again to go on" in out
    assert "Traceback" not in out
    wait_until(lambda: not any(map(is_running, processes)), f"of {processes} some live on", 30)


@SLOW
def test_ctrl_c_twice_writes_the_report_too(project: Begun) -> None:
    run = project.start(*OWN, "-n", "1")
    os.killpg(run.pid, signal.SIGINT)
    for _ in range(20):
        try:
            out, _ = run.communicate(timeout=0.2)
            break
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGINT)
    else:
        out, _ = run.communicate(timeout=60)
    assert project.judged() == ["judged"], out
    assert "1 of 3 claims are done" in out


@pytest.mark.parametrize(
    ("restarts", "expected"),
    [
        ("0", {"running": "the process that measured it ended", "waiting": "not reached: the run ended before"}),
        pytest.param("4", dict.fromkeys(("running", "waiting"), "the process that measured it ended"), marks=SLOW),
    ],
)
def test_a_claim_whose_worker_was_killed_is_a_failure(project: Begun, restarts: str, expected: dict[str, str]) -> None:
    run = project.start(*OWN, "-n", "1", "--max-worker-restart", restarts)
    for _ in range(1 if restarts == "0" else 2):
        wait_until(lambda: any(project.store.glob("checkpoints/*/*")), "training did not begin")
        (worker,) = filter(is_running, children(run.pid))
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda worker=worker: not is_running(worker), "it lives on")  # type: ignore[misc]
        shutil.rmtree(project.store / "checkpoints")
    out, _ = run.communicate(timeout=60)
    assert run.returncode != 0
    assert project.judged() == ["judged"]
    failures = project.failures()
    assert failures.keys() == expected.keys()
    for claim, message in expected.items():
        assert failures[claim].startswith(message), out
    assert "claims are done: run the same command again" in out or restarts == "4"


@SLOW
def test_a_killed_controller_leaves_nothing_behind(project: Begun) -> None:
    run = project.start(*FOREIGN, "-n", "1")
    processes = [*children(run.pid), *map(int, (project.root / "started").read_text().split())]
    os.kill(run.pid, signal.SIGKILL)
    wait_until(lambda: not any(map(is_running, processes)), f"of {processes} some live on", 60)


def test_a_run_that_judged_nothing_leaves_the_last_report_alone(project: Begun) -> None:
    before = (project.root / "reports/latest/outcomes.json").read_bytes()
    spec = project.root / "specs" / "ends.yaml"
    spec.write_text(SPEC.replace("kind: digits, transforms: [{kind: subset, train: 100, test: 40}]", "kind: mnist"))
    run = project.pytest("--qaml-claim", "judged")
    assert run.outcomes == {"ends::judged": "error"}
    assert "none of 1 claims was judged: the report in reports/latest is of an earlier run, and stays" in run.out
    assert (project.root / "reports/latest/outcomes.json").read_bytes() == before
    shutil.rmtree(project.root / "reports")
    assert project.pytest("--qaml-claim", "judged").code == 1
    assert set(project.failures()) == {"judged"}


def test_a_report_that_cannot_be_read_may_have_verdicts(tmp_path: Path) -> None:
    assert not _has_verdicts(tmp_path)
    (tmp_path / "outcomes.json").write_text("{")
    assert _has_verdicts(tmp_path)
