"""What is imported when: a person who collects, validates or looks at cached results waits for no heavy library."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qaml.attacks.base import ATTACKS
from qaml.claims.base import CLAIMS
from qaml.data.base import DATASETS, TRANSFORMS
from qaml.defences.base import DEFENCES
from qaml.metrics.table import METRICS
from qaml.models.base import MODELS
from qaml.models.kernel_svm.kernels import KERNELS
from qaml.quantum.channels import CHANNELS
from qaml.registry import Registry
from qaml.samplers.base import SAMPLERS

ROOT = Path(__file__).parent.parent
HEAVY = (
    "torch",
    "pennylane",
    "foolbox",
    "dwave",
    "dimod",
    "minorminer",
    "sklearn",
    "scipy",
    "numba",
    "matplotlib",
    "pyautoattack",
)
REGISTRIES: list[Registry[Any]] = [
    ATTACKS,
    CHANNELS,
    CLAIMS,
    DATASETS,
    TRANSFORMS,
    DEFENCES,
    METRICS,
    MODELS,
    SAMPLERS,
    KERNELS,
]
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
    modules = (
        "outcome.merge",
        "report.pages.html",
        "report.text.markdown",
        "report.text.terminal",
        "report.text.junit",
    )
    code = "\n".join(f"import qaml.{name}" for name in modules)
    assert heavy(code) == []


def _imported(path: Path) -> Iterator[str]:
    """Modules that a file imports when it is imported itself: not inside functions, not for types alone."""
    queue: list[ast.AST] = list(ast.parse(path.read_text()).body)
    while queue:
        node = queue.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        ):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        queue.extend(ast.iter_child_nodes(node))


def _file(module: str) -> Path | None:
    stem = ROOT / module.replace(".", "/")
    return next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()), None)


def chain_to_a_heavy_library(module: str) -> list[str]:
    """The shortest chain of imports from a module of qaml to a heavy library; empty where there is none."""
    came_from: dict[str, str] = {module: ""}
    queue = [module]
    for name in queue:
        parents = [name.rpartition(".")[0]] if name.startswith("qaml.") else []
        path = _file(name)
        for other in (*parents, *(_imported(path) if path is not None else ())):
            is_heavy = other.partition(".")[0] in HEAVY
            if other in came_from or not (is_heavy or (other.startswith("qaml") and _file(other) is not None)):
                continue
            came_from[other] = name
            if is_heavy:
                chain = [other]
                while came_from[chain[0]]:
                    chain.insert(0, came_from[chain[0]])
                return chain
            queue.append(other)
    return []


def _light_modules() -> list[str]:
    """What collects, validates, plans and reports: edges, specs, plans, outcomes, reports, and every part."""
    rooms = ("spec", "plan", "outcome", "session", "claims", "report")
    files = [path for room in rooms for path in sorted((ROOT / "qaml" / room).rglob("*.py"))]
    files += [path for path in sorted((ROOT / "qaml").glob("*.py")) if path.stem != "compiled"]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files]
    return names + sorted({registry.load(kind).__module__ for registry, kind in KINDS})


def test_no_light_module_leads_to_a_heavy_library() -> None:
    chains = {module: chain_to_a_heavy_library(module) for module in _light_modules()}
    assert len(chains) > 150
    assert not [" -> ".join(chain) for chain in chains.values() if chain]


def test_the_chain_to_a_heavy_library_is_seen() -> None:
    chain = chain_to_a_heavy_library("qaml.run.steps.train")
    assert chain[0] == "qaml.run.steps.train"
    assert chain[-1].partition(".")[0] in HEAVY
