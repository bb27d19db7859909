"""What is imported when: a person who collects, validates or looks at cached results waits for no heavy library."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from qaml.attacks.base import ATTACKS
from qaml.claims.base import CLAIMS
from qaml.data.base import DATASETS, TRANSFORMS
from qaml.defences.base import DEFENCES
from qaml.models.base import MODELS
from qaml.quantum.channels import CHANNELS
from qaml.registry import Registry
from qaml.samplers.base import SAMPLERS

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "pennylane", "foolbox", "dwave", "dimod", "minorminer", "sklearn", "scipy", "numba", "matplotlib")
REGISTRIES: list[Registry[Any]] = [ATTACKS, CHANNELS, CLAIMS, DATASETS, TRANSFORMS, DEFENCES, MODELS, SAMPLERS]
KINDS = [(registry, kind) for registry in REGISTRIES for kind in registry.kinds()]

TELL = f"""
import atexit, sys
atexit.register(lambda: print("heavy:", [n for n in {HEAVY!r} if n in sys.modules], file=sys.__stdout__))
"""


def heavy(code: str, *arguments: str) -> list[str]:
    """Run code; the heavy libraries that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", TELL + code, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    line = done.stdout.splitlines()[-1]
    assert line.startswith("heavy: ")
    return [name for name in HEAVY if f"'{name}'" in line]


def test_the_measure_itself_sees_a_heavy_library() -> None:
    assert "scipy" in heavy("import scipy.special")


def test_collecting_the_benchmarks_imports_nothing_heavy(capsys: pytest.CaptureFixture[str]) -> None:
    start = time.perf_counter()
    code = (
        "import pytest; raise SystemExit(pytest.main(['--collect-only', '-q', 'benchmarks', '-p', 'no:cacheprovider']))"
    )
    assert heavy(code) == []
    with capsys.disabled():
        print(f"\n--collect-only benchmarks/: {time.perf_counter() - start:.2f} s")  # noqa: T201


@pytest.mark.parametrize("command", ["validate", "list", "schema"])
def test_commands_that_compute_nothing_import_nothing_heavy(command: str) -> None:
    assert heavy("from qaml.cli import app; app()", command) == []


def test_planning_imports_nothing_heavy(tmp_path: Path) -> None:
    assert heavy("from qaml.cli import app; app()", "plan", "--store", str(tmp_path / "store")) == []


def test_every_part_is_light() -> None:
    modules = {registry.load(kind).__module__ for registry, kind in KINDS}
    assert len(modules) > 30
    assert (
        heavy("import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)", *sorted(modules)) == []
    )


def test_looking_up_one_kind_imports_one_part() -> None:
    code = (
        "import sys\nfrom qaml.models.base import MODELS\nMODELS.load('rbm')\n"
        "assert 'qaml.models.resnet18.part' not in sys.modules\n"
        "assert 'qaml.attacks' not in sys.modules\n"
    )
    assert heavy(code) == []


def test_importing_qaml_imports_nothing_of_it() -> None:
    assert heavy("import sys, qaml\nassert not [n for n in sys.modules if n.startswith('qaml.')]") == []


def test_the_report_is_drawn_without_heavy_libraries() -> None:
    code = "import qaml.report.html, qaml.report.markdown, qaml.report.merge, qaml.report.terminal, qaml.report.junit"
    assert heavy(code) == []
