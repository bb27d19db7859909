"""Runs of hundreds and thousands of trivial claims: how processor seconds grow, fresh and with nothing to do.

A suite has a hundred claims about ten linear models, each trained for one epoch on fifty digits. A run of one
suite is measured first, and its claims and seconds are taken off before growth is fitted.
"""

from __future__ import annotations

import os
import subprocess
import sys
from math import log
from pathlib import Path
from statistics import linear_regression
from tempfile import TemporaryDirectory
from typing import Any

SIZES = (500, 1000, 2000, 4000)
LARGEST_EXPONENT = 1.1
CACHED = {2000: 10.0, 5000: 25.0}
"""Claims → seconds at most."""
SUITE, MODELS = 100, 10
SMALLEST = SUITE
JUDGED = (0, 1)
TEST = "def test_claim(claim):\n    claim.check()\n"


def write_specs(folder: Path, n_claims: int) -> None:
    """Suites of a hundred claims each."""
    folder.mkdir()
    for suite in range(n_claims // SUITE):
        lines = [f"suite: s{suite}", "evaluation: {seeds: 1, images: 20}", "diagnostics: {enabled: false}"]
        lines += ["datasets:", "  few: {kind: digits, transforms: [{kind: subset, train: 50, test: 20}]}", "models:"]
        for n in range(MODELS):
            rate = 1e-3 + 1e-5 * suite + 1e-4 * n
            lines += [
                f"  m{n}:",
                f"    {{kind: linear, dataset: few, training: {{epochs: 1, batch: 50, lr: {rate:.5f}}}}}",
            ]
        lines += ["claims:"]
        for n in range(SUITE):
            fields = "kind: bound, metric: clean_accuracy"
            decided = f"of: {{model: m{n % MODELS}}}, at_least: {n / 1000}"
            lines += [f"  - {{id: c{n}, statement: Claim {n}., {fields}, {decided}}}"]
        (folder / f"s{suite}.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def seconds(folder: Path) -> float:
    """Processor seconds of a run of every claim in this folder."""
    before = os.times()
    command = [sys.executable, "-m", "pytest", "test_claims.py", "-q", "-n", "0", "-p", "no:hypothesispytest"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in JUDGED:
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def measured(n_claims: int) -> tuple[float, float]:
    """Processor seconds of a fresh run, and of a second one."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_claims.py").write_text(TEST, encoding="utf-8")
        write_specs(folder / "specs", n_claims)
        fresh, cached = seconds(folder), seconds(folder)
    print(f"{n_claims} claims: {fresh:.1f} s fresh, {cached:.1f} s again", file=sys.stderr, flush=True)
    return fresh, cached


def exponent(found: dict[int, float], start: float) -> float:
    """The power of the number of claims with which seconds grow, both beyond those of the smallest run."""
    points = {log(n - SMALLEST): log(taken - start) for n, taken in found.items()}
    return linear_regression(list(points), list(points.values())).slope


def row(name: str, value: float, unit: str, bar: float) -> dict[str, Any]:
    shown = {"name": name, "value": value, "unit": unit, "peer": "—", "ratio": None}
    return shown | {"bar": bar, "holds": value <= bar}


def rows() -> list[dict[str, Any]]:
    """Every size once."""
    start = measured(SMALLEST)
    found = {n: measured(n) for n in sorted({*SIZES, *CACHED})}
    fresh, cached = ({n: found[n][place] for n in SIZES} for place in (0, 1))
    sizes = f"{SIZES[0]:,} to {SIZES[-1]:,} claims"
    return [
        row(f"{sizes}, fresh: growth", exponent(fresh, start[0]), "power", LARGEST_EXPONENT),
        row(f"{sizes}, nothing to do: growth", exponent(cached, start[1]), "power", LARGEST_EXPONENT),
        *(row(f"{n:,} claims, nothing to do", found[n][1], "s of processor", bar) for n, bar in CACHED.items()),
    ]


if __name__ == "__main__":
    for each in rows():
        print(f"{each['name']}: {each['value']:.3g} {each['unit']}, at most {each['bar']:g}")
