"""What judging costs: the harness against a bare script, its diagnostics, and the waits of everyday use.

The job is a ConvNet on scikit-learn's digits and PGD-40 on 500 test images at eight budgets, on one thread, a minute or
more. A bare script of torch and foolbox (``_bare_script.py``) does the same work, with the weights frozen during the
attack as the harness has them. Harness and script are whole processes, imports included, and take turns; the harness
starts with an empty store each time and writes its report.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
EPOCHS, STEPS, EPSILONS = 220, 40, (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
TURNS = 2
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
JUDGED = (0, 1)
"""Exit codes of pytest: all claims as expected, or some not; both took their time."""

SPEC = f"""\
suite: job
title: What a job costs
source: {{citation: none}}
datasets: {{digits: {{kind: digits, test: 500}}}}
models:
  cnn:
    kind: convnet
    dataset: digits
    seeds: 1
    training: {{optimiser: adam, lr: 1e-3, epochs: {EPOCHS}, batch: 64}}
attacks: {{pgd: {{kind: pgd, norm: linf, epsilon: {list(EPSILONS)}, steps: {STEPS}}}}}
diagnostics: {{enabled: DIAGNOSTICS}}
claims:
  - {{id: learns, statement: It learns., kind: bound, metric: clean_accuracy, of: {{model: cnn}}, at_least: 0.9}}
  - id: breaks
    statement: It is not robust.
    kind: bound
    metric: robust_accuracy
    of: {{model: cnn, attack: pgd}}
    at_most: 0.5
"""


class Cost(NamedTuple):
    """Seconds of a process and its children: by the clock, and of processors."""

    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.wall:.1f} s ({self.processor:.1f} s of processor)"


def run(
    arguments: Sequence[str | Path], accepted: Sequence[int] = (0,), settings: Mapping[str, str] | None = None
) -> Cost:
    """Time ``python arguments…`` at the repository's root; any other exit code than the accepted ones is an error."""
    start, before = time.perf_counter(), os.times()
    command = [sys.executable, *map(str, arguments)]
    environment = {**os.environ, **dict.fromkeys(THREADS, "1"), **(settings or {})}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - start, os.times()
    if done.returncode not in accepted:
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(wall, processor)


def mean(costs: Sequence[Cost]) -> Cost:
    return Cost(*(sum(parts) / len(costs) for parts in zip(*costs, strict=True)))


def claims(folder: Path, *arguments: str | Path) -> list[str | Path]:
    """Run claims with store and report in this folder."""
    return ["-m", "pytest", *arguments, "-q", "--qaml-store", folder / "store", "--qaml-report", folder / "report"]


def bare() -> Cost:
    return run([HERE / "_bare_script.py", str(EPOCHS), str(STEPS), *map(str, EPSILONS)])


def judged(*, with_diagnostics: bool) -> Cost:
    """The same work as two claims that hold, from an empty store."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        spec = folder / "job.yaml"
        spec.write_text(SPEC.replace("DIAGNOSTICS", str(with_diagnostics).lower()), encoding="utf-8")
        return run(claims(folder, "benchmarks/test_claims.py", "-n", "0", "--qaml-spec", spec))


def job_rows() -> list[dict[str, Any]]:
    turns = [(bare(), judged(with_diagnostics=False), judged(with_diagnostics=True)) for _ in range(TURNS)]
    script, without, diagnosed = (mean(costs) for costs in zip(*turns, strict=True))
    name = f"harness, {EPOCHS} epochs and PGD-{STEPS} at {len(EPSILONS)} budgets"
    return [
        at_most(f"{name}, diagnostics off", without, 1.10, f"bare torch and foolbox: {script}", script),
        at_most(f"{name}, diagnostics on", diagnosed, 1.50, f"diagnostics off: {without}", without),
    ]


def waiting_rows() -> list[dict[str, Any]]:
    """What a person waits for: collecting, a first ``make bench``, and a second one."""
    collect = [run(["-m", "pytest", "--collect-only", "-q", "benchmarks/"]) for _ in range(5)]
    with TemporaryDirectory() as name:
        everything = claims(Path(name), "benchmarks/", "-n", "auto")
        # as after installation: nothing compiled yet
        compiled = {"NUMBA_CACHE_DIR": str(Path(name) / "compiled")}
        cold = run(everything, JUDGED, compiled)
        warm = run(everything, JUDGED, compiled)
    return [
        at_most("collect every claim", Cost(*map(median, zip(*collect, strict=True))), 1.5),
        at_most("every claim, quick profile, empty store", cold, 120),
        at_most("every claim, quick profile, nothing changed", warm, 12),
    ]


def at_most(name: str, cost: Cost, bar: float, peer: str = "—", reference: Cost | None = None) -> dict[str, Any]:
    """A row whose ratio to the reference, or else whose seconds, may not exceed the bar."""
    ratio = cost.wall / reference.wall if reference is not None else None
    holds = (cost.wall if ratio is None else ratio) <= bar
    row = {"name": name, "value": cost.wall, "unit": "s", "peer": peer, "ratio": ratio, "bar": bar, "holds": holds}
    print(f"{name}: {cost}, {peer}, bar {bar:g}", file=sys.stderr, flush=True)
    return row


def rows() -> list[dict[str, Any]]:
    """Measure the waits, then the job in turns."""
    return [*waiting_rows(), *job_rows()]


if __name__ == "__main__":
    for row in rows():
        print(row)
